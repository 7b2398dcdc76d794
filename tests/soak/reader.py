"""A reader in a process of its own: polls what is published and compares it with its own record.

Usage: `python -m tests.soak.reader SERVING STOP_FILE REPORT_FILE KEPT_OPEN`: reads until the stop
file is there, keeps each connection for KEPT_OPEN reads, and writes what it saw as JSON.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import duckdb

Report = dict[str, Any]
# A dashboard asks less often. At 0.2 four readers took half of two cores from the nights.
PAUSE = 0.6


def read(connection: duckdb.DuckDBPyConnection, report: Report) -> None:
    """Read every table once; all must be of one version."""
    version = _version(connection)
    if report["versions"] and version < report["versions"][-1]:
        report["older"].append(version)
    recorded = connection.execute(
        "select table_name, row_count, content_hash from ops.publication_tables"
        " where publication_id = ?",
        [version],
    ).fetchall()
    for table, rows, digest in recorded:
        columns = connection.execute(
            "select string_agg('\"' || column_name || '\"', ', ' order by column_index)"
            " from duckdb_columns() where schema_name || '.' || table_name = ?",
            [table],
        ).fetchall()[0][0]
        found = connection.execute(
            f"select count(*), coalesce(sum(hash({columns})), 0) from {table}"
        ).fetchall()[0]
        if (found[0], f"{found[1]:x}") != (rows, digest):
            report["mixtures"].append([version, table])
    if _version(connection) != version or not recorded:
        report["mixtures"].append([version, "ops.publications"])
    report["reads"] += 1
    if version not in report["versions"]:
        report["versions"].append(version)


def _version(connection: duckdb.DuckDBPyConnection) -> str:
    row = connection.execute("select max(publication_id) from ops.publications").fetchone()
    assert row
    return str(row[0])


def main(serving: Path, stop: Path, report_file: Path, kept_open: int) -> None:
    report: Report = {"reads": 0, "errors": [], "mixtures": [], "older": [], "versions": []}
    path = serving / "current" / "productops.duckdb"
    while not stop.exists():
        try:
            with duckdb.connect(str(path), read_only=True) as connection:
                connection.execute("set TimeZone = 'UTC'")
                for _ in range(kept_open):
                    read(connection, report)
                    time.sleep(PAUSE)
        except Exception as error:  # whatever it is, a reader saw it
            report["errors"].append(f"{type(error).__name__}: {error}")
        time.sleep(PAUSE)
    report_file.write_text(json.dumps(report))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), kept_open=int(sys.argv[4]))
