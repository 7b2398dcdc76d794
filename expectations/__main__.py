"""Check the warehouse from the command line: `python -m expectations --tables sales.deals`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from dotenv import load_dotenv

from expectations import SuiteError
from expectations.validation import CheckResult, WarehouseUnreadableError, validate

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line per check; return 1 if one of them blocks publication, 2 if none could run."""
    load_dotenv(ROOT / ".env")
    data = Path(os.environ.get("PRODUCTOPS_DATA") or ROOT / "data")
    parser = argparse.ArgumentParser("python -m expectations", description=__doc__)
    parser.add_argument("--tables", help="comma-separated, as schema.table (default: all)")
    parser.add_argument("--data-docs", type=Path, help="folder to build pages into")
    parser.add_argument("--warehouse", type=Path, default=data / "warehouse/productops.duckdb")
    parser.add_argument(
        "--published", type=Path, default=data / "serving/current/productops.duckdb"
    )
    given = parser.parse_args(arguments)
    tables = None if given.tables is None else [each.strip() for each in given.tables.split(",")]
    try:
        results = validate(given.warehouse, tables, given.published, given.data_docs)
    except (SuiteError, WarehouseUnreadableError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.writelines(f"{_line(result)}\n" for result in results)
    return int(any(result.blocks for result in results))


def _line(result: CheckResult) -> str:
    if result.skipped:
        state = "skip"
    elif result.passed:
        state = "pass"
    else:
        state = "FAIL" if result.severity == "error" else "warn"
    return f"{state}  {result.table}  {result.name}  {result.message}"


if __name__ == "__main__":
    sys.exit(main())
