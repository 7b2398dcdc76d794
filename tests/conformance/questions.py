"""Each case as calls of the dbt macros: the text of its models, by name of the result."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.conformance.cases import Case
from tests.conformance.conditions import compared, event_is, literal, prop

Models = dict[str, str]
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800, "month": 2592000}
WORDERS: dict[str, Callable[[Case], Models]] = {}


def words(metric: str) -> Callable[[Callable[[Case], Models]], Callable[[Case], Models]]:
    def register(worder: Callable[[Case], Models]) -> Callable[[Case], Models]:
        WORDERS[metric] = worder
        return worder

    return register


def worded(case: Case) -> Models:
    """Return the models that answer a case.

    Raises:
        LookupError: nothing here answers such a question.
    """
    if case.metric not in WORDERS:
        raise LookupError(f"no metric is called {case.metric!r}; known: {', '.join(WORDERS)}")
    return WORDERS[case.metric](case)


def call(macro: str, *arguments: Any, **options: Any) -> str:
    """The call of a macro as Jinja text."""
    given = [_jinja(each) for each in arguments]
    given += [f"{name}={_jinja(value)}" for name, value in options.items()]
    return "{{ " + f"{macro}({', '.join(given)})" + " }}"


def _jinja(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_jinja(k)}: {_jinja(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_jinja, value)) + "]"
    return value.name if isinstance(value, Name) else json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class Name:
    """A Jinja variable."""

    name: str


def setting(name: str, sql: str) -> str:
    """A Jinja variable that holds a relation."""
    return "{% set " + name + " %}(" + sql + ") as " + name + "{% endset %}"


def model(relation: str, macro: str, *arguments: Any, **options: Any) -> str:
    return call(macro, relation, *arguments, **options)


def span(case: Case) -> dict[str, str]:
    query = case.query
    found = {"from": query.get("date_from"), "to": query.get("date_to")}
    return {k: v for k, v in found.items() if v} | {"timezone": query.get("timezone") or "UTC"}


def unit(case: Case) -> str:
    key = case.query.get("aggregate_by")
    if key in (None, "person"):
        return "person_id"
    name = key["group"] if isinstance(key, dict) else key
    return prop(name, "event" if name == "$session_id" else "group")


def breakdown(case: Case, condition: str = "true") -> str | None:
    asked = case.query.get("breakdown")
    if not asked:
        return None
    keys = asked.get("properties") or [asked["property"]]
    values = [prop(key, asked.get("type") or "event") for key in keys]
    if len(values) == 1:
        return values[0]
    return " || '::' || ".join(f"coalesce({value}, '')" for value in values)


def week_start(case: Case) -> str:
    return str(case.query.get("week_start") or "sunday")


@words("funnels")
def funnels(case: Case) -> Models:
    query = case.query
    window = query.get("window") or {"value": 14, "unit": "day"}
    steps = [event_is(step) for step in query["steps"]]
    filtered = event_is(None, global_filters=query.get("filters"))
    events = f"(select * from {case.relation('events')} where {filtered}) as filtered"
    asked = query.get("breakdown") or {}
    names = [step.get("event") for step in query["steps"]]
    options: dict[str, Any] = {
        "disjoint": None not in names and len(set(names)) == len(names),
        "order": query.get("order") or "ordered",
        "exclusions": [
            {
                "condition": event_is(each),
                "from_step": each["from_step"],
                "to_step": each["to_step"],
            }
            for each in query.get("exclusions") or ()
        ],
        "unit": unit(case),
        "completes_after_range": bool(query.get("allow_completion_after_range")),
    }
    if asked:
        options["breakdown"] = breakdown(case)
        if asked.get("attribution") in {None, "first_touch", "last_touch"}:
            nothing = "::".join([""] * len(asked.get("properties") or [""]))
            options["breakdown"] = f"nullif({options['breakdown']}, {literal(nothing)})"
        options["attribution"] = asked.get("attribution") or "first_touch"
        options["attribution_step"] = asked.get("step") or 0
    seconds = window["value"] * SECONDS[window["unit"]]
    given = (events, steps, span(case), seconds)
    ends = {
        "from_step": (query.get("from_step") or 0) + 1,
        "to_step": (query["to_step"] + 1) if query.get("to_step") is not None else None,
    }
    viz = query.get("viz") or "steps"
    if viz == "trends":
        interval = query.get("interval") or "day"
        given = (*given, interval, week_start(case))
        return {"trends": call("funnel_trends", *given, **ends, **options)}
    if viz == "time_to_convert":
        bins = query.get("bin_count")
        return {"bins": call("funnel_time_histogram", *given, bins=bins, **ends, **options)}
    return {
        "steps": call("funnel", *given, **options),
        "persons": call("funnel_conversions", *given, **options),
    }


def _rows_before(case: Case) -> dict[str, str]:
    """The range of a retention question that names only its end and how many rows."""
    query, found = case.query, span(case)
    period, count = query.get("period") or "day", query["total_intervals"]
    if "from" in found:
        return found
    end, zone = found["to"], ZoneInfo(found["timezone"])
    last = datetime.fromisoformat(end.replace("Z", "+00:00"))
    if len(end) == 10 and period == "hour":
        last = last.replace(hour=23, tzinfo=zone).astimezone(UTC)
    local = last.astimezone(zone) if last.tzinfo else last.replace(tzinfo=zone)
    back = count - 1
    if period == "hour":
        first = last - timedelta(hours=back)
        return {**found, "from": first.strftime("%Y-%m-%dT%H:%M:%SZ")}
    if period == "month":
        months = local.year * 12 + local.month - 1 - back
        return {**found, "from": f"{months // 12:04}-{months % 12 + 1:02}-01"}
    days = back * (7 if period == "week" else 1)
    return {**found, "from": (local.date() - timedelta(days=days)).isoformat()}


@words("retention")
def retention(case: Case) -> Models:
    query = case.query
    starts = event_is(query.get("start"), global_filters=query.get("filters"))
    returns = event_is(query.get("return"), global_filters=query.get("filters"))
    kind = query.get("retention_type") or "recurring"
    if kind not in {"recurring", "first_time", "first_ever", "unbounded", "rolling_24h"}:
        raise LookupError(f"no retention is called {kind!r}")
    if kind == "rolling_24h":
        rolling = model(
            case.relation("events"),
            "retention_rolling_days",
            start_condition=starts,
            return_condition=returns,
            round_to_hour=bool(query.get("round_down_to_hour", True)),
            unit=unit(case),
        )
        return {"rolling": rolling}
    return {
        "cells": model(
            case.relation("events"),
            "retention",
            _rows_before(case),
            query.get("period") or "day",
            query["total_intervals"],
            start_condition=starts,
            return_condition=returns,
            type=kind,
            minimum=query.get("minimum_occurrences") or 1,
            breakdown=breakdown(case),
            unit=unit(case),
            week_start=week_start(case),
            brackets=query.get("brackets"),
            first_of=event_is(
                {"event": (query.get("start") or {}).get("event")},
                global_filters=query.get("filters"),
            ),
        )
    }


@words("lifecycle")
def lifecycle(case: Case) -> Models:
    by_person = unit(case) == "person_id"
    return {
        "statuses": model(
            case.relation("events"),
            "lifecycle",
            span(case),
            case.query.get("interval") or "day",
            condition=event_is(case.query, global_filters=()),
            unit=unit(case),
            week_start=week_start(case),
            first_seen="coalesce(person_created_at, person_seen_at)" if by_person else None,
        )
    }


@words("stickiness")
def stickiness(case: Case) -> Models:
    query = case.query
    criteria = query.get("criteria") or {"op": "gte", "value": 1}
    sign = {"gte": ">=", "lte": "<=", "exact": "=", "eq": "="}[criteria["op"]]
    spans = {"counts": span(case)}
    if query.get("compare_shift_days"):
        back = timedelta(days=query["compare_shift_days"])
        shifted = {
            end: (datetime.fromisoformat(spans["counts"][end]) - back).date().isoformat()
            for end in ("from", "to")
        }
        spans["previous"] = {**spans["counts"], **shifted}
    return {
        name: model(
            case.relation("events"),
            "stickiness",
            each,
            query.get("interval") or "day",
            condition=event_is(query),
            interval_count=query.get("interval_count") or 1,
            criteria=f"count(*) {sign} {criteria['value']}",
            is_cumulative=bool(query.get("cumulative")),
            unit=unit(case),
            week_start=week_start(case),
        )
        for name, each in spans.items()
    }


WINDOWS = {"weekly_active": "week", "monthly_active": "month"}


@words("trends")
def trends(case: Case) -> Models:
    query, events = case.query, case.relation("events")
    math, window = query.get("math") or "total", WINDOWS.get(query.get("math") or "")
    if math not in {"total", "dau", *WINDOWS}:
        raise LookupError(f"no number of events is called {math!r}")
    options: dict[str, Any] = {"condition": event_is(query), "breakdown": breakdown(case)}
    interval = query.get("interval") or "day"
    if query.get("display") == "single_value":
        if math == "total":
            return {"value": model(events, "event_count", span(case), **options)}
        options["unit"] = unit(case)
        if window:
            return {"value": model(events, "active_users_at_end", span(case), window, **options)}
        return {"value": model(events, "active_users_in_range", span(case), **options)}
    options["week_start"] = week_start(case)
    if math == "total":
        return {"buckets": model(events, "event_totals", span(case), interval, **options)}
    return {
        "buckets": model(
            events, "active_users", span(case), interval, window=window, unit=unit(case), **options
        )
    }


COUNTS = {
    "pageviews": "event = '$pageview'",
    "autocaptures": "event = '$autocapture'",
    "screens": "event = '$screen'",
}
ENTRIES = (
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "gclid",
    "gad_source",
    "fbclid",
    "referring_domain",
    "url",
)


@words("sessions")
def sessions(case: Case) -> Models:
    query = case.query
    key = query.get("session_key")
    minutes = query.get("inactivity_minutes") or 30
    renamed = {"referring_domain": "$referring_domain", "url": "$current_url"}
    columns = ", ".join(
        f"nullif({prop(renamed.get(name, name))}, '') as {name}" for name in ENTRIES
    )
    marked = f"nullif({prop(key)}, '')" if key else "null"
    source = f"select *, {marked} as session_key, {columns} from "
    source += f"{case.relation('events')} where {event_is(query)}"
    made = model(
        f"({source}) as source_events",
        "sessions",
        entry=list(ENTRIES),
        counts=COUNTS,
        inactivity_minutes=minutes,
        session_key="session_key" if key else None,
    )
    found = {"sessions": made}
    if query.get("date_from"):
        found["in_range"] = f"select * from ({made}) as s where " + call(
            "in_range", "started_at", span(case)
        )
    held = setting("made", made)
    if query["metric"] == "average_duration":
        interval = query.get("interval") or "day"
        found["buckets"] = held + call(
            "average_session_duration", Name("made"), span(case), interval, week_start(case)
        )
    if query["metric"] == "duration_distribution":
        found["bins"] = held + call("session_duration_distribution", Name("made"), span(case))
    return found


@words("channels")
def channels(case: Case) -> Models:
    tags = ("utm_source", "utm_medium", "utm_campaign", "gclid", "gad_source", "fbclid")
    places = ("url", "hostname", "pathname")
    names = (*tags, "referring_domain", *places)
    rows, rules = [], []
    for number, check in enumerate(case.content["checks"]):
        entry = check["entry"]
        values = {n: "null" if entry.get(n) is None else literal(entry[n]) for n in names}
        columns = [f"cast({v} as varchar) as {n}" for n, v in values.items()]
        rows.append(f"select {number} as entry_id, " + ", ".join(columns))
        for rule in check.get("rules") or ():
            joint, parts = ("all", " and ") if "all" in rule else ("any", " or ")
            conditions = [_rule_holds(each) for each in rule[joint]]
            rules.append(
                {
                    "channel": rule["channel"],
                    "condition": f"entry_id = {number} and ({parts.join(conditions) or 'true'})",
                }
            )
    relation = f"({' union all '.join(rows)}) as entries"
    return {"channels": model(relation, "channel_types", own_rules=rules, more=list(places))}


def _rule_holds(each: Mapping[str, Any]) -> str:
    """A rule of channels: its values are held against lower-cased tags."""
    value = each.get("value")
    is_pattern = each["op"] in {"regex", "not_regex"}
    return compared(each["key"], each["op"], f"(?i){value}" if is_pattern else _lower(value))


def _lower(value: Any) -> Any:
    """A rule's value as the tags that it is held against."""
    if isinstance(value, list):
        return [_lower(each) for each in value]
    return value.lower() if isinstance(value, str) else value


@words("attribution")
def attribution(case: Case) -> Models:
    query, events = case.query, case.relation("events")
    dimension, is_session = prop(query["dimension"]), query.get("touch_grain") != "event"
    is_conversion = event_is({"event": query["conversion_event"]})
    keyed = (
        f"select *, {prop('$session_id')} as session_key, {dimension} as dimension from {events}"
    )
    if is_session:
        made = model(
            f"({keyed} where {prop('$session_id')} is not null) as keyed",
            "sessions",
            entry=["dimension", "event_id"],
            session_key="session_key",
        )
        touches = (
            "select unit, entry_event_id as touch_id, started_at as touched_at,"
            f" entry_dimension as touch_value from ({made}) as sessions"
        )
    else:
        touches = (
            "select person_id as unit, event_id as touch_id, occurred_at as touched_at,"
            f" dimension as touch_value from ({keyed}) as keyed where not ({is_conversion})"
            " and person_id is not null"
        )
    value = prop(query["revenue_property"]) if query.get("revenue_property") else "0"
    conversions = (
        f"select person_id as unit, event_id as conversion_id, occurred_at as converted_at,"
        f" coalesce(try_cast({value} as double), 0) as value from {events}"
        f" where {is_conversion} and person_id is not null and "
        + call("in_range", "occurred_at", span(case))
    )
    if query.get("multiple_conversions_per_person") is False:
        conversions += (
            " qualify row_number() over (partition by person_id order by occurred_at, event_id) = 1"
        )
    excluded = "false"
    if "exclude_values" in query:
        excluded = compared("touch_value", "exact", query["exclude_values"])
    options: dict[str, Any] = {
        "lookback_days": query.get("lookback_days") or 30,
        "excluded": excluded,
        "half_life_days": query.get("half_life_days")
        or max(1, (query.get("lookback_days") or 30) / 4),
        **_path_shape(query.get("path_transform")),
    }
    held = setting("touches", touches) + setting("conversions", conversions)
    return {
        "credits": held + call("attribution", Name("touches"), Name("conversions"), **options),
        "conversions": conversions,
        "visits": _visits(case, touches),
    }


def _visits(case: Case, touches: str) -> str:
    """Touches that can lead to a conversion of the range."""
    ranged = span(case)
    days = case.query.get("lookback_days") or 30
    within = [call("in_range", "touched_at", {k: v for k, v in ranged.items() if k != "from"})]
    if "from" in ranged:
        opens = call("instant", ranged["from"], ranged["timezone"])
        within.append(f"touched_at >= {opens} - {days} * interval '1 day'")
    return f"select * from ({touches}) as touches where {' and '.join(within)}"


def _path_shape(asked: Any) -> dict[str, Any]:
    """The options for a clean-up named as the Snowplow package names its transforms."""
    named: dict[str, Any] = {}
    for each in asked if isinstance(asked, list) else [asked] if asked else []:
        if isinstance(each, str):
            named[each] = None
        elif "name" in each or "type" in each:
            named[each.get("name", each.get("type"))] = each.get("value", each.get("values"))
        else:
            named |= each
    found: dict[str, Any] = {}
    for name, value in named.items():
        values = value if isinstance(value, list) else [value or "Direct"]
        if "last_and_not_all" in name or "trailing" in name:
            found["remove_trailing"] = values
        elif "not_all" in name or name == "remove":
            found["remove"] = values
        elif "exposure" in name:
            found["clean_path"] = "exposure"
        elif name.startswith("first"):
            found["clean_path"] = "first"
        elif "last" in name or name.startswith("trim"):
            found["last_touches"] = int(value)
        elif "unique" not in name:
            raise LookupError(f"no clean-up of paths is called {name!r}")
    return found | ({"clean_up": list(found)} if found else {})


@words("surveys")
def surveys(case: Case) -> Models:
    metric = case.query.get("metric") or "nps"
    answers = [
        f"select {number} as response_id, {literal(_respondent(each, number))}"
        " as respondent_id,"
        f" timestamp {literal(str(each.get('submitted_at') or '2024-01-01').replace('Z', ''))}"
        f" as submitted_at, {literal(each.get('wave') or '')} as wave, try_cast("
        f"{'null' if each.get('score') is None else literal(each['score'])} as double) as score"
        for number, each in enumerate(case.content["responses"])
    ]
    nobody = (
        "select 0 as response_id, '' as respondent_id, timestamp '2024-01-01' as submitted_at,"
        " '' as wave, cast(null as double) as score where false"
    )
    held = setting("answers", " union all ".join([*answers, nobody]))
    macro = {"nps_error": "nps"}.get(metric, metric)
    options: dict[str, Any] = {}
    if macro == "nps" and case.query.get("population"):
        options["population"] = case.query["population"]
    highest = case.query.get("scale_max") or case.query.get("scale")
    if macro in {"csat", "ces"} and isinstance(highest, int):
        options["highest"] = highest
    if macro == "ces" and case.query.get("reversed"):
        options["is_reversed"] = True
    lowest, top = (0, 10) if macro == "nps" else (1, options.get("highest") or SCALES[macro])
    valid = f"score between {lowest} and {top} and score = floor(score)"
    score = f"case when {valid} then score end"
    held += setting("latest", call("latest_answers", Name("answers"), score=score, wave="wave"))
    return {"score": held + call(macro, Name("latest"), **options)}


SCALES = {"csat": 5, "ces": 7}


def _respondent(answer: dict[str, Any], number: int) -> str:
    """Who answered; of whom nobody knows it each is somebody else."""
    named = answer.get("respondent_id")
    return f"answer {number}" if named is None else str(named)


@words("paths")
def paths(case: Case) -> Models:
    query = case.query
    by = query.get("by") or "event"
    item = "event" if by == "event" else call("clean_url", prop(by)) if "url" in by else prop(by)
    conditions = [event_is(query)]
    if query.get("date_from"):
        conditions.append(call("in_range", "occurred_at", span(case)))
    if query.get("exclude_events"):
        conditions.append(f"not {compared('event', 'exact', query['exclude_events'])}")
    if query.get("include_events"):
        conditions.append(compared("event", "exact", query["include_events"]))
    source = f"select *, {item} as item from {case.relation('events')} where "
    held = setting("steps", source + " and ".join(conditions))
    gap = query.get("session_gap_minutes", None if query.get("metric") == "flows" else 30)
    if query.get("metric") == "flows":
        options: dict[str, Any] = {
            "anchor": query["anchor"],
            "direction": query.get("direction") or "after",
            "steps": max(query.get("steps") or 5, _longest(case.expected.get("flows") or [])),
        }
        return {"flows": held + call("flows", Name("steps"), "item", gap_minutes=gap, **options)}
    options = {
        "max_steps": query.get("max_steps") or 5,
        "collapse": bool(query.get("collapse_repeats")),
    }
    return {"edges": held + call("path_edges", Name("steps"), "item", gap_minutes=gap, **options)}


def _longest(flows: list[dict[str, Any]]) -> int:
    """How many items a path has: whether the anchor is one of the steps, tools do not agree."""
    paths = [each["path"] for each in flows]
    return max((len(p.split(" > ") if isinstance(p, str) else p) for p in paths), default=0)


def _checks(case: Case, expression: str) -> Models:
    rows = [
        f"select {number} as check_number, "
        + ", ".join(
            f"cast({'null' if value is None else value} as double) as {name}"
            for name, value in check.items()
            if isinstance(value, (int, float)) or value is None
        )
        for number, check in enumerate(case.content["checks"])
    ]
    return {
        "checks": f"select check_number, {expression} as value"
        f" from ({' union all by name '.join(rows)}) as checks"
    }


@words("prioritization")
def prioritization(case: Case) -> Models:
    return _checks(case, "{{ rice() }}")


@words("sales")
def sales(case: Case) -> Models:
    metric = case.query.get("metric") or "sales_velocity"
    return _checks(case, "{{ " + metric + "() }}")


@words("mrr")
def mrr(case: Case) -> Models:
    query, content = case.query, case.content
    metric = query.get("metric") or "mrr_movements"
    if metric == "mrr_movements" and "changes" in content:
        held = setting("changes", _records(_changes(content["changes"], str(query.get("grain")))))
        held += setting("mrr", call("mrr_by_change", Name("changes")))
        return {"movements": held + call("mrr_movements", Name("mrr"))}
    if metric == "mrr_movements":
        held = setting("mrr", _monthly(content))
        return {"movements": held + call("mrr_movements", Name("mrr"))}
    inputs = content.get("inputs") or {}
    rows = [dict(zip(inputs, each, strict=True)) for each in _columns(inputs)]
    held = setting("inputs", _records([{"position": n, **row} for n, row in enumerate(rows)]))
    if metric == "mrr_bridge":
        return {"months": held + call("mrr_bridge", Name("inputs"))}
    return {"months": held + "select position, {{ mrr_rates() }} from {{ inputs }}"}


MOVEMENTS = ("new", "reactivation", "expansion", "contraction", "churn")
OTHER_NAMES = {"upgrade": "expansion", "downgrade": "contraction", "churned": "churn"}


def _columns(inputs: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Rows of inputs that are lists, or one row of those that are numbers."""
    length = max((len(v) for v in inputs.values() if isinstance(v, list)), default=1)
    columns = [v if isinstance(v, list) else [v] * length for v in inputs.values()]
    return list(zip(*columns, strict=True))


def _records(rows: list[dict[str, Any]]) -> str:
    """Rows as a select; what a row of figures lacks is 0, and losses are negative."""
    if "position" in rows[0] and "customer" not in rows[0]:
        rows = [_figures(row) for row in rows]
    return " union all ".join(
        "select "
        + ", ".join(
            f"{'cast(' + str(v) + ' as double)' if isinstance(v, float) else _sql(v)} as {k}"
            for k, v in row.items()
        )
        for row in rows
    )


def _figures(row: dict[str, Any]) -> dict[str, Any]:
    short = {name.removesuffix("_mrr"): value for name, value in row.items()}
    named = {OTHER_NAMES.get(name, name): value for name, value in short.items()}
    start = named.get("start_mrr", named.get("start", named.get("mrr_start", 0)))
    found = {"position": row["position"], "start_mrr": float(start or 0)}
    for name in MOVEMENTS:
        value = float(named.get(name) or 0)
        found[name] = -abs(value) if name in {"contraction", "churn"} else value
    return found


def _sql(value: Any) -> str:
    return "null" if value is None else str(value) if isinstance(value, int) else literal(value)


def _changes(changes: list[dict[str, Any]], grain: str = "change") -> list[dict[str, Any]]:
    """Rows of changes. Those of a month, or within the hour, are one: what they come to counts."""
    places: dict[str, int] = {}
    before: datetime | None = None
    for text in sorted({str(each["date"]) for each in changes}):
        at = datetime.fromisoformat(text.replace("Z", ""))
        is_same = before is not None and (
            (at.year, at.month) == (before.year, before.month)
            if grain == "month"
            else at - before <= timedelta(hours=1)
        )
        places[text] = max(places.values(), default=-1) + (not is_same)
        before = at
    kept = {}
    for each in sorted(changes, key=lambda each: str(each["date"])):
        row = {
            "customer": str(each.get("customer", each.get("customer_id", "customer"))),
            "position": places[str(each["date"])],
            "subscription": str(each.get("subscription", each.get("subscription_id", "one"))),
            "amount": float(each["amount"]),
            "interval_months": int(each.get("interval_months") or 1),
        }
        kept[row["customer"], row["subscription"], row["position"]] = row
    return list(kept.values())


def _monthly(content: dict[str, Any]) -> str:
    """MRR by customer and month, given as such or to be had from subscriptions."""
    if "mrr_by_month" in content:
        given = content["mrr_by_month"]
        rows = []
        if isinstance(given, dict) and "months" in given:
            given = {k: v for k, v in given.items() if k != "months"}
        if isinstance(given, list) and given and not isinstance(given[0], dict):
            given = {"customer": given}
        if isinstance(given, dict) and all(_is_month(each) for each in given):
            by_customer: dict[str, dict[str, Any]] = {}
            for month, each in given.items():
                for customer, value in (
                    each if isinstance(each, dict) else {"customer": each}
                ).items():
                    by_customer.setdefault(customer, {})[month] = value
            given = by_customer
        if isinstance(given, dict):
            months = _all_months({m for v in given.values() if isinstance(v, dict) for m in v})
            for customer, by_month in given.items():
                series = (
                    [by_month.get(month, 0) for month in months]
                    if isinstance(by_month, dict)
                    else by_month
                )
                rows += [
                    {"customer": str(customer), "position": n, "mrr": float(value or 0)}
                    for n, value in enumerate(series)
                ]
        else:
            months = _all_months({_month(each) for each in given})
            known = {
                (str(e.get("customer", e.get("customer_id", "customer"))), _month(e)): e["mrr"]
                for e in given
            }
            for customer in sorted({c for c, _ in known}):
                rows += [
                    {
                        "customer": customer,
                        "position": n,
                        "mrr": float(known.get((customer, month)) or 0),
                    }
                    for n, month in enumerate(months)
                ]
        return _records(rows)
    subscriptions = [
        {
            "customer": str(each.get("customer", each.get("customer_id", "customer"))),
            "subscription": str(each.get("subscription", each.get("subscription_id", number))),
            "starts_on": _starts_on(each),
            "ends_on": _date(each.get("end_date", each.get("end", each.get("ends_on")))),
            "mrr": float(each.get("mrr", each.get("monthly_amount", each.get("amount", 0)))),
        }
        for number, each in enumerate(content["subscriptions"])
    ]
    held = setting("subscriptions", _records(subscriptions))
    rule = content.get("query", {}).get("month_rule") or "end"
    return held + call("mrr_by_month", Name("subscriptions"), rule=rule)


def months_of(content: dict[str, Any]) -> list[str]:
    """The months (2024-01) that the positions of MRR stand for, as far as a case names any."""
    if "mrr_by_month" in content:
        given = content["mrr_by_month"]
        if isinstance(given, dict) and isinstance(given.get("months"), list):
            return [str(each)[:7] for each in given["months"]]
        parts = given.values() if isinstance(given, dict) else given
        named = [m for each in parts if isinstance(each, dict) for m in each if _is_month(m)]
        if isinstance(given, dict):
            named += [each for each in given if _is_month(each)]
        elif not named:
            named = [_month(each) for each in given if isinstance(each, dict)]
        return [each[:7] for each in _all_months(set(named))]
    if "subscriptions" in content:
        first = min(_starts_on(each) for each in content["subscriptions"])
        start = int(first[:4]) * 12 + int(first[5:7]) - 1
        return [f"{m // 12:04}-{m % 12 + 1:02}" for m in range(start, start + 1200)]
    return []


def _all_months(named: set[str]) -> list[str]:
    """Those between as well, in which nothing was paid. What is no month stays as it is."""
    if not named or not all(_is_month(each) for each in named):
        return sorted(named)
    tail = min(named)[7:]
    numbers = [int(each[:4]) * 12 + int(each[5:7]) - 1 for each in named]
    return [f"{n // 12:04}-{n % 12 + 1:02}{tail}" for n in range(min(numbers), max(numbers) + 1)]


def _month(row: dict[str, Any]) -> str:
    return str(row.get("month", row.get("date_month", row.get("date"))))


def _starts_on(each: dict[str, Any]) -> str:
    return str(each.get("start_date", each.get("start", each.get("starts_on"))))[:10]


def _is_month(text: Any) -> bool:
    return isinstance(text, str) and len(text) >= 7 and text[:4].isdigit() and text[4] == "-"


def _date(value: Any) -> str | None:
    return None if value is None else str(value)[:10]
