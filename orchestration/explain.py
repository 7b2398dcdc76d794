"""Why a metric moved from one publication to the next: five causes, which add up to the whole.

A publication changes either the data or the models: when the models changed, last night's data
are built and published with them before anything new is loaded (see rebuild.py). What is left to
tell apart is told by row:

    definition              the metric now reads the same rows another way
    code                    other models made other rows of the same data
    new data                of a period that was not over when the previous data were read
    late data               of a period that was, brought by rows that arrived since
    changed source records  the rest: merges, edits and deletions at the vendor

Where new models cannot be built from old data, say for want of a table that is loaded later in
that night, all that is not new data counts as code.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal

import duckdb

from orchestration.metrics import Metric

CAUSES = ("new data", "late data", "changed source records", "code", "definition")
# Counts and money are exact in it, so that the parts add up to the last digit.
EXACT = "decimal(38, 6)"
PERIODS = {"day": "1 day", "week": "7 days", "month": "1 month"}


@dataclass(frozen=True)
class Circumstances:
    """What is known of a publication and its predecessor as a whole."""

    # The vendors' time when the previous publication's data were read.
    read_until: datetime | None
    # Whether other models built this publication than the previous one.
    models_changed: bool = False
    # Whether it was built of the same data.
    rebuilt: bool = False


def total(connection: duckdb.DuckDBPyConnection, catalog: str, metric: Metric) -> Decimal:
    """Return the metric over the whole mart."""
    row = connection.execute(
        f"select coalesce(sum(cast({metric.value} as {EXACT})), 0) from {catalog}.{metric.mart}"
    ).fetchone()
    assert row is not None
    return Decimal(row[0])


def explain(
    connection: duckdb.DuckDBPyConnection,
    metric: Metric,
    before: Metric | None,
    circumstances: Circumstances,
) -> dict[str, Decimal]:
    """Return what each cause adds to a metric, from catalog `previous` to catalog `candidate`.

    `before` is the metric as the previous publication defined it, None if it did not.
    """
    now = total(connection, "candidate", metric)
    if before is None:
        return {"definition": now}
    then = total(connection, "previous", before)
    # Where a metric looks for its time or its rows' age is no part of what it measures.
    asked = replace(metric, mart=before.mart, key=before.key, value=before.value)
    try:
        unchanged = total(connection, "candidate", before)
        parts = _by_row(connection, asked, circumstances)
    except duckdb.Error:
        # The columns it was made of are gone, so there is nothing to tell apart.
        return {"definition": now - then}
    return {**parts, "definition": now - unchanged}


def _by_row(
    connection: duckdb.DuckDBPyConnection, metric: Metric, circumstances: Circumstances
) -> dict[str, Decimal]:
    before, after = (
        f"select {metric.key} as row_key, cast({metric.value} as {EXACT}) as value,"
        f" {_end(metric)} as period_end, {arrival} as arrived_at from {catalog}.{metric.mart}"
        for catalog, arrival in (("previous", "null"), ("candidate", metric.arrival or "null"))
    )
    late = "after.arrived_at > $read_until" if metric.arrival else "before.row_key is null"
    rows = connection.execute(
        f"""
        with before as ({before}), after as ({after})
        select
            case
                when $rebuilt then 'code'
                when coalesce(after.period_end, before.period_end) > $read_until then 'new data'
                when $models_changed then 'code'
                when after.period_end is not null and {late} then 'late data'
                else 'changed source records'
            end as cause,
            sum(coalesce(after.value, 0) - coalesce(before.value, 0)) as amount
        from before full outer join after on before.row_key = after.row_key
        where coalesce(after.value, 0) <> coalesce(before.value, 0)
        group by cause
        """,
        asdict(circumstances),
    ).fetchall()
    return {cause: Decimal(amount) for cause, amount in rows}


def _end(metric: Metric) -> str:
    """A moment, or the end of the period that begins at it: while it lasts, it grows."""
    start = f"cast({metric.time} as timestamp)"
    return f"{start} + interval '{PERIODS[metric.grain]}'" if metric.grain in PERIODS else start


def movements(
    connection: duckdb.DuckDBPyConnection,
    metrics: Sequence[Metric],
    before: Mapping[str, Metric],
    circumstances: Circumstances,
) -> Iterator[tuple[str, str, Decimal]]:
    """Yield (metric, cause, amount) for every cause that moved a metric."""
    for metric in metrics:
        parts = explain(connection, metric, before.get(metric.name), circumstances)
        for cause in CAUSES:
            if parts.get(cause):
                yield metric.name, cause, parts[cause]
