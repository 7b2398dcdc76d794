"""The additive metrics of the semantic layer, as far as a publication needs to know them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from orchestration.dbt import manifest

# Only what adds up over rows can be split by row; ratios are told by their parts.
VALUES = {
    "sum": "coalesce({expr}, 0)",
    "count": "case when {expr} is null then 0 else 1 end",
}


@dataclass(frozen=True)
class Metric:
    """A sum over the rows of one mart. All fields but the name and the mart are SQL."""

    name: str
    mart: str  # schema.table
    key: str  # what makes a row the same row in two publications
    value: str  # what one row adds
    time: str  # when it happened, or the first moment of the period that it sums up
    grain: str  # moment, day, week or month: how long that period is
    arrival: str | None = None  # when the newest source row of it arrived, if the mart says so

    @property
    def definition(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def defined(cls, definition: str) -> "Metric":
        return cls(**json.loads(definition))


def metrics() -> list[Metric]:
    """Return every simple metric of dbt's semantic models whose measure is a sum or a count."""
    return sorted(_metrics(manifest()), key=lambda metric: metric.name)


def _metrics(manifest: Mapping[str, Any]) -> Iterator[Metric]:
    measures = {
        measure["name"]: (model, measure)
        for model in manifest["semantic_models"].values()
        for measure in model["measures"]
    }
    for metric in manifest["metrics"].values():
        name = (metric["type_params"].get("measure") or {}).get("name")
        if metric["type"] != "simple" or metric["filter"] or name not in measures:
            continue
        model, measure = measures[name]
        if measure["agg"] not in VALUES or measure["non_additive_dimension"]:
            continue
        # What dbt makes of a measure is a part of other metrics, and has no label but its name.
        if metric["label"] == metric["name"]:
            continue
        relation = model["node_relation"]
        [key] = [entity for entity in model["entities"] if entity["type"] == "primary"]
        time = measure["agg_time_dimension"] or model["defaults"]["agg_time_dimension"]
        [dimension] = [each for each in model["dimensions"] if each["name"] == time]
        column = dimension["expr"] or time
        typed = manifest["nodes"][model["depends_on"]["nodes"][0]]["columns"][column]["data_type"]
        yield Metric(
            name=metric["name"],
            mart=f"{relation['schema_name']}.{relation['alias']}",
            key=key["expr"] or key["name"],
            value=VALUES[measure["agg"]].format(expr=measure["expr"] or measure["name"]),
            time=column,
            # The granularity is the finest that people may ask for; the type is what a row says.
            grain="moment" if typed != "date" else dimension["type_params"]["time_granularity"],
            arrival=model["config"]["meta"].get("arrival"),
        )
