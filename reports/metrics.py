"""Headline metrics by name: what each is, and its values by the periods and dimensions it has.

The definitions and their SQL are published with the numbers (ops.metrics, ops.metric_queries);
nothing is computed here.
"""

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import duckdb

from reports.formats import Rows
from reports.published import NotPublishedError, UnknownNameError, reading, rows

GRAINS = ("day", "week", "month", "quarter", "year")


class UndefinedError(LookupError):
    """A metric was asked for in a way in which it is not defined."""


@dataclass(frozen=True)
class Metric:
    """What the published file says of a metric."""

    name: str
    definition: str
    grains: tuple[str, ...]
    dimensions: tuple[str, ...]
    requires: tuple[str, ...]

    @property
    def possible(self) -> str:
        """In words, by what it may be asked."""
        by = f"by {_choice(self.grains)}"
        if self.requires:
            by += f", with {' and '.join(self.requires)}"
        if more := [each for each in self.dimensions if each not in self.requires]:
            by += f", and if you like by {', '.join(more)}"
        return by


def listed() -> Rows:
    """Return the catalogue, a row per metric."""
    with _catalogue() as connection:
        return rows(connection, "from ops.metrics order by metric")


def values(
    name: str, by: Sequence[str] = (), since: date | None = None, until: date | None = None
) -> Rows:
    """Return a metric's values by period and dimensions, of periods that begin in the range.

    Args:
        by: a period, else the metric's finest, and dimensions in the order of the columns.

    Raises:
        UnknownNameError: there is no such metric.
        UndefinedError: it is not defined by what was asked.
    """
    with _catalogue() as connection:
        metric = _metric(connection, name)
        grain, dimensions = _asked(metric, by)
        # The order in which the metric declares its dimensions is that of the query's name.
        declared = ", ".join(each for each in metric.dimensions if each in dimensions)
        found = connection.execute(
            "select query from ops.metric_queries where metric = $metric and grain = $grain"
            " and dimensions = $dimensions",
            {"metric": name, "grain": grain, "dimensions": declared},
        ).fetchone()
        if not found:
            raise NotPublishedError(
                f"{name} by {grain} and {declared or 'nothing else'} was not published; run a night"
            )
        columns = ", ".join([*dict.fromkeys([*by, grain, *dimensions]), name])
        return rows(
            connection,
            f"select {columns} from ({found[0]}) as answered"
            f" where {grain} >= coalesce($since, {grain}) and {grain} <= coalesce($until, {grain})"
            f" order by {', '.join([grain, *dimensions])}",
            {"since": since, "until": until},
        )


@contextmanager
def _catalogue() -> Iterator[duckdb.DuckDBPyConnection]:
    with reading() as connection:
        known = "select 1 from duckdb_tables() where schema_name = 'ops' and table_name = 'metrics'"
        if not connection.execute(known).fetchone():
            raise NotPublishedError(
                "what is published is older than its metrics; run a night, and ask again"
            )
        yield connection


def _metric(connection: duckdb.DuckDBPyConnection, name: str) -> Metric:
    known = {
        each["metric"]: Metric(
            each["metric"],
            each["definition"],
            *(
                tuple(filter(None, each[column].split(", ")))
                for column in ("grains", "dimensions", "requires")
            ),
        )
        for each in rows(connection, "from ops.metrics order by metric")
    }
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3)
        hint = f"did you mean {_choice(near)}?" if near else f"known: {', '.join(known)}"
        raise UnknownNameError(f"{name!r} is no metric; {hint}")
    return known[name]


def _asked(metric: Metric, by: Sequence[str]) -> tuple[str, list[str]]:
    """Return the period and the dimensions that are meant, or say why they cannot be had."""
    periods = [each for each in by if each in GRAINS]
    dimensions = [each for each in by if each not in GRAINS]
    undefined = [each for each in periods if each not in metric.grains]
    undefined += [each for each in dimensions if each not in metric.dimensions]
    if undefined or len(periods) > 1 or not set(metric.requires) <= set(dimensions):
        raise UndefinedError(
            f"{metric.name} is not defined by {', '.join(by) or 'period alone'}, and its values do"
            f" not add up to it; ask for it {metric.possible}.\n{metric.name}: {metric.definition}"
        )
    return (periods or [metric.grains[0]])[0], dimensions


def _choice(names: Sequence[str]) -> str:
    """Names with commas and an `or`."""
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
