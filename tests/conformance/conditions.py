"""Filters of a case as SQL conditions: how a reader of events would word them."""

from collections.abc import Iterable, Mapping
from typing import Any

Filter = Mapping[str, Any]


def literal(value: Any) -> str:
    """A value as SQL text, as JSON writes it: 0 and false are values, not missing."""
    if isinstance(value, bool):
        return f"'{str(value).lower()}'"
    return "'" + str(value).replace("'", "''") + "'"


def prop(key: str, of: str = "event") -> str:
    """A property of the event or of its person as text; a JSON null is a missing one."""
    column = {"event": "properties", "person": "person_properties", "group": "groups"}[of]
    path = key.replace('"', '\\"').replace("'", "''")
    return f"json_extract_string({column}, '$.\"{path}\"')"


def holds(each: Filter) -> str:
    """One filter as a condition; what is not there is not the value."""
    expression = prop(each["key"], each.get("type") or "event")
    op, value = each.get("op") or "exact", each.get("value")
    return compared(expression, op, value)


def compared(expression: str, op: str, value: Any) -> str:
    values = value if isinstance(value, list) else [value]
    if op in {"exact", "is_not"}:
        listed = ", ".join(literal(each) for each in values if each is not None)
        among = f"{expression} in ({listed})" if listed else "false"
        missing = f" or {expression} is null" if None in values else ""
        found = f"coalesce({among}{missing}, false)"
        return found if op == "exact" else f"(not {found})"
    if op in {"icontains", "not_icontains"}:
        found = " or ".join(f"contains(lower({expression}), lower({literal(v)}))" for v in values)
        return (
            f"coalesce({found}, false)" if op == "icontains" else f"(not coalesce({found}, false))"
        )
    if op in {"is_set", "is_not_set"}:
        return f"({expression} is {'not ' if op == 'is_set' else ''}null)"
    if op in {"regex", "not_regex"}:
        found = f"coalesce(regexp_matches({expression}, {literal(value)}), false)"
        return found if op == "regex" else f"(not {found})"
    sign = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}[op]
    return f"coalesce(try_cast({expression} as double) {sign} {float(value)}, false)"


def every(filters: Iterable[Filter] | None) -> str:
    return " and ".join(holds(each) for each in filters or ()) or "true"


def event_is(
    each: Mapping[str, Any] | None, *, global_filters: Iterable[Filter] | None = ()
) -> str:
    """An event by name (null is any) and filters."""
    parts = [] if not each or each.get("event") is None else [f"event = {literal(each['event'])}"]
    parts += [holds(one) for one in [*((each or {}).get("filters") or ()), *(global_filters or ())]]
    return " and ".join(parts) or "true"
