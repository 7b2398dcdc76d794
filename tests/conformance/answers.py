"""What the models answered, beside what a case expects."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.conformance.cases import Case
from tests.conformance.questions import COUNTS, months_of

Rows = list[dict[str, Any]]
Results = Mapping[str, Rows]
READERS: dict[str, Callable[[Case, Results], dict[str, Any]]] = {}


def reads(metric: str) -> Callable[..., Callable[[Case, Results], dict[str, Any]]]:
    def register(
        reader: Callable[[Case, Results], dict[str, Any]],
    ) -> Callable[[Case, Results], dict[str, Any]]:
        READERS[metric] = reader
        return reader

    return register


def answer(case: Case, results: Results) -> dict[str, Any]:
    """Return the numbers in the words that cases expect them in."""
    return READERS[case.metric](case, results)


def differences(expected: Mapping[str, Any], got: Mapping[str, Any]) -> list[str]:
    """Return what differs, as lines that show both; empty if nothing does."""
    tolerance = float(expected.get("tolerance", 1e-6))
    found = []
    for name, value in expected.items():
        if name == "tolerance":
            continue
        if name not in got:
            found.append(f"{name}: expected {value}, and nothing here answers it")
        elif not _equal(value, got[name], tolerance, name):
            found.append(f"{name}: expected {value}, got {_shown(got[name])}")
    return found


def _shown(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {key: _shown(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_shown(each) for each in value]
    return value


def _equal(expected: Any, got: Any, tolerance: float, name: str = "") -> bool:
    if name == "nps" and isinstance(expected, list):
        return any(_equal(each, got, tolerance) for each in expected)
    if isinstance(expected, Mapping):
        return isinstance(got, Mapping) and all(
            _equal(value, got.get(str(key), _absent(value)), tolerance)
            for key, value in expected.items()
        )
    if isinstance(expected, list):
        return (
            isinstance(got, Sequence)
            and not isinstance(got, str)
            and len(expected) == len(got)
            and all(_equal(e, g, tolerance) for e, g in zip(expected, got, strict=True))
        )
    if isinstance(expected, str) and isinstance(got, str):
        return expected in (got, f"{got}-01") or (
            _moment(expected) is not None and _moment(expected) == _moment(got)
        )
    if isinstance(expected, bool) or expected is None or isinstance(expected, str):
        return bool(expected == got)
    if isinstance(got, str):
        return str(expected) == got
    return (
        isinstance(got, (int, float))
        and math.isfinite(got)
        and abs(float(expected) - float(got)) <= tolerance
    )


def _moment(text: str) -> datetime | None:
    """A bucket's start, however it is written."""
    try:
        return datetime.fromisoformat(text.replace("Z", "").replace(" ", "T"))
    except ValueError:
        return None


def _absent(expected: Any) -> Any:
    """What a value that nobody has comes to: zero, all the way down."""
    if isinstance(expected, Mapping):
        return {}
    if isinstance(expected, list):
        return [_absent(each) for each in expected]
    return 0 if isinstance(expected, (int, float)) else None


def _bucket(case: Case, value: datetime | date, interval: str = "day") -> str:
    """Its local start. Hours are instants."""
    if interval != "hour" or not isinstance(value, datetime):
        return value.strftime("%Y-%m-%d")
    zone = ZoneInfo(case.query.get("timezone") or "UTC")
    return value.replace(tzinfo=UTC).astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")


def _grouped(rows: Rows, by: str) -> dict[Any, Rows]:
    found: dict[Any, Rows] = {}
    for row in rows:
        found.setdefault(row[by], []).append(row)
    return found


def _value_name(value: Any) -> str:
    return "" if value is None else str(value)


@reads("funnels")
def funnels(case: Case, results: Results) -> dict[str, Any]:
    properties = (case.query.get("breakdown") or {}).get("properties") or [""]
    nothing = "::".join([""] * len(properties))
    if "trends" in results:
        interval = case.query.get("interval") or "day"
        series = {
            nothing if value is None else str(value): _conversion_by_bucket(case, rows, interval)
            for value, rows in _grouped(results["trends"], "breakdown_value").items()
        }
        wanted = case.expected.get("by") or {}
        by = {
            value: found if isinstance(wanted.get(value), list) else {"series": found}
            for value, found in series.items()
        }
        return {"by": by} if case.query.get("breakdown") else {"series": series[nothing]}
    if "bins" in results:
        counted = [row for row in results["bins"] if row["bin_from"] is not None]
        rows = sorted(counted, key=lambda row: row["bin_from"])
        return {
            "bins": [[row["bin_from"], row["value"]] for row in rows],
            "average_seconds": rows[0]["average_seconds"] if rows else None,
        }
    by = {
        nothing if value is None else str(value): _steps(rows)
        for value, rows in _grouped(results["steps"], "breakdown_value").items()
    }
    last = len(case.query["steps"])
    persons = {
        str(step): sorted(row["unit"] for row in results["persons"] if row["reached"] >= step)
        for step in range(1, last + 1)
    }
    # Persons are a set; theirs may come in any order.
    for step, wanted in (case.expected.get("persons_at_step") or {}).items():
        if sorted(wanted) == persons.get(step):
            persons[step] = wanted
    found = {"by": by, "persons_at_step": persons}
    return found | (_steps(results["steps"]) if not case.query.get("breakdown") else {})


def _conversion_by_bucket(case: Case, rows: Rows, interval: str) -> list[dict[str, Any]]:
    return [
        {
            "bucket": _bucket(case, row["bucket"], interval),
            "entered": row["entered"],
            "converted": row["converted"],
            "rate": 100 * row["converted"] / row["entered"] if row["entered"] else 0,
        }
        for row in sorted(rows, key=lambda row: row["bucket"])
    ]


def _steps(rows: Rows) -> dict[str, Any]:
    ordered = sorted(rows, key=lambda row: row["step"])
    return {
        "counts": [row["value"] for row in ordered],
        "avg_seconds": [row["average_seconds"] for row in ordered],
        "median_seconds": [row["median_seconds"] for row in ordered],
    }


@reads("retention")
def retention(case: Case, results: Results) -> dict[str, Any]:
    if "rolling" in results:
        days = {str(row["cohort_offset"]): row["value"] for row in results["rolling"]}
        return {"retained_on_day": days}
    by = {
        _value_name(value): {"rows": _triangle(rows)}
        for value, rows in _grouped(results["cells"], "breakdown_value").items()
    }
    expected = case.expected
    if "by" in expected:
        fitted = {
            name: {"rows": _fitted(by.get(str(name), {"rows": []})["rows"], wanted["rows"])}
            for name, wanted in expected["by"].items()
            if "rows" in wanted
        }
        return {"by": fitted}
    rows = next(iter(by.values()))["rows"]
    first = min(row["cohort"] for row in results["cells"])
    size = rows[0][0] or None
    return {
        "rows": _fitted(rows, expected.get("rows", [])),
        "first_bucket": _bucket(case, first, case.query.get("period") or "day"),
        "percent_of_first_cohort": [100 * cell / size if size else None for cell in rows[0]],
    }


def _triangle(rows: Rows) -> list[list[int]]:
    cohorts = _grouped(sorted(rows, key=lambda row: row["cohort_offset"]), "cohort")
    return [[row["value"] for row in cohorts[cohort]] for cohort in sorted(cohorts)]


def _fitted(rows: list[list[int]], expected: list[list[Any]]) -> list[list[Any]]:
    """Cells after the range are not there; cases may pad them with null or 0."""
    return [
        row + [cell for cell in expected[n][len(row) :] if cell in (None, 0)]
        if n < len(expected)
        else row
        for n, row in enumerate(rows)
    ]


@reads("lifecycle")
def lifecycle(case: Case, results: Results) -> dict[str, Any]:
    rows = sorted(results["statuses"], key=lambda row: row["bucket"])
    found: dict[str, Any] = {
        status: [row["value"] for row in each] for status, each in _grouped(rows, "status").items()
    }
    interval = case.query.get("interval") or "day"
    found["buckets"] = sorted({_bucket(case, row["bucket"], interval) for row in rows})
    return found


@reads("stickiness")
def stickiness(case: Case, results: Results) -> dict[str, Any]:
    data = {
        name: [row["value"] for row in sorted(rows, key=lambda row: row["intervals"])]
        for name, rows in results.items()
    }
    counts = data["counts"]
    previous = data.get("previous")
    is_cumulative = bool(case.query.get("cumulative"))
    if isinstance(case.expected.get("previous"), dict) and previous is not None:
        total = previous[0] if is_cumulative and previous else sum(previous)
        return {
            "count": counts[0] if is_cumulative else sum(counts),
            "data": counts,
            "previous": {"count": total, "data": previous},
        }
    total = counts[0] if is_cumulative and counts else sum(counts)
    return {"count": total, "data": counts, "previous": previous}


@reads("trends")
def trends(case: Case, results: Results) -> dict[str, Any]:
    if "value" in results:
        values = {_value_name(row["breakdown_value"]): row["value"] for row in results["value"]}
        single = {"value": next(iter(values.values()), 0)} if "" in values or not values else {}
        return {"by": values, "values": values, **single}
    by = {
        _value_name(value): _series(case, rows)
        for value, rows in _grouped(results["buckets"], "breakdown_value").items()
    }
    found: dict[str, Any] = {"by": by}
    if case.query.get("breakdown"):
        wanted = case.expected.get("by") or {}
        if wanted and not isinstance(next(iter(wanted.values())), dict):
            found["by"] = {name: series["data"] for name, series in by.items()}
        return found
    return found | next(iter(by.values()), {"data": [], "sum": 0, "cells": {}, "buckets": []})


def _series(case: Case, rows: Rows) -> dict[str, Any]:
    ordered = sorted(rows, key=lambda row: row["bucket"])
    data = [row["value"] for row in ordered]
    interval = case.query.get("interval") or "day"
    return {
        "data": data,
        "cells": {str(number): value for number, value in enumerate(data)},
        "sum": sum(data),
        "buckets": [_bucket(case, row["bucket"], interval) for row in ordered],
    }


@reads("sessions")
def sessions(case: Case, results: Results) -> dict[str, Any]:
    rows = results.get("in_range", results["sessions"])
    durations = [row["duration_seconds"] for row in rows]
    average = sum(durations) / len(durations) if durations else None
    found: dict[str, Any] = {
        "count": len(rows),
        "overall_seconds": average,
        "overall_minutes": average / 60 if average is not None else None,
        "sessions": {str(row["session_key"]): _session(row) for row in results["sessions"]},
    }
    if "buckets" in results:
        ordered = sorted(results["buckets"], key=lambda row: row["bucket"])
        values = [row["value"] for row in ordered]
        wanted = case.expected.get("data_seconds") or case.expected.get("cells_seconds")
        if isinstance(wanted, dict):
            found["cells_seconds"] = {str(n): value or 0 for n, value in enumerate(values)}
        else:
            is_zero = [n < len(wanted or []) and wanted[n] == 0 for n in range(len(values))]
            found["data_seconds"] = [
                0 if value is None and zero else value
                for value, zero in zip(values, is_zero, strict=True)
            ]
    if "bins" in results:
        ordered = sorted(results["bins"], key=lambda row: row["bin"])
        as_text = {row["label"]: row["value"] for row in ordered}
        is_text = isinstance(case.expected.get("counts"), dict)
        found["counts"] = as_text if is_text else [row["value"] for row in ordered]
    return found


def _session(row: dict[str, Any]) -> dict[str, Any]:
    entries = {name.removeprefix("entry_"): v for name, v in row.items() if "entry_" in name}
    named = {f"${name}": value for name, value in row.items()}
    return {
        **entries,
        **{f"initial_{name}": value for name, value in entries.items()},
        **{f"entry_{name}": value for name, value in entries.items()},
        **row,
        **named,
        "duration": row["duration_seconds"],
        "$session_duration": row["duration_seconds"],
        "$entry_current_url": entries.get("url"),
        **{f"${name.removesuffix('s')}_count": row[name] for name in COUNTS},
        "events": row["event_count"],
    }


@reads("channels")
def channels(case: Case, results: Results) -> dict[str, Any]:
    got = {row["entry_id"]: row["channel"] for row in results["channels"]}
    wrong = [
        f"{check['entry']} is {got.get(number)}, not {check['channel']}"
        for number, check in enumerate(case.content["checks"])
        if got.get(number) != check["channel"]
    ]
    return {"all_checks_match": wrong or True}


# How cases may write a touch without a value.
NOTHING = ("null", "None", "(none)")


@reads("attribution")
def attribution(case: Case, results: Results) -> dict[str, Any]:
    rows = [row for row in results["credits"] if row["touch_value"] != "(unattributed)"]
    credited: dict[str, dict[str, float]] = {}
    valued: dict[str, dict[str, float]] = {}
    influenced: dict[str, dict[Any, float]] = {}
    worth = {row["conversion_id"]: float(row["value"]) for row in results["conversions"]}
    for row in results["credits"]:
        name = _value_name(row["touch_value"])
        for figures, figure in ((credited, "weight"), (valued, "value")):
            of_model = figures.setdefault(row["model"], {})
            of_model[name] = of_model.get(name, 0.0) + float(row[figure])
    for row in rows:
        name = _value_name(row["touch_value"])
        influenced.setdefault(name, {})[row["conversion_id"]] = worth[row["conversion_id"]]
    seen = sorted({_value_name(row["touch_value"]) for row in rows})
    for of_model in (*credited.values(), *valued.values(), influenced):
        for name in NOTHING if "" in of_model else ():
            of_model.setdefault(name, of_model[""])
    return {
        "conversions": credited,
        "value": valued,
        "influenced": {name: len(each) for name, each in influenced.items()},
        "influenced_value": {name: sum(each.values()) for name, each in influenced.items()},
        "value_per_conversion": {
            model: {
                name: valued[model][name] / credit if credit else None
                for name, credit in of_model.items()
            }
            for model, of_model in credited.items()
        },
        "total_conversions": len(worth),
        "visitors": _visitors(results),
        "absent": [each for each in case.expected.get("absent") or [] if each not in seen],
        "rows": len(seen),
    } | _spend(case, credited, valued)


def _visitors(results: Results) -> dict[str, int]:
    found: dict[str, set[Any]] = {}
    for row in results["visits"]:
        found.setdefault(_value_name(row["touch_value"]), set()).add(row["unit"])
    return {name: len(units) for name, units in found.items()}


def _spend(
    case: Case, credited: dict[str, dict[str, float]], valued: dict[str, dict[str, float]]
) -> dict[str, Any]:
    spend = case.query.get("spend") or case.content.get("spend")
    if isinstance(spend, list):
        spend = {
            next(str(v) for v in row.values() if isinstance(v, str)): next(
                v for v in row.values() if isinstance(v, (int, float))
            )
            for row in spend
        }
    if not isinstance(spend, dict):
        return {}
    return {
        "roas": {
            model: {n: valued[model].get(n, 0.0) / s if s else None for n, s in spend.items()}
            for model in valued
        },
        "cpa": {
            model: {
                n: s / credited[model][n] if credited[model].get(n) else None
                for n, s in spend.items()
            }
            for model in credited
        },
    }


@reads("surveys")
def surveys(case: Case, results: Results) -> dict[str, Any]:
    row = dict(results["score"][0])
    total = row["total"]
    for group in ("promoter", "passive", "detractor"):
        if f"{group}s" in row:
            share = row[f"{group}s"] / total if total else None
            row[f"{group}_share"] = row[f"{group}s_share"] = share
            row[f"{group}_percent"] = 100 * share if share is not None else None
    # A tool that shows 0 for "nobody answered" means our null.
    if total == 0 and row.get("nps") is None and case.expected.get("nps") in (0, 0.0):
        row["nps"] = 0.0
    # Shown whole or to a decimal, as survey tools do, unless the case says how near is near.
    if "tolerance" not in case.expected and isinstance(row.get("nps"), float):
        wanted = case.expected.get("nps")
        for one in wanted if isinstance(wanted, list) else [wanted]:
            if one == round(row["nps"], 0 if isinstance(one, int) else 1):
                row["nps"] = float(one)
    if "ces_mean" in row:
        row |= {"mean": row["ces_mean"], "positive_share": row["ces_positive_share"]}
    return row


@reads("mrr")
def mrr(case: Case, results: Results) -> dict[str, Any]:
    if "months" in results:
        rows = sorted(results["months"], key=lambda row: row["position"])
        is_list = any(isinstance(v, list) for v in (case.content.get("inputs") or {}).values())
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        aliases = {
            "grr": "gross_revenue_retention",
            "nrr": "net_revenue_retention",
            "gross_churn": "gross_mrr_churn",
            "net_churn": "net_mrr_churn",
            "gross_mrr_churn_rate": "gross_mrr_churn",
            "net_mrr_churn_rate": "net_mrr_churn",
        }
        for alias, name in aliases.items():
            if name in columns:
                columns[alias] = columns[name]
        return columns if is_list else {name: column[0] for name, column in columns.items()}
    rows = sorted(results["movements"], key=lambda row: (row["position"], row["customer"]))
    back = {"expansion": "upgrade", "contraction": "downgrade"} if _is_renamed(case) else {}
    moved = [{**row, "movement": back.get(row["movement"], row["movement"])} for row in rows]
    months = months_of(case.content)
    named = [
        {
            **row,
            "customer_id": row["customer"],
            **({"month": months[row["position"]]} if row["position"] < len(months) else {}),
        }
        for row in moved
    ]
    return {"movements": named, **_by_month(case, moved, months)}


def _is_renamed(case: Case) -> bool:
    return any(word in str(case.expected) for word in ("upgrade", "downgrade"))


def _by_month(case: Case, rows: Rows, known: list[str]) -> dict[str, Any]:
    """What moved, an item a month of those that are expected; else of all there are."""
    months = case.expected.get("months") or []
    names = [str(each)[:7] for each in months]
    positions = (
        [known.index(name) if name in known else -1 for name in names]
        if months and set(names) & set(known)
        else list(range(max([len(months), *(row["position"] + 1 for row in rows)])))
    )
    found: dict[str, Any] = {"months": months}
    for movement in {row["movement"] for row in rows} | set(case.expected) - {"months"}:
        found[movement] = [
            sum(r["change"] for r in rows if r["position"] == n and r["movement"] == movement)
            for n in positions
        ]
    return {name: value for name, value in found.items() if name != "movements"}


@reads("paths")
def paths(case: Case, results: Results) -> dict[str, Any]:
    if "flows" in results:
        ordered = sorted(results["flows"], key=lambda row: (-row["value"], row["path"]))
        wanted = case.expected.get("flows") or []
        is_list = bool(wanted) and isinstance(wanted[0]["path"], list)
        order = {str(each["path"]): n for n, each in enumerate(wanted)}
        paths = [row["path"].split(" > ") for row in ordered]
        # What leads to an anchor may be told in order of time, or from the anchor on.
        anchor = case.query["anchor"]
        ends = {_path(each["path"])[-1] for each in wanted} - {
            _path(each["path"])[0] for each in wanted
        }
        if case.query.get("direction") == "before" and ends == {anchor}:
            paths = [path[::-1] for path in paths]
        flows = [
            {"path": path if is_list else " > ".join(path), "count": row["value"]}
            for path, row in zip(paths, ordered, strict=True)
        ]
        return {"flows": sorted(flows, key=lambda each: order.get(str(each["path"]), 1 << 30))}
    wanted = case.expected.get("edges") or []
    order = {(e["source"], e["target"]): n for n, e in enumerate(wanted)}
    edges = sorted(
        results["edges"], key=lambda row: order.get((row["source"], row["target"]), 1 << 30)
    )
    return {"edges": edges, "edge_count": len(edges)}


def _path(given: str | list[str]) -> list[str]:
    return given.split(" > ") if isinstance(given, str) else given


@reads("prioritization")
@reads("sales")
def checks(case: Case, results: Results) -> dict[str, Any]:
    got = {row["check_number"]: row["value"] for row in results["checks"]}
    given = {"reach", "impact", "confidence", "effort", "opportunities", "average_value"}
    given |= {"win_rate", "cycle_days", "note"}
    tolerance = float(case.expected.get("tolerance", 1e-6))
    wrong = []
    for number, check in enumerate(case.content["checks"]):
        for name in check.keys() - given:
            if not isinstance(check[name], str) and not _equal(check[name], got[number], tolerance):
                wrong.append(f"check {number}: {name} is {got[number]}, not {check[name]}")
    return {"all_checks_match": wrong or True}
