"""Tells whether a night brought anything, so that a night that brought nothing builds nothing."""

import json
import logging
from pathlib import Path
from typing import Any

import duckdb

from ingestion import SOURCES
from orchestration.code_version import code_version, models_version
from orchestration.paths import published_file, serving

logger = logging.getLogger("productops")

# What a source counts and which exports ran is about the asking, not about the answer; both are
# written each night.
_ABOUT_ASKING = {"source_counts", "exports", "drift"}


def fingerprint(warehouse: Path) -> str:
    """Return a text that is equal for equal raw rows, code and last complete day.

    Append-only tables (those with an arrival time) are told by their row count and newest arrival,
    all others by an order-independent hash of their rows.
    """
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        parts = [
            f"{schema}.{table}:{_table_fingerprint(connection, schema, table)}"
            for schema, table in _raw_tables(connection)
        ]
        clocks = " union all ".join(
            f"select max(counted_at) as told_at from {source}.source_counts" for source in SOURCES
        )
        row = connection.execute(
            f"select cast(timezone('UTC', max(told_at)) as date) from ({clocks})"
        ).fetchone()
    return json.dumps(
        {
            "raw": parts,
            "as_of": str(row and row[0]),
            "code": code_version(),
            "models": models_version(),
        }
    )


def _raw_tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    rows = connection.execute(
        "select schema_name, table_name from duckdb_tables() order by all"
    ).fetchall()
    return [
        (schema, table)
        for schema, table in rows
        if schema in SOURCES and not table.startswith("_") and table not in _ABOUT_ASKING
    ]


def _table_fingerprint(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> str:
    columns = [
        name
        for (name,) in connection.execute(
            "select column_name from duckdb_columns() where schema_name = ? and table_name = ?"
            " order by column_name",
            [schema, table],
        ).fetchall()
        if not name.startswith("_dlt")
    ]
    if "_inserted_at" in columns:
        expression = "count(*), max(_inserted_at)"
    else:
        quoted = ", ".join(f'"{name}"' for name in columns)
        expression = f"count(*), bit_xor(hash({quoted}))"
    return str(connection.execute(f'select {expression} from "{schema}"."{table}"').fetchone())


def _record() -> Path:
    return serving() / "inputs.json"


def is_published(inputs: str) -> bool:
    """Return whether what readers see now was made from exactly these inputs."""
    return bool(published_inputs() == json.loads(inputs))


def published_inputs() -> dict[str, Any] | None:
    """Return what the current publication was made from, None if that is not known."""
    try:
        record = json.loads(_record().read_text())
        current = published_file().parent.resolve(strict=True).name
        inputs: dict[str, Any] = json.loads(record["inputs"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return inputs if record["publication"] == current else None


def remember_published(inputs: str) -> None:
    """Note what the current publication was made from."""
    current = published_file().parent.resolve(strict=True).name
    _record().write_text(json.dumps({"publication": current, "inputs": inputs}))
