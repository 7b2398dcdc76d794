"""Our metric macros on DuckDB against ClickHouse in process, on the same events in the same run.

Both hold the events as a table sorted by person and time, both take two threads, and both are asked
three times: the best counts. ClickHouse is asked in its own best words: `windowFunnel`, arrays and
texts of low cardinality.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

ROOT = Path(__file__).resolve().parent.parent
DBT = str(Path(sys.executable).with_name("dbt"))
ROUNDS = 3
SPAN = {"from": "2026-01-05", "to": "2026-02-01"}
WEEK = 7 * 86400
CHANNELS = ["Direct", "Organic Search", "Paid Search", "Email", "Referral", "Organic Social"]


@dataclass(frozen=True)
class Question:
    """One question, in Jinja for our macros and in SQL for ClickHouse.

    `bounds` are statements by what they show, for DuckDB alone: what no plan can do without there.
    """

    name: str
    ours: str
    theirs: str
    bounds: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """Best seconds of both, whether they answered the same, and those of what bounds ours."""

    question: str
    events: int
    ours: float
    theirs: float
    is_same: bool
    bounds: Mapping[str, float]


def _sorting(where: str) -> str:
    """The least that a plan over events in no promised order does: bring each person's in order."""
    return (
        "select count(*), sum(place) from (select row_number() over () as place from (select"
        f" person_id, occurred_at from events {where} order by person_id, occurred_at)) as placed"
    )


def _sessions(promise: str) -> str:
    """How many sessions, and their seconds: added in whole numbers, as ClickHouse does.

    DuckDB adds doubles in the order of the rows, and so reads one part after the other.
    """
    return (
        "select count(*) as sessions,"
        " cast(round(sum(cast(duration_seconds * 1000 as bigint)) / 1000) as bigint) as seconds"
        f" from ({{{{ sessions('events', cap_hours=none{promise}) }}}}) as s"
    )


SESSIONS = (
    "select sum(arrayCount(d -> d > 1800000, gaps) + 1) as sessions,"
    " toInt64(round(sum(arraySum(arrayFilter(d -> d <= 1800000, gaps))) / 1000)) as seconds"
    " from (select arrayPopFront(arrayDifference(arraySort(groupArray("
    "toInt64(toUnixTimestamp64Milli(occurred_at)))))) as gaps from events group by person_id)"
)
STEPS = ["event = 0", "event = 1", "event = 2"]
QUESTIONS = [
    Question(
        "funnel of three steps, a week",
        "select reached as level, count(*) as people from ({{ funnel_conversions('events', "
        f"{json.dumps(STEPS)}, {{}}, {WEEK}, disjoint=true)"
        " }}) as c group by reached order by reached",
        f"select level, count() from (select person_id, windowFunnel({WEEK * 1000})"
        "(toUInt64(toUnixTimestamp64Milli(occurred_at)), event = 0, event = 1, event = 2) as level"
        " from events where event < 3 group by person_id) where level > 0"
        " group by level order by level",
        {"sorting the events of its steps": _sorting("where event < 3")},
    ),
    Question(
        "retention by weeks",
        "select cast(cohort as date) as cohort, cohort_offset, value from ({{ retention('events', "
        f"{json.dumps(SPAN)}, 'week', 4) }}}}) as r order by 1, 2",
        "select c, intDiv(r - c, 7) as k, count() from (select person_id,"
        " groupUniqArray(toMonday(occurred_at)) as weeks from events"
        " where occurred_at >= '2026-01-05 00:00:00' and occurred_at < '2026-02-02 00:00:00'"
        " group by person_id) array join weeks as c array join weeks as r where r >= c"
        " group by c, k order by c, k",
        {
            "each person's weeks alone, as bits": "select max(weeks) from (select person_id,"
            " bit_or(cast(1 as bigint) << divide(cast(occurred_at as date) - date '2025-12-29', 7))"
            " as weeks from events group by person_id) as people",
        },
    ),
    Question(
        "sessions of half an hour",
        _sessions(", sorted_parts=['person_id < middle', 'person_id >= middle']"),
        SESSIONS,
        {
            "each event and the one before": "select count(*), max(instant - before) from (select"
            " instant, lag(instant) over () as before from (select epoch_us(occurred_at) as instant"
            " from events) as instants) as pairs",
        },
    ),
    Question(
        "the same, in no promised order",
        _sessions(""),
        SESSIONS,
        {"sorting all events": _sorting("")},
    ),
    Question(
        "weekly active people by day",
        "select cast(bucket as date) as day, value from ({{ active_users('events', "
        f"{json.dumps(SPAN)}, 'day', window='week') }}}}) as a order by 1",
        "select day, uniqExact(person_id) from (select distinct person_id,"
        " toDate(occurred_at) + n as day from events array join range(7) as n)"
        " where day between '2026-01-05' and '2026-02-01' group by day order by day",
        {
            "each person's days alone, as bits": "select max(days) from (select person_id,"
            " bit_or(cast(1 as bigint) << (cast(occurred_at as date) - date '2026-01-01'))"
            " as days from events group by person_id) as people",
        },
    ),
    Question(
        "linear attribution, a month back",
        "select touch_value, round(sum(weight), 3) as credit from ({{ attribution('(select"
        " person_id as unit, event_id as touch_id, occurred_at as touched_at,"
        " channel as touch_value from events where event in (3, 4)) as t', '(select person_id as"
        " unit, event_id as conversion_id, occurred_at as converted_at, 1 as value from events"
        " where event = 9) as c', only_models=['linear']) }}) as w"
        " where touch_id is not null group by touch_value order by 1",
        "select v, round(sum(1 / length(near)), 3) from (select arrayJoin(goals) as g,"
        " arrayFilter(t -> t.1 <= g and t.1 >= g - 2592000000, touches) as near,"
        " arrayJoin(near).2 as v from (select groupArrayIf((toInt64(toUnixTimestamp64Milli("
        "occurred_at)), channel), event in (3, 4)) as touches, groupArrayIf(toInt64("
        "toUnixTimestamp64Milli(occurred_at)), event = 9) as goals from events"
        " group by person_id)) group by v order by v",
        {
            "the touches of each conversion alone": "select count(*), max(touches.channel)"
            " from events as goals inner join events as touches"
            " on goals.person_id = touches.person_id and touches.occurred_at <= goals.occurred_at"
            " and touches.occurred_at >= goals.occurred_at - interval '30 days'"
            " where goals.event = 9 and touches.event in (3, 4)",
        },
    ),
]


def compiled(folder: Path) -> dict[str, str]:
    """The questions as SQL, the macros filled in by dbt."""
    found = {}
    options = ["--quiet", "compile", "--profiles-dir", ".", "--target-path", str(folder / "target")]
    for question in QUESTIONS:
        done = subprocess.run(
            [DBT, *options, "--inline", question.ours],
            cwd=ROOT / "dbt_project",
            env={**os.environ, "PRODUCTOPS_WAREHOUSE": str(folder / "productops.duckdb")},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{question.name}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        found[question.name] = done.stdout
    return found


def generate(connection: duckdb.DuckDBPyConnection, count: int, file: Path) -> None:
    """Make events of ten kinds over five weeks, fifty a person, sorted by person and time."""
    connection.execute(
        "create or replace table events as"
        " select cast(hash(i) % (? // 50) as integer) as person_id,"
        " cast(hash(i * 7 + 1) % 10 as integer) as event, timestamp '2026-01-01 00:00:00'"
        " + to_milliseconds(cast(hash(i * 13 + 5) % 3024000000 as bigint)) as occurred_at,"
        f" {CHANNELS}[cast(hash(i * 17 + 3) % {len(CHANNELS)} as integer) + 1] as channel,"
        " i as event_id from range(?) as numbers(i) order by person_id, occurred_at, event_id",
        [count, count],
    )
    connection.execute(f"copy events to '{file}' (format parquet)")


def best(ask: Callable[[], Any]) -> tuple[float, Any]:
    """The shortest of some rounds, and the answer."""
    seconds, answer = float("inf"), None
    for _ in range(ROUNDS):
        started = time.monotonic()
        answer = ask()
        seconds = min(seconds, time.monotonic() - started)
    return seconds, answer


def seconds(connection: duckdb.DuckDBPyConnection, statement: str) -> float:
    return best(lambda: connection.execute(statement).fetchall())[0]


def compare(
    folder: Path, counts: tuple[int, ...] = (1_000_000, 10_000_000, 30_000_000)
) -> list[Comparison]:
    """Ask both engines every question at every size.

    Raises:
        ImportError: chdb is not installed; `make bench` installs it.
    """
    from chdb.session import Session

    queries = compiled(folder)
    found = []
    for count in counts:
        file = folder / f"events-{count}.parquet"
        with duckdb.connect(str(folder / f"events-{count}.duckdb")) as connection:
            connection.execute("set threads = 2; set TimeZone = 'UTC'")
            generate(connection, count, file)
            session = Session(str(folder / f"clickhouse-{count}"))
            try:
                session.query("create database bench engine = Atomic")
                session.query("use bench")
                session.query(
                    "create table events (person_id UInt32, event UInt8, occurred_at"
                    " DateTime64(3, 'UTC'), channel LowCardinality(String), event_id UInt64)"
                    " engine = MergeTree order by (person_id, occurred_at)"
                )
                session.query(f"insert into events select * from file('{file}', Parquet)")
                found += [
                    _asked(
                        question,
                        # Half of the people: they have numbers, from 0 on.
                        queries[question.name].replace("middle", str(count // 100)),
                        count,
                        connection,
                        session,
                    )
                    for question in QUESTIONS
                ]
            finally:
                session.close()
    return found


def _asked(
    question: Question,
    query: str,
    count: int,
    connection: duckdb.DuckDBPyConnection,
    session: Any,
) -> Comparison:
    theirs = f"{question.theirs} settings max_threads = 2"
    ours_seconds, ours = best(lambda: connection.execute(query).fetchall())
    their_seconds, answer = best(lambda: str(session.query(theirs, "CSV")))
    bounds = {what: seconds(connection, sql) for what, sql in question.bounds.items()}
    rows = [line.replace('"', "").split(",") for line in answer.splitlines()]
    same = len(rows) == len(ours) and all(
        _equal(a, b)
        for row, other in zip(ours, rows, strict=True)
        for a, b in zip(row, other, strict=True)
    )
    return Comparison(question.name, count, ours_seconds, their_seconds, same, bounds)


def _equal(ours: Any, theirs: str) -> bool:
    try:
        return abs(float(ours) - float(theirs)) <= 0.01
    except (TypeError, ValueError):
        return str(ours) == theirs
