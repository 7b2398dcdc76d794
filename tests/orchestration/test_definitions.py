"""What Dagster knows: lineage without gaps, a schedule that runs, names that join the layers."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from ingestion import SOURCES
from ingestion.errors import SettingError
from orchestration.assets.raw import raw_tables
from orchestration.definitions import defs
from orchestration.schedules import cron_schedule, time_zone

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def graph() -> dg.AssetSelection:
    return defs.resolve_asset_graph()


def test_every_table_that_is_loaded_is_a_dbt_source_and_the_other_way_round() -> None:
    loaded = {name: {table.name for table in vendor.tables} for name, vendor in SOURCES.items()}
    assert {name: set(tables) for name, tables in raw_tables().items()} == loaded


def test_the_publication_descends_from_every_vendor(graph) -> None:
    ancestors = set()
    todo = [dg.AssetKey(["publication"])]
    while todo:
        key = todo.pop()
        for parent in graph.get(key).parent_keys:
            if parent not in ancestors:
                ancestors.add(parent)
                todo.append(parent)
    assert {dg.AssetKey(["vendors", name]) for name in SOURCES} <= ancestors


def test_only_vendors_and_seeds_have_no_parent(graph) -> None:
    roots = {key.path[0] for key in graph.root_materializable_asset_keys}
    assert roots == {"vendors", "seeds"}


def test_the_nightly_schedule_runs_by_default() -> None:
    schedule = defs.resolve_schedule_def("nightly")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING


def test_the_schedule_follows_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRODUCTOPS_NIGHTLY_AT", "23:05")
    assert cron_schedule() == "5 23 * * *"


def test_a_time_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRODUCTOPS_NIGHTLY_AT", "25:00")
    with pytest.raises(SettingError, match=r"PRODUCTOPS_NIGHTLY_AT is '25:00'"):
        cron_schedule()


@pytest.mark.parametrize("name", ["Europe/Berlim", "Europe", "", "../etc/passwd"])
def test_a_zone_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("PRODUCTOPS_TIMEZONE", name)
    with pytest.raises(SettingError, match=f"PRODUCTOPS_TIMEZONE is '{name}'; expected the name"):
        time_zone()


def test_error_level_expectations_block(graph) -> None:
    gate = [key for key in graph.asset_check_keys if key.asset_key.path[0] == "product"]
    assert gate


def test_loading_the_definitions_imports_neither_great_expectations_nor_pandas() -> None:
    script = (
        "import sys, orchestration.definitions;"
        "print(sorted({'great_expectations', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().splitlines()[-1] == "[]"
