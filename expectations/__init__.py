"""Would a reader believe this table? Suites are data; this reads them, and runs nothing."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

FOLDER = Path(__file__).parent

# A mart that is missing is a failure; a vendor that was never configured is not.
MARTS = frozenset({"core", "product", "sales", "marketing", "research", "delivery"})

Severity = Literal["error", "warn"]

# Only what the suites use. What dbt owns (keys, types, nulls, relationships, accepted
# values) is left out on purpose: the same rule in two places drifts apart.
EXPECTATIONS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    # Name: (required arguments, optional arguments).
    "expect_table_row_count_to_be_between": (
        frozenset(),
        frozenset({"min_value", "max_value"}),
    ),
    "expect_column_values_to_be_between": (
        frozenset({"column"}),
        frozenset({"min_value", "max_value", "mostly"}),
    ),
    "expect_column_mean_to_be_between": (
        frozenset({"column"}),
        frozenset({"min_value", "max_value"}),
    ),
    # With `mostly`, so that it speaks of coverage: a column that may never be null is dbt's.
    "expect_column_values_to_not_be_null": (frozenset({"column", "mostly"}), frozenset()),
    # Ours: a query that returns (scope, expected, observed), compared within a budget.
    "expect_figures_to_agree": (
        frozenset({"query"}),
        frozenset({"tolerance", "tolerance_share", "direction"}),
    ),
}
DIRECTIONS = ("both", "at_least", "at_most")
NUMBERS = frozenset({"min_value", "max_value", "mostly", "tolerance", "tolerance_share"})
KEYS = frozenset({"name", "type", "kwargs", "severity", "description", "needs", "personal"})


class SuiteError(ValueError):
    """A suite file says something that cannot be run."""


@dataclass(frozen=True)
class Expectation:
    """One thing that must hold of a table before anyone is asked to believe it."""

    name: str
    type: str
    kwargs: Mapping[str, Any]  # as in the YAML: numbers and text
    severity: Severity = "error"
    description: str = ""
    # Relations that must exist and hold rows; without them the expectation is skipped.
    needs: tuple[str, ...] = ()
    # No value of a personal column may reach a result, a log or a page.
    personal: bool = False


@dataclass(frozen=True)
class Suite:
    """Everything that is expected of one table."""

    table: str
    expectations: tuple[Expectation, ...] = field(default_factory=tuple)


def suites(folder: Path = FOLDER) -> dict[str, Suite]:
    """Return every suite, keyed `<schema>.<table>`."""
    found: dict[str, Suite] = {}
    for path in sorted(folder.glob("*.yml")):
        for table, entries in _read(path).items():
            found[table] = Suite(table, _expectations(path, table, entries))
    return found


class _Loader(yaml.CSafeLoader):
    """YAML in which a key given twice is an error: the first suite would be lost in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = Counter(key.value for key, _ in node.value)
        if twice := [key for key, count in keys.items() if count > 1]:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {twice[0]!r} stands twice", node.start_mark
            )
        return super().construct_mapping(node, deep)


def _read(path: Path) -> dict[str, Any]:
    try:
        # A subclass of a safe loader (libyaml: 0.02 s, in Python 4 s): it builds plain values only.
        content = yaml.load(path.read_text(), Loader=_Loader)
    except yaml.YAMLError as error:
        raise SuiteError(f"{path}: not valid YAML ({error}); correct the file") from error
    if not isinstance(content, dict):
        raise SuiteError(f"{path}: holds no tables; start with `{path.stem}.<table>:`")
    return content


def _expectations(path: Path, table: Any, entries: Any) -> tuple[Expectation, ...]:
    if not re.fullmatch(rf"{re.escape(path.stem)}\.[a-z][a-z0-9_]*", str(table)):
        raise SuiteError(
            f"{path}: table {table!r} is not of this file; name it `{path.stem}.<table>`"
        )
    if not isinstance(entries, list) or not entries:
        raise SuiteError(f"{path}: {table}: expects a list of expectations, found {entries!r}")
    expectations = tuple(_expectation(f"{path}: {table}", entry) for entry in entries)
    for name, count in Counter(each.name for each in expectations).items():
        if count > 1:
            raise SuiteError(
                f"{path}: {table}: the name {name!r} is used {count} times; make it one"
            )
    return expectations


def _expectation(where: str, entry: Any) -> Expectation:
    if not isinstance(entry, dict) or "type" not in entry:
        raise SuiteError(f"{where}: {entry!r} has no `type`; use one of {sorted(EXPECTATIONS)}")
    if unknown := set(entry) - KEYS:
        raise SuiteError(f"{where}: unknown key {sorted(unknown)[0]!r}; use {sorted(KEYS)}")
    kind, kwargs = entry["type"], entry.get("kwargs") or {}
    _check_kwargs(where, kind, kwargs)
    severity = entry.get("severity", "error")
    if severity not in ("error", "warn"):
        raise SuiteError(f"{where}: severity {severity!r} is unknown; use 'error' or 'warn'")
    needs = entry.get("needs", [])
    if not isinstance(needs, list) or not all(_is_relation(need) for need in needs):
        raise SuiteError(f"{where}: needs {needs!r} must list relations as `schema.table`")
    return Expectation(
        name=_name(where, kind, kwargs, entry.get("name")),
        type=kind,
        kwargs=kwargs,
        severity=severity,
        description=" ".join(str(entry.get("description", "")).split()),
        needs=tuple(needs),
        personal=_boolean(where, entry.get("personal", False)),
    )


def _check_kwargs(where: str, kind: Any, kwargs: Any) -> None:
    if kind not in EXPECTATIONS:
        raise SuiteError(
            f"{where}: expectation {kind!r} is unknown; use one of {sorted(EXPECTATIONS)}"
        )
    required, optional = EXPECTATIONS[kind]
    if not isinstance(kwargs, dict):
        raise SuiteError(f"{where}: {kind}: kwargs {kwargs!r} must be a mapping")
    if missing := required - set(kwargs):
        raise SuiteError(f"{where}: {kind}: lacks {sorted(missing)[0]!r}; add it to kwargs")
    if unknown := set(kwargs) - required - optional:
        raise SuiteError(
            f"{where}: {kind}: unknown argument {sorted(unknown)[0]!r};"
            f" it takes {sorted(required | optional)}"
        )
    for name in NUMBERS & set(kwargs):
        if isinstance(kwargs[name], bool) or not isinstance(kwargs[name], int | float):
            raise SuiteError(f"{where}: {kind}: {name} is {kwargs[name]!r}; give a number")
    if not 0 < kwargs.get("mostly", 1) <= 1:
        raise SuiteError(f"{where}: {kind}: mostly is {kwargs['mostly']!r}; give a share up to 1")
    if kwargs.get("direction", "both") not in DIRECTIONS:
        raise SuiteError(
            f"{where}: {kind}: direction {kwargs['direction']!r} is unknown; use {DIRECTIONS}"
        )
    if "between" in kind and not {"min_value", "max_value"} & set(kwargs):
        raise SuiteError(f"{where}: {kind}: has no bound; give min_value, max_value or both")


def _name(where: str, kind: str, kwargs: Mapping[str, Any], name: Any) -> str:
    if name is None and kind == "expect_figures_to_agree":
        raise SuiteError(f"{where}: {kind}: lacks a `name`; say what the two figures are")
    if name is None:
        short = kind.removeprefix("expect_").removeprefix("column_").removeprefix("table_")
        name = "_".join(filter(None, [kwargs.get("column"), short]))
    # Dagster takes no other characters in the name of a check.
    if not re.fullmatch(r"[a-z0-9_]+", str(name)):
        raise SuiteError(f"{where}: name {name!r} may hold only a-z, 0-9 and _")
    return str(name)


def _is_relation(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"(published\.)?[a-z_]+\.[a-z_]+", value))


def _boolean(where: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise SuiteError(f"{where}: personal is {value!r}; use true or false")
    return value
