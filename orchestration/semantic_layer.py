"""The headline metrics of dbt's semantic models, and the SQL that MetricFlow makes of each.

A metric is defined once, in `dbt_project/models/marts/*/_*__metrics.yml`. MetricFlow takes two
seconds to import and a tenth to answer; so every way that a metric may be asked is rendered here,
once a version of the models, and travels in the published file beside the numbers it was made for.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.code_version import models_version
from orchestration.dbt import MANIFEST, manifest
from orchestration.kept import kept

if TYPE_CHECKING:
    from metricflow.engine.metricflow_engine import MetricFlowEngine

GRAINS = ("day", "week", "month", "quarter", "year")
# What a headline metric's `meta` may say; the first two it must.
SETTINGS = ("unit", "grains", "dimensions", "requires", "adds_up_over")


class MetricError(RuntimeError):
    """A metric is declared in a way that nothing can be asked of it."""


@dataclass(frozen=True)
class Headline:
    """A metric that people ask for by name."""

    name: str
    label: str
    owner: str
    definition: str
    unit: str
    marts: tuple[str, ...]  # schema.table
    grains: tuple[str, ...]  # the finest first
    dimensions: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()  # dimensions without which it has no meaning
    adds_up_over: tuple[str, ...] = ()  # dimensions over which its values may be summed


@dataclass(frozen=True)
class Query:
    """One way to ask a metric: by periods of a grain, and by some of its dimensions."""

    metric: str
    grain: str
    dimensions: tuple[str, ...]
    sql: str


@dataclass(frozen=True)
class Catalogue:
    metrics: tuple[Headline, ...] = ()
    queries: tuple[Query, ...] = ()


def catalogue() -> Catalogue:
    """Return every headline metric and its queries, rendered once a version of the models.

    Raises:
        MetricError: with the metric, what is wrong with it and where it is declared.
    """
    version = f"{models_version()} {Path(__file__).stat().st_mtime_ns}"
    held = kept(
        "headline_metrics",
        version,
        lambda: asdict(
            render(manifest(), MANIFEST.with_name("semantic_manifest.json").read_text())
        ),
    )
    return Catalogue(
        tuple(Headline(**_tuples(each)) for each in held["metrics"]),
        tuple(Query(**_tuples(each)) for each in held["queries"]),
    )


def _tuples(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
    }


def render(manifest: Mapping[str, Any], semantic_manifest: str) -> Catalogue:
    """Return the headline metrics of a parsed project, and MetricFlow's SQL for each query."""
    metrics = tuple(sorted(headlines(manifest), key=lambda metric: metric.name))
    engine = _engine(semantic_manifest)
    return Catalogue(
        metrics, tuple(query for metric in metrics for query in _asked(engine, metric))
    )


def headlines(manifest: Mapping[str, Any]) -> Iterator[Headline]:
    """Yield the metrics whose `meta` says in which unit and by which periods they are told."""
    for metric in manifest["metrics"].values():
        meta = metric["config"]["meta"]
        if not meta:
            continue
        name, file = metric["name"], metric["original_file_path"]
        group = manifest["groups"].get(f"group.{metric['package_name']}.{metric['group']}")
        unknown = sorted(set(meta) - set(SETTINGS))
        wrong = [grain for grain in meta.get("grains", []) if grain not in GRAINS]
        if unknown or wrong or group is None or not {"unit", "grains"} <= set(meta):
            raise MetricError(
                f"metric {name!r} in {file}: a headline metric has a group of _groups.yml, and"
                f" of {', '.join(SETTINGS)} in its meta the first two; it says group"
                f" {metric['group']!r}, meta {meta}; a grain is one of {', '.join(GRAINS)}"
            )
        if metric["type"] == "ratio" and meta.get("adds_up_over"):
            raise MetricError(
                f"metric {name!r} in {file}: a ratio adds up over nothing; leave out adds_up_over,"
                f" which says {meta['adds_up_over']}"
            )
        yield Headline(
            name=name,
            label=metric["label"],
            owner=group["owner"]["name"],
            definition=" ".join(metric["description"].split()),
            unit=meta["unit"],
            marts=tuple(sorted(_marts(manifest, metric))),
            grains=tuple(meta["grains"]),
            dimensions=tuple(meta.get("dimensions", ())),
            requires=tuple(meta.get("requires", ())),
            adds_up_over=tuple(meta.get("adds_up_over", ())),
        )


def _marts(manifest: Mapping[str, Any], metric: Mapping[str, Any]) -> set[str]:
    """The tables that a metric's parts are measured in."""
    found = set()
    for node in metric["depends_on"]["nodes"]:
        if node in manifest["metrics"]:
            found |= _marts(manifest, manifest["metrics"][node])
        else:
            relation = manifest["semantic_models"][node]["node_relation"]
            found.add(f"{relation['schema_name']}.{relation['alias']}")
    return found


def _engine(semantic_manifest: str) -> "MetricFlowEngine":
    from metricflow.engine.metricflow_engine import MetricFlowEngine
    from metricflow.protocols.sql_client import SqlEngine
    from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
    from metricflow_semantics.model.dbt_manifest_parser import (
        parse_manifest_from_dbt_generated_manifest,
    )
    from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

    class Dialect:
        """All that rendering wants of MetricFlow's SQL client; nothing is run through it."""

        sql_engine_type = SqlEngine.DUCKDB
        sql_plan_renderer = DuckDbSqlPlanRenderer()

    content = json.loads(semantic_manifest)
    for model in content["semantic_models"]:
        relation = model["node_relation"]
        # Without the database, whose name is the reader's choice.
        relation["relation_name"] = f'"{relation["schema_name"]}"."{relation["alias"]}"'
    parsed = parse_manifest_from_dbt_generated_manifest(json.dumps(content))
    return MetricFlowEngine(SemanticManifestLookup(parsed), Dialect())  # type: ignore[arg-type]


def _asked(engine: "MetricFlowEngine", metric: Headline) -> Iterator[Query]:
    names = _qualified(engine, metric)
    for grain in metric.grains:
        for count in range(len(metric.dimensions) + 1):
            for chosen in combinations(metric.dimensions, count):
                if set(metric.requires) <= set(chosen):
                    sql = _sql(engine, metric.name, grain, {each: names[each] for each in chosen})
                    yield Query(metric.name, grain, chosen, sql)


def _qualified(engine: "MetricFlowEngine", metric: Headline) -> dict[str, str]:
    """MetricFlow's names of a metric's dimensions, which say by which key each is reached."""
    offered = [
        each.dunder_name
        for each in engine.simple_dimensions_for_metrics([metric.name], without_any_property=())
    ]
    names = {}
    for dimension in (*metric.dimensions, *metric.requires, *metric.adds_up_over):
        fitting = [name for name in offered if name.rpartition("__")[2] == dimension]
        if len(fitting) != 1 or dimension not in metric.dimensions:
            raise MetricError(
                f"metric {metric.name!r}: dimension {dimension!r} is"
                f" {'one of ' + ', '.join(fitting) if fitting else 'none'} of what its semantic"
                f" models offer ({', '.join(offered)}), or not among its dimensions"
            )
        names[dimension] = fitting[0]
    return names


def _sql(engine: "MetricFlowEngine", metric: str, grain: str, dimensions: Mapping[str, str]) -> str:
    from metricflow.engine.metricflow_engine import MetricFlowQueryRequest

    time = f"metric_time__{grain}"
    request = MetricFlowQueryRequest.create(
        metric_names=[metric], group_by_names=[time, *dimensions.values()]
    )
    sql = engine.explain(request).sql_statement.sql
    columns = [
        f"cast({time} as date) as {grain}",
        *(f"{name} as {each}" for each, name in dimensions.items()),
        metric,
    ]
    return (
        f"select {', '.join(columns)}\nfrom (\n{_without_comments(sql)}\n) as answered"
        # Rows that count the others again (segment 'all') are in no measure.
        f"\nwhere {metric} is not null"
        f"\norder by {', '.join(str(place) for place in range(1, len(columns)))}"
    )


def _without_comments(sql: str) -> str:
    lines: Sequence[str] = sql.splitlines()
    return "\n".join(f"  {line}" for line in lines if not line.lstrip().startswith("--"))
