"""The catalogue of metrics in the published file: what each one is, and its SQL."""

import duckdb

from orchestration.candidate import literal
from orchestration.semantic_layer import Catalogue

TABLES = {
    "metrics": (
        "One row per headline metric, as the semantic models of this version define it.",
        {
            "metric": ("varchar not null", "The name that `productops metric` takes."),
            "label": ("varchar not null", None),
            "owner": ("varchar not null", "Who decides what it means."),
            "definition": ("varchar not null", None),
            "unit": ("varchar not null", None),
            "marts": ("varchar not null", "The tables that it is made of."),
            "grains": ("varchar not null", "By which periods it is defined, the finest first."),
            "dimensions": ("varchar not null", "By what it may be told apart."),
            "requires": ("varchar not null", "Dimensions without which it has no meaning."),
            "adds_up_over": (
                "varchar not null",
                "Dimensions over which its values may be summed; empty: ask again, never sum."
                " Over periods no headline metric adds up.",
            ),
        },
    ),
    "metric_queries": (
        "One row per way that a headline metric may be asked.",
        {
            "metric": ("varchar not null", None),
            "grain": ("varchar not null", "The period; its first day is the first column."),
            "dimensions": ("varchar not null", "Told apart by these; empty: all together."),
            "query": (
                "varchar not null",
                "What MetricFlow makes of the definition. Without a value there is no row.",
            ),
        },
    ),
}


def write(connection: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> None:
    """Write the catalogue into the attached `candidate`."""
    for name, (about, columns) in TABLES.items():
        typed = ", ".join(f"{column} {kind}" for column, (kind, _) in columns.items())
        connection.execute(f"create table candidate.ops.{name} ({typed})")
        connection.execute(f"comment on table candidate.ops.{name} is {literal(about)}")
        for column, (_, text) in columns.items():
            if text:
                connection.execute(
                    f"comment on column candidate.ops.{name}.{column} is {literal(text)}"
                )
    _insert(
        connection,
        "metrics",
        [
            (
                *(each.name, each.label, each.owner, each.definition, each.unit),
                *map(_listed, (each.marts, each.grains, each.dimensions)),
                *map(_listed, (each.requires, each.adds_up_over)),
            )
            for each in catalogue.metrics
        ],
    )
    _insert(
        connection,
        "metric_queries",
        [
            (each.metric, each.grain, _listed(each.dimensions), each.sql)
            for each in catalogue.queries
        ],
    )


def _insert(connection: duckdb.DuckDBPyConnection, name: str, rows: list[tuple[str, ...]]) -> None:
    if rows:
        places = ", ".join("?" * len(rows[0]))
        connection.executemany(f"insert into candidate.ops.{name} values ({places})", rows)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names)
