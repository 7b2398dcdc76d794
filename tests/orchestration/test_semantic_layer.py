"""Headline metrics are declared whole, or named before anything is published."""

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from orchestration import semantic_layer
from orchestration.dbt import MANIFEST, manifest
from orchestration.metrics import metrics
from orchestration.semantic_layer import MetricError, catalogue, headlines, render


def with_meta(name: str, **changes: Any) -> dict[str, Any]:
    """The project's manifest with another `meta` of one metric, and of no other metric any."""
    changed = copy.deepcopy(dict(manifest()))
    for metric in changed["metrics"].values():
        if metric["name"] != name:
            metric["config"]["meta"] = {}
            continue
        meta = {**metric["config"]["meta"], **changes}
        metric["config"]["meta"] = {key: value for key, value in meta.items() if value is not None}
    return changed


@pytest.mark.parametrize(
    "changes",
    [{"unit": None}, {"grains": None}, {"grains": ["month", "fortnight"]}, {"additive": True}],
)
def test_a_metric_that_is_not_declared_whole_is_named(changes: Mapping[str, Any]) -> None:
    with pytest.raises(MetricError, match="metric 'nrr_12m' in models/marts/sales/"):
        list(headlines(with_meta("nrr_12m", **changes)))


def test_a_metric_without_an_owner_is_named() -> None:
    changed = with_meta("nrr_12m")
    changed["metrics"]["metric.productops.nrr_12m"]["group"] = None
    with pytest.raises(MetricError, match=r"has a group of _groups\.yml"):
        list(headlines(changed))


@pytest.mark.parametrize(
    "changes", [{"dimensions": ["segment", "weather"]}, {"adds_up_over": ["weather"]}]
)
def test_a_dimension_that_no_semantic_model_offers_is_named(changes: Mapping[str, Any]) -> None:
    semantic_manifest = MANIFEST.with_name("semantic_manifest.json").read_text()
    with pytest.raises(MetricError, match=r"'arr': dimension 'weather' is none of"):
        render(with_meta("arr", **changes), semantic_manifest)


def test_a_ratio_is_not_summed() -> None:
    with pytest.raises(MetricError, match=r"'nrr_12m' .* a ratio adds up over nothing"):
        list(headlines(with_meta("nrr_12m", adds_up_over=["segment"])))


def test_a_headline_metric_says_whose_it_is_and_what_it_is_made_of() -> None:
    [wau_per_seat] = headlines(with_meta("wau_per_seat"))
    assert wau_per_seat.owner == "Product Management"
    assert wau_per_seat.marts == ("product.engagement_daily", "sales.mrr_movements")
    assert wau_per_seat.grains == ("month",)


def test_queries_are_rendered_once_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = catalogue()
    monkeypatch.setattr(semantic_layer, "render", lambda *_: pytest.fail("rendered again"))
    assert catalogue() == before
    monkeypatch.setattr(semantic_layer, "models_version", lambda: "another")
    with pytest.raises(pytest.fail.Exception, match="rendered again"):
        catalogue()


def test_a_publication_explains_sums_and_no_parts_of_other_metrics() -> None:
    explained = {metric.name for metric in metrics()}
    assert {"deals", "nps_points", "product_events"} <= explained
    assert explained.isdisjoint({"wau", "arr", "wau_people", "dau_days", "spend", "nps_answers"})
