"""The rows of each block, with the words that define them, as the pages carry them."""

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb

from dashboards.blocks import Block, Column

# A chart of more rows would be slow to draw, and one with some left out would be wrong.
CHART_ROWS = 20_000
# A table says that it was cut; 2,000 accounts with all that is known of them are 1 MB.
TABLE_ROWS = 2_000
SHORT = {"mrr", "arr", "nps", "csat", "crm", "utc"}


@dataclass(frozen=True)
class Mart:
    """A table of the published file, as its reader needs to know it."""

    name: str
    comment: str
    row_count: int
    columns: Sequence[tuple[str, str, str]]  # name, type, comment

    def comment_of(self, column: str) -> str | None:
        """Return what the mart says of a column, None if it has no such column."""
        return next((comment for name, _, comment in self.columns if name == column), None)


@dataclass(frozen=True)
class Figures:
    """What a block shows: rows, or why there are none."""

    state: str  # full, empty, absent or failed
    columns: Sequence[Mapping[str, Any]] = ()  # name, label, unit, kind and definition of each
    rows: Sequence[Sequence[Any]] = ()
    left_out: int = 0
    message: str = ""


def marts(connection: duckdb.DuckDBPyConnection) -> dict[str, Mart]:
    """Return every table of the file by `schema.table`."""
    tables = connection.execute(
        "select schema_name || '.' || table_name, coalesce(comment, '') from duckdb_tables()"
        " order by all"
    ).fetchall()
    columns = defaultdict(list)
    for mart, name, kind, comment in connection.execute(
        "select schema_name || '.' || table_name, column_name, lower(data_type), comment"
        " from duckdb_columns() where not internal order by table_oid, column_index"
    ).fetchall():
        columns[mart].append((name, kind, _line(comment)))
    return {
        mart: Mart(mart, _line(comment), count, columns[mart])
        for (mart, comment), count in zip(tables, _counts(connection, tables), strict=True)
    }


def _counts(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[tuple[str, str]]
) -> Sequence[int]:
    if not tables:
        return ()
    # One question for all: asking for each takes longer than counting.
    counts = ", ".join(
        '(select count(*) from "{}"."{}")'.format(*mart.split(".", 1)) for mart, _ in tables
    )
    return connection.execute(f"select {counts}").fetchone() or ()


def _line(comment: str | None) -> str:
    return " ".join((comment or "").split())


def figures(
    connection: duckdb.DuckDBPyConnection, block: Block, known: Mapping[str, Mart]
) -> Figures:
    """Run a block's query; what goes wrong is told in the block's place and nowhere else."""
    if absent := [mart for mart in block.marts if mart not in known]:
        return Figures("absent", message=f"This publication has no table {absent[0]}.")
    try:
        cursor = connection.execute(block.sql)
        names = [each[0] for each in cursor.description or ()]
        kinds = [_kind(str(each[1])) for each in cursor.description or ()]
        rows = [[_plain(value) for value in row] for row in cursor.fetchall()]
    except duckdb.Error as error:
        return Figures("failed", message=f"Its query failed: {str(error).splitlines()[0]}")
    if wrong := _wrong(block, names, rows):
        return Figures("failed", message=wrong)
    limit = TABLE_ROWS if block.chart == "table" else CHART_ROWS
    read = [known[mart] for mart in block.marts]
    return Figures(
        "full" if rows else "empty",
        [_described(block, name, kind, read) for name, kind in zip(names, kinds, strict=True)],
        rows[:limit],
        max(len(rows) - limit, 0),
        "" if rows else block.empty,
    )


def _wrong(block: Block, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return why these rows must not be drawn, if so."""
    asked = [block.x, block.by, block.over, block.low, block.high, block.date, block.segment]
    wanted = [*asked, block.complete, *block.y, *block.search, *block.columns]
    if missing := [name for name in wanted if name and name not in names]:
        return f"Its query gives no column {missing[0]}; it gives {', '.join(names)}."
    if block.chart == "table":
        return ""
    if len(rows) > CHART_ROWS:
        return f"Its query gives {len(rows):,} rows; group them to {CHART_ROWS:,} or fewer."
    if block.additive:
        at = names.index(block.segment) if block.segment else -1
        counted_twice = at >= 0 and any(row[at] == "all" for row in rows)
        return f"It is summed over {names[at]}; leave out rows of 'all'." if counted_twice else ""
    parts = (block.x, block.by, block.segment, block.date)
    keys = [names.index(each) for each in parts if each]
    if len({tuple(row[key] for key in keys) for row in rows}) < len(rows):
        shown = ", ".join(dict.fromkeys(names[key] for key in keys)) or "all"
        return f"It may not be summed, and has several rows for one {shown}; group by it."
    return ""


def _described(block: Block, name: str, kind: str, read: Sequence[Mart]) -> Mapping[str, Any]:
    """Return a column with its words: the page's own, else the mart's, else of what it is a row."""
    said = block.columns.get(name, Column())
    words = said.definition
    for mart in read:
        words = words or mart.comment_of(said.of or name) or ""
    own = bool(words)
    if not words and read:
        words = f"A column of {read[0].name}. {read[0].comment}".strip()
    return {
        "name": name,
        "label": said.label or _label(name),
        "unit": said.unit or (block.unit if name in block.y else "") or _unit(name),
        "kind": kind,
        "definition": words,
        "own": own,
    }


def _label(name: str) -> str:
    words = name.removesuffix("_usd").removesuffix("_count").replace("_", " ").split()
    if name.endswith("_count") and words[-1] != "people":
        words[-1] = re.sub("y$", "ie", words[-1]) + "s"
    text = " ".join(each.upper() if each in SHORT else each for each in words)
    return text[:1].upper() + text[1:]


def _unit(name: str) -> str:
    if name.endswith(("_usd", "_usd_per_day")):
        return "usd"
    return "share" if name.endswith(("_share", "_rate", "_retention")) else ""


def _kind(kind: str) -> str:
    """Return what the pages tell apart: number, date, moment, truth or text."""
    kind = kind.upper()
    if kind.startswith("TIMESTAMP"):
        return "moment"
    if kind in {"DATE", "BOOLEAN"}:
        return {"DATE": "date", "BOOLEAN": "truth"}[kind]
    numbers = ("DECIMAL", "NUMBER", "DOUBLE", "FLOAT")
    return "number" if kind.startswith(numbers) or kind.endswith("INT") or "INTEGER" in kind \
        else "text"  # fmt: skip


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; what is no number is nothing."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.isoformat(" ", "minutes")
    if isinstance(value, date):
        return value.isoformat()
    return value if value is None or isinstance(value, int | str) else str(value)
