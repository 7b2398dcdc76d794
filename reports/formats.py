"""Rows as tables in a terminal, CSV, JSON or Markdown."""

import csv
import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table

FORMATS = ("table", "csv", "json", "md")
Rows = list[dict[str, Any]]


def show(sections: dict[str, Rows], form: str, console: Console) -> None:
    """Print sections of rows. A section of one row is listed field by field, but in CSV.

    CSV is one table with the section in its first column when there are several.
    """
    if form == "json":
        print(json.dumps(sections, indent=1, default=str))
    elif form == "csv":
        _csv(sections)
    else:
        for name, rows in sections.items():
            table = _listed(rows) if len(rows) == 1 else rows
            (_markdown if form == "md" else _table)(name, table, console)


def _listed(rows: Rows) -> Rows:
    return [{"field": field, "value": value} for field, value in rows[0].items()]


def text(value: Any) -> str:
    """A value as people read it: nothing for null, no more than six digits of a fraction."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _table(name: str, rows: Rows, console: Console) -> None:
    table = Table(*(rows[0] if rows else ["(none)"]), title=name, title_justify="left")
    for row in rows:
        table.add_row(*map(text, row.values()))
    console.print(table)


def _markdown(name: str, rows: Rows, console: Console) -> None:
    print(f"## {name}\n")
    if rows:
        for cells in ([*rows[0]], ["---"] * len(rows[0]), *([*row.values()] for row in rows)):
            print("| " + " | ".join(text(cell).replace("|", "\\|") for cell in cells) + " |")
    else:
        print("(none)")
    print()


def _csv(sections: dict[str, Rows]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if len(sections) == 1:
        [rows] = sections.values()
        if rows:
            writer.writerow(rows[0])
        writer.writerows([text(value) for value in row.values()] for row in rows)
        return
    writer.writerow(("section", "row", "field", "value"))
    for name, rows in sections.items():
        for number, row in enumerate(rows, start=1):
            writer.writerows((name, number, field, text(value)) for field, value in row.items())
