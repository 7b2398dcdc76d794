"""Where things lie: all that a run writes is under one folder, so `rm -r data` is a reset."""

from pathlib import Path

from ingestion.pipeline import data_dir

ROOT = Path(__file__).resolve().parent.parent
DBT_PROJECT = ROOT / "dbt_project"


def serving() -> Path:
    """Return the folder of published versions; readers open `current/productops.duckdb` in it."""
    return data_dir() / "serving"


def published_file() -> Path:
    """Return the file that readers open; it may not exist yet."""
    return serving() / "current" / "productops.duckdb"


def data_docs() -> Path:
    """Return the folder of the check reports for people."""
    return data_dir() / "data_docs"


def build_record() -> Path:
    """Return the file that says which models the warehouse was last built with."""
    return data_dir() / "warehouse" / "build.json"
