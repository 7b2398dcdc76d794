"""HubSpot's search language: filter groups, free text and one sort over the records of a view."""

import fnmatch
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulator.crm import NUMERIC, Records, View, as_number
from simulator.wire import Refuse, Row, known_keys, take, texts

OPERATORS = (
    "EQ", "NEQ", "LT", "LTE", "GT", "GTE", "BETWEEN", "IN", "NOT_IN", "HAS_PROPERTY",
    "NOT_HAS_PROPERTY", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN",
)  # fmt: skip
COMPARED: dict[str, np.ufunc] = {
    "EQ": np.equal,
    "LT": np.less,
    "LTE": np.less_equal,
    "GT": np.greater,
    "GTE": np.greater_equal,
    "BETWEEN": np.greater_equal,
}
# The negative of an operator also holds for records that have no value at all.
NEGATIVE = {
    "NEQ": "EQ",
    "NOT_IN": "IN",
    "NOT_HAS_PROPERTY": "HAS_PROPERTY",
    "NOT_CONTAINS_TOKEN": "CONTAINS_TOKEN",
}
MOST_GROUPS, MOST_FILTERS, MOST_IN_ALL = 5, 6, 18
SEARCHED = {
    "contacts": ("firstname", "lastname", "email", "phone", "company", "hs_object_id"),
    "companies": ("name", "domain", "website", "phone", "hs_object_id"),
    "deals": ("dealname", "pipeline", "dealstage", "description", "hs_object_id"),
}


@dataclass(frozen=True)
class Filter:
    name: str
    operator: str
    value: str | None
    high: str | None
    values: tuple[str, ...]


@dataclass(frozen=True)
class Search:
    """A search as HubSpot understands it; equal searches share their result."""

    groups: tuple[tuple[Filter, ...], ...]
    text: str
    sort: str | None
    descending: bool


def read_search(body: Row, types: dict[str, str], refuse: Refuse) -> Search:
    """The filters, text and sort of a search body, each property known and each value usable."""
    groups = []
    for group in take(body, "filterGroups", list, refuse) or []:
        if not isinstance(group, dict):
            raise refuse("filterGroups", "must be a list of objects")
        known_keys(group, ("filters",), refuse)
        listed = take(group, "filters", list, refuse, required=True)
        if len(listed) > MOST_FILTERS:
            raise refuse("filters", f"must be at most {MOST_FILTERS} in a group")
        groups.append(tuple(_filter(entry, types, refuse) for entry in listed))
    if len(groups) > MOST_GROUPS:
        raise refuse("filterGroups", f"must be at most {MOST_GROUPS}")
    if sum(map(len, groups)) > MOST_IN_ALL:
        raise refuse("filterGroups", f"must have at most {MOST_IN_ALL} filters in all")
    sort, descending = _sort(take(body, "sorts", list, refuse) or [], types, refuse)
    return Search(tuple(groups), take(body, "query", str, refuse) or "", sort, descending)


def _filter(entry: object, types: dict[str, str], refuse: Refuse) -> Filter:
    if not isinstance(entry, dict):
        raise refuse("filters", "must be a list of objects")
    known_keys(entry, ("propertyName", "operator", "value", "highValue", "values"), refuse)
    name = take(entry, "propertyName", str, refuse, required=True)
    operator = take(entry, "operator", str, refuse, required=True)
    if operator not in OPERATORS:
        raise refuse("operator", f"{operator!r} is not one of {', '.join(OPERATORS)}")
    if name not in types:
        raise refuse("propertyName", f"{name!r} is not a property of this object type")
    found = Filter(
        name,
        operator,
        take(entry, "value", str, refuse),
        take(entry, "highValue", str, refuse),
        tuple(texts(entry, "values", refuse)),
    )
    _check(found, types[name], refuse)
    return found


def _check(asked: Filter, kind: str, refuse: Refuse) -> None:
    operator = asked.operator
    if operator in ("IN", "NOT_IN"):
        if not asked.values:
            raise refuse("values", f"are required by {operator}")
        return
    if operator in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        return
    if asked.value is None:
        raise refuse("value", f"is required by {operator}")
    if operator == "BETWEEN" and asked.high is None:
        raise refuse("highValue", "is required by BETWEEN")
    if kind in NUMERIC and "TOKEN" not in operator:
        for text in (asked.value, asked.high):
            if text is not None and not np.isfinite(as_number(text)):
                raise refuse("value", f"{text!r} is not a value of a {kind} property")


def _sort(sorts: list[object], types: dict[str, str], refuse: Refuse) -> tuple[str | None, bool]:
    if not sorts:
        return None, False
    if len(sorts) > 1:
        raise refuse("sorts", "must be at most one")
    entry = sorts[0]
    if isinstance(entry, str):
        entry = {"propertyName": entry.removeprefix("-")} | (
            {"direction": "DESCENDING"} if entry.startswith("-") else {}
        )
    if not isinstance(entry, dict):
        raise refuse("sorts", "must be a list of objects or property names")
    known_keys(entry, ("propertyName", "direction"), refuse)
    name: str = take(entry, "propertyName", str, refuse, required=True)
    direction = take(entry, "direction", str, refuse) or "ASCENDING"
    if direction not in ("ASCENDING", "DESCENDING"):
        raise refuse("direction", f"{direction!r} is not ASCENDING or DESCENDING")
    if name not in types:
        raise refuse("propertyName", f"{name!r} is not a property of this object type")
    return name, direction == "DESCENDING"


def run(search: Search, records: Records, view: View, types: dict[str, str]) -> np.ndarray:
    """Positions in the view of the records that match, in the order asked for."""
    count = len(view.codes)
    matched = np.full(count, not search.groups)
    for group in search.groups:
        inside = np.full(count, True)
        for asked in group:
            inside &= _mask(asked, records, view, types[asked.name])
        matched |= inside
    if search.text.strip():
        matched &= _containing(search.text, records, view)
    found = np.flatnonzero(matched)
    return found if search.sort is None else _sorted(found, search, records, view, types)


def _mask(asked: Filter, records: Records, view: View, kind: str) -> np.ndarray:
    if asked.operator in NEGATIVE:
        positive = Filter(
            asked.name, NEGATIVE[asked.operator], asked.value, asked.high, asked.values
        )
        return ~_mask(positive, records, view, kind)
    if asked.operator == "HAS_PROPERTY":
        return np.array([value is not None for value in records.column(view, asked.name)], bool)
    if asked.operator == "CONTAINS_TOKEN":
        return _tokens(asked.value or "", records.column(view, asked.name))
    if kind in NUMERIC:
        return _numeric(asked, records.numbers(view, asked.name))
    return _textual(asked, records.column(view, asked.name))


def _numeric(asked: Filter, values: np.ndarray) -> np.ndarray:
    if asked.operator == "IN":
        return np.isin(values, [as_number(text) for text in asked.values])
    low, high = as_number(asked.value), as_number(asked.high)
    found: np.ndarray = COMPARED[asked.operator](values, low)
    return found & (values <= high) if asked.operator == "BETWEEN" else found


def _textual(asked: Filter, values: list[str | None]) -> np.ndarray:
    """Text compares without case, as HubSpot's index does."""
    folded = [None if value is None else value.lower() for value in values]
    low = (asked.value or "").lower()
    high = (asked.high or "").lower()
    wanted = {text.lower() for text in asked.values}
    tests: dict[str, Callable[[str], bool]] = {
        "EQ": lambda text: text == low,
        "IN": lambda text: text in wanted,
        "BETWEEN": lambda text: low <= text <= high,
        "LT": lambda text: text < low,
        "LTE": lambda text: text <= low,
        "GT": lambda text: text > low,
        "GTE": lambda text: text >= low,
    }
    test = tests[asked.operator]
    return np.array([text is not None and test(text) for text in folded], bool)


def _tokens(pattern: str, values: list[str | None]) -> np.ndarray:
    """A word of the value, or the whole of it, matches; * stands for any characters."""
    escaped = re.sub(r"[\[\]?]", lambda found: f"[{found[0]}]", pattern.lower())
    matches = re.compile(fnmatch.translate(escaped)).match

    def holds(value: str | None) -> bool:
        if value is None:
            return False
        words = re.split(r"[\s@.,;:/_-]+", value.lower())
        return any(matches(word) for word in (value.lower(), *words))

    return np.array([holds(value) for value in values], bool)


def _containing(text: str, records: Records, view: View) -> np.ndarray:
    found = np.full(len(view.codes), True)
    columns = [records.column(view, name) for name in SEARCHED.get(records.kind, ())]
    joined = [" ".join(filter(None, values)).lower() for values in zip(*columns, strict=True)]
    for word in text.lower().split():
        found &= np.array([word in value for value in joined], bool)
    return found


def _sorted(
    found: np.ndarray, search: Search, records: Records, view: View, types: dict[str, str]
) -> np.ndarray:
    """Sorted by one property, records without it last, equal ones in id order."""
    name = search.sort or "hs_object_id"
    sign = -1 if search.descending else 1
    if types[name] in NUMERIC:
        keys = records.numbers(view, name)[found] * sign
        return found[np.argsort(keys, kind="stable")]
    values = records.column(view, name)
    with_value = [i for i in found.tolist() if values[i] is not None]
    without = [i for i in found.tolist() if values[i] is None]
    with_value.sort(key=lambda i: (values[i] or "").lower(), reverse=search.descending)
    return np.array(with_value + without, dtype=np.int64)
