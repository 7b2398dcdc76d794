"""Superset's files name marts, columns, metrics, datasets and charts that exist."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.candidate import RECORDS
from orchestration.dbt import manifest, marts
from tests.conftest import ROOT, Job

ASSETS = ROOT / "bi" / "superset" / "assets"
# Words of an expression that are no columns.
FUNCTIONS = {"sum", "max", "count"}


def files(folder: str) -> dict[str, Any]:
    return {
        path.stem: yaml.safe_load(path.read_text()) for path in (ASSETS / folder).rglob("*.yaml")
    }


DATASETS, CHARTS, DASHBOARDS = files("datasets"), files("charts"), files("dashboards")
BY_UUID = {dataset["uuid"]: name for name, dataset in DATASETS.items()}


def columns(built: Job, table: str) -> set[str]:
    return {
        name
        for (name,) in built.query(
            "select column_name from duckdb_columns()"
            f" where schema_name || '.' || table_name = '{table}'"
        )
    }


def named(params: dict[str, Any]) -> set[str]:
    """The columns that a chart names outside of SQL."""
    names = {params["x_axis"]} if "x_axis" in params else set()
    names |= {
        each["column"]["column_name"] for each in params.get("metrics", ()) if type(each) is dict
    }
    names |= {each["subject"] for each in params["adhoc_filters"] if "subject" in each}
    return names | {*params.get("groupby", ()), *params.get("all_columns", ())}


@pytest.mark.parametrize("name", DATASETS)
def test_a_dataset_is_a_published_table(built: Job, name: str) -> None:
    dataset = DATASETS[name]
    assert name == f"{dataset['schema']}.{dataset['table_name']}"
    held = columns(built, name)
    assert held
    assert dataset.get("main_dttm_col", min(held)) in held
    for metric in dataset["metrics"]:
        words = {*re.findall(r"[a-z_]+", metric["expression"])} - FUNCTIONS
        assert words <= held, metric


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_asks_for_what_its_dataset_has(built: Job, name: str) -> None:
    chart = CHARTS[name]
    table = BY_UUID[chart["dataset_uuid"]]
    assert named(chart["params"]) <= columns(built, table)
    metrics = {each["metric_name"] for each in DATASETS[table]["metrics"]}
    assert {each for each in chart["params"].get("metrics", ()) if type(each) is str} <= metrics
    for each in chart["params"]["adhoc_filters"]:
        if "sqlExpression" in each:
            # Superset refuses a filter with a query in it.
            assert "select" not in each["sqlExpression"]
            built.query(f"select count(*) from {table} where {each['sqlExpression']}")


def test_each_dashboard_is_an_exposure_of_the_marts_behind_its_charts() -> None:
    tables = {chart["uuid"]: BY_UUID[chart["dataset_uuid"]] for chart in CHARTS.values()}
    shown = {
        f"superset_{name}": {
            tables[part["meta"]["uuid"]]
            for part in dashboard["position"].values()
            if isinstance(part, dict) and part["type"] == "CHART"
        }
        - {f"ops.{record}" for record in RECORDS}
        for name, dashboard in DASHBOARDS.items()
    }
    keys = {node["unique_id"]: table for table, node in marts().items()}
    told = {
        name: {keys[key] for key in exposure["depends_on"]["nodes"]}
        for exposure in manifest()["exposures"].values()
        if (name := exposure["name"]).startswith("superset_")
    }
    assert told == {name: tables for name, tables in shown.items() if tables}


def test_the_connection_only_reads_and_reads_only_this_file() -> None:
    connection = yaml.safe_load((ASSETS / "databases" / "productops.yaml").read_text())
    assert connection["sqlalchemy_uri"].endswith("?access_mode=READ_ONLY")
    settings = connection["extra"]["engine_params"]["connect_args"]["config"]
    assert settings == {"enable_external_access": False, "lock_configuration": True}
    assert not any(connection[f"allow_{what}"] for what in ("ctas", "cvas", "dml"))


def test_the_environment_of_superset_is_pinned_by_hash() -> None:
    lock = (ROOT / "bi" / "superset" / "requirements.lock").read_text()
    pinned = re.findall(r"^[a-z0-9_.\[\]-]+==", lock, flags=re.MULTILINE | re.IGNORECASE)
    assert len(pinned) > 100
    assert lock.count("--hash=sha256:") >= len(pinned)
    assert Path(ROOT / "bi" / "superset" / "requirements.in").exists()
