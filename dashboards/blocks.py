"""The pages as data: read the files in `pages/`, and say what is wrong with them."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

FOLDER = Path(__file__).parent / "pages"

CHARTS = ("line", "bar", "stacked", "heatmap", "funnel", "errorbars", "table", "number")
# What a chart cannot be drawn without, beyond what every block has.
NEEDS: Mapping[str, frozenset[str]] = {
    "line": frozenset({"x", "y"}),
    "bar": frozenset({"x", "y"}),
    "stacked": frozenset({"x", "y"}),
    "heatmap": frozenset({"x", "y", "by"}),
    "funnel": frozenset({"x", "y"}),
    "errorbars": frozenset({"x", "y", "low", "high"}),
    "table": frozenset(),
    "number": frozenset({"y"}),
}
REQUIRED = frozenset({"name", "title", "question", "mart", "sql", "chart"})
COLUMNS = ("x", "by", "over", "low", "high", "date", "segment", "complete")
OPTIONAL = frozenset(
    {*COLUMNS, "y", "unit", "additive", "columns", "empty", "note", "wide", "search", "compare"}
)
PAGE_KEYS = frozenset({"title", "question", "order", "blocks"})
COLUMN_KEYS = frozenset({"label", "unit", "of", "definition"})
# The C one reads the pages in a tenth of the time, where PyYAML was built with it.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NAME = re.compile(r"^[a-z][a-z0-9_]*$")
MART = re.compile(r"^[a-z_]+\.[a-z0-9_]+$")


class PageError(ValueError):
    """A page file says something that cannot be shown."""


@dataclass(frozen=True)
class Column:
    """What a page says of a column beyond the mart's own words."""

    label: str = ""
    unit: str = ""
    of: str = ""  # the mart's column whose comment defines it
    definition: str = ""  # where no column of a mart is it


@dataclass(frozen=True)
class Block:
    """A query and how its rows are shown."""

    name: str
    title: str
    question: str
    marts: tuple[str, ...]
    sql: str
    chart: str
    y: tuple[str, ...] = ()
    x: str = ""
    by: str = ""
    over: str = ""  # y is divided by it, both summed first
    low: str = ""
    high: str = ""
    date: str = ""  # the date filter looks at it; x, if that is a date
    segment: str = ""  # the segment filter looks at it
    complete: str = ""  # false in rows of a period that is not over
    unit: str = ""
    # Whether rows may be summed. If not, the query gives rows of segment `all` beside the others.
    additive: bool = False
    columns: Mapping[str, Column] = field(default_factory=dict)
    empty: str = ""  # what to say without rows
    note: str = ""
    wide: bool = False
    search: tuple[str, ...] = ()  # of a table: columns that a search box looks through
    compare: int = 1  # of a number: how many rows before the newest one it is compared with


@dataclass(frozen=True)
class Page:
    """A file of blocks; its name is the address."""

    name: str
    title: str
    question: str
    order: int
    blocks: tuple[Block, ...]


def pages(folder: Path = FOLDER) -> list[Page]:
    """Return every page, in the order of the menu.

    Raises:
        PageError: naming the file, the block and the remedy.
    """
    found = sorted(map(_page, sorted(folder.glob("*.yml"))), key=lambda page: page.order)
    if double := _doubles(str(page.order) for page in found):
        raise PageError(f"{folder}: two pages have the order {double[0]}; give each its own")
    return found


def _page(path: Path) -> Page:
    try:
        content = yaml.load(path.read_text(), Loader=LOADER)
    except yaml.YAMLError as error:
        raise PageError(f"{path.name} is no YAML ({error}); mend it there") from error
    where = path.name
    if not isinstance(content, dict):
        raise PageError(f"{where} holds no page; begin with the keys {_listed(PAGE_KEYS)}")
    _keys(where, content, PAGE_KEYS, frozenset())
    if not isinstance(content["order"], int):
        raise PageError(f"{where}: order is {content['order']!r}; give a whole number")
    if not isinstance(content["blocks"], list) or not content["blocks"]:
        raise PageError(f"{where}: blocks is no list; write each as `- name: …`")
    blocks = tuple(_block(where, index, each) for index, each in enumerate(content["blocks"], 1))
    if double := _doubles(block.name for block in blocks):
        raise PageError(f"{where}: two blocks are called {double[0]!r}; rename one")
    return Page(
        path.stem, str(content["title"]), str(content["question"]), content["order"], blocks
    )


def _block(file: str, index: int, given: Any) -> Block:
    if not isinstance(given, dict):
        raise PageError(f"{file}: block {index} is {given!r}; write it as keys and values")
    where = f"{file}, block {given.get('name', index)!r}"
    _keys(where, given, REQUIRED, OPTIONAL)
    chart = given["chart"]
    if chart not in CHARTS:
        raise PageError(f"{where}: chart is {chart!r}; choose one of {', '.join(CHARTS)}")
    if missing := sorted(NEEDS[chart] - given.keys()):
        raise PageError(f"{where}: a {chart} needs {missing[0]!r}; name the column of the query")
    for key in ("additive", "wide"):
        if not isinstance(given.get(key, False), bool):
            raise PageError(f"{where}: {key} is {given[key]!r}; say true or false")
    if not isinstance(given.get("compare", 1), int) or given.get("compare", 1) < 1:
        raise PageError(f"{where}: compare is {given['compare']!r}; give a number of rows, from 1")
    for key in (*COLUMNS, "name", "title", "question", "sql", "unit", "empty", "note"):
        if not isinstance(given.get(key, ""), str):
            raise PageError(f"{where}: {key} is {given[key]!r}; give one text")
    if not NAME.match(given["name"]):
        raise PageError(f"{where}: a name is an address; use small letters, digits and _")
    block = Block(
        **{
            **{key: value for key, value in given.items() if key != "mart"},
            "marts": _texts(where, "mart", given["mart"]),
            "y": _texts(where, "y", given.get("y", [])),
            "search": _texts(where, "search", given.get("search", [])),
            "columns": _columns(where, given.get("columns", {})),
        }
    )
    _sensible(where, block)
    return block


def _sensible(where: str, block: Block) -> None:
    """Refuse what could be drawn, and would mislead."""
    if not block.marts or any(not MART.match(mart) for mart in block.marts):
        raise PageError(f"{where}: mart is {list(block.marts)}; name them as schema.table")
    read = _marts_read(where, block.sql)
    for mart in block.marts:
        if mart not in read:
            raise PageError(f"{where}: its query does not read {mart}; take it out of mart")
    for mart in read:
        if mart not in block.marts:
            raise PageError(f"{where}: its query reads {mart} too; name it in mart")
    if len(block.y) > 1 and (block.by or block.over or block.chart in {"number", "errorbars"}):
        raise PageError(f"{where}: y has {len(block.y)} columns; beside by, over, a number or"
                        " error bars it is one")  # fmt: skip
    if block.over and not block.additive:
        raise PageError(f"{where}: over divides sums, so both columns add up; say additive: true")
    if block.chart == "errorbars" and block.additive:
        raise PageError(f"{where}: intervals do not add up; say additive: false, and let the query"
                        " give rows of segment 'all'")  # fmt: skip
    if block.search and block.chart != "table":
        raise PageError(f"{where}: only a table can be searched; take search out")


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    # 74 blocks that each open their own take 0.4 s more.
    return duckdb.connect()


def _marts_read(where: str, sql: str) -> list[str]:
    """The tables of a query that name their schema; DuckDB's parser knows what is one."""
    [(parsed,)] = _parser().execute("select json_serialize_sql(?)", [sql]).fetchall()
    tree = json.loads(parsed)
    if tree["error"]:
        raise PageError(f"{where}: its query cannot be read: {tree['error_message']}")
    found, nodes = set(), [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            if node.get("type") == "BASE_TABLE" and node["schema_name"]:
                found.add(f"{node['schema_name']}.{node['table_name']}")
            node = list(node.values())
        if isinstance(node, list):
            nodes += node
    return sorted(found)


def _columns(where: str, given: Any) -> dict[str, Column]:
    if not isinstance(given, dict) or not all(isinstance(each, dict) for each in given.values()):
        raise PageError(f"{where}: columns is {given!r}; write `column: {{label: …, unit: …}}`")
    for name, each in given.items():
        _keys(f"{where}, column {name!r}", each, frozenset(), COLUMN_KEYS)
    return {name: Column(**each) for name, each in given.items()}


def _texts(where: str, key: str, value: Any) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
        raise PageError(f"{where}: {key} is {value!r}; give a text or a list of texts")
    return tuple(texts)


def _keys(
    where: str, given: Mapping[str, Any], required: frozenset[str], optional: frozenset[str]
) -> None:
    if missing := sorted(required - given.keys()):
        raise PageError(f"{where} lacks {missing[0]!r}; add it")
    if unknown := sorted(map(str, given.keys() - required - optional)):
        raise PageError(
            f"{where} has the unknown key {unknown[0]!r}; known: {_listed(required | optional)}"
        )


def _listed(keys: Iterable[str]) -> str:
    return ", ".join(sorted(keys))


def _doubles(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
