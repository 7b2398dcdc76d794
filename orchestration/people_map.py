"""The way back from a pseudonym to a person, for those who ask for it and nobody else."""

import os
from pathlib import Path

import duckdb

from ingestion.paths import private_dir

VARIABLE = "PRODUCTOPS_PEOPLE_MAP"
FILE = "people_map.parquet"
ANSWERS = {"true": True, "false": False, "1": True, "0": False, "": False}


def wants_people_map() -> bool:
    """Return the setting PRODUCTOPS_PEOPLE_MAP; off by default.

    Raises:
        ValueError: it is neither true nor false.
    """
    value = os.environ.get(VARIABLE, "").strip().lower()
    if value not in ANSWERS:
        raise ValueError(f"{VARIABLE} is {value!r}; give true or false")
    return ANSWERS[value]


def write_people_map(warehouse: Path) -> Path | None:
    """Write data/private/people_map.parquet for its owner alone, or remove it if not wanted.

    Columns: pseudonym, source, raw_id, email. It lies beside the serving folder and not in it, so
    that sharing what is published never shares this.
    """
    path = private_dir() / FILE
    if not wants_people_map():
        path.unlink(missing_ok=True)
        return None
    fresh = path.with_name(f".{FILE}")
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.sql("from intermediate.int_people_map").to_parquet(str(fresh))
    fresh.chmod(0o600)
    fresh.replace(path)
    return path
