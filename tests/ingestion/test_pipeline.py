"""Packages on disk, one warehouse file: interrupted, concurrent and repeated loads end right."""

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dlt
import pytest

from ingestion import SOURCES, zendesk
from ingestion.errors import WarehouseError
from ingestion.pipeline import (
    create_tables,
    data_dir,
    extract,
    is_configured,
    load,
    warehouse_path,
)
from tests.ingestion.company import (
    DAY,
    HOUR,
    NOW,
    Company,
    Vendors,
    contents,
    load_now,
    query,
    start_over,
)
from tests.ingestion.conftest import Serve

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import duckdb, sys, time
held = duckdb.connect(sys.argv[1])
print("held", flush=True)
time.sleep({})
"""


def keyless(tables: dict) -> list[str]:
    """Tables of a schema that are merged without a key, which dlt does by appending."""
    return [
        name
        for name, table in tables.items()
        if table.get("write_disposition") == "merge"
        and not any(column.get("primary_key") for column in table["columns"].values())
    ]


def test_every_merged_table_has_a_key(vendors: Vendors) -> None:
    load_now()
    for name in SOURCES:
        pipeline = dlt.attach(name, pipelines_dir=str(data_dir() / "dlt"))
        assert keyless(pipeline.default_schema.tables) == []


def test_every_resource_that_writes_merges_by_a_key_or_appends_what_only_grows(
    vendors: Vendors,
) -> None:
    appended = {
        f"{name}.{table.name}"
        for name, vendor in SOURCES.items()
        for table in vendor.tables
        if not table.primary_key
    }
    assert appended == {"posthog.events", "posthog.persons"}


def test_every_table_exists_though_the_vendors_hold_nothing(tmp_path: Path, serve: Serve) -> None:
    serve(Company(tmp_path / "nothing"))
    load_now()
    assert_all_tables_exist()


def assert_all_tables_exist() -> None:
    found = set(
        query(
            "select table_schema, table_name, column_name from information_schema.columns "
            "where not starts_with(table_name, '_') and not ends_with(table_schema, '_staging')"
            " and table_name <> 'drift'"
        )
    )
    declared = {
        (name, table.name, column)
        for name, vendor in SOURCES.items()
        for table in vendor.tables
        for column in (*table.columns, "_dlt_load_id")
    }
    assert found == declared


def test_the_tables_of_a_vendor_nobody_configured_can_be_created(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, vendor in SOURCES.items():
        for secret in vendor.secrets:
            assert is_configured(name) or secret == "google_refresh_token"
            monkeypatch.delenv(f"SOURCES__{name}__{secret}".upper(), raising=False)
        assert not is_configured(name)
        create_tables(name)
        create_tables(name)
    assert_all_tables_exist()


def test_a_vendor_configured_after_its_tables_were_created_is_loaded(
    company: Company, vendors: Vendors
) -> None:
    for name in SOURCES:
        create_tables(name)
    load_now()
    assert query("select count(*) from posthog.events") == [
        (len(company.tables["posthog/events"]),)
    ]


def test_creating_tables_leaves_loaded_ones_alone(vendors: Vendors) -> None:
    load_now()
    before = contents()
    for name in SOURCES:
        create_tables(name)
    assert contents() == before


@pytest.mark.parametrize("is_reached", [True, False])
def test_a_table_from_before_an_upgrade_gets_its_new_columns(
    vendors: Vendors, is_reached: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also on a night without news of it, and of a vendor that nobody asks any more."""
    row_of = zendesk._ticket
    with monkeypatch.context() as before:
        before.delitem(zendesk.TICKETS.columns, "follows_id")
        before.setattr(
            zendesk,
            "_ticket",
            lambda item: {k: v for k, v in row_of(item).items() if k != "follows_id"},
        )
        load_now("zendesk")
    columns = "select column_name from duckdb_columns() where schema_name = 'zendesk'"
    assert ("follows_id",) not in query(columns)
    if is_reached:
        load_now("zendesk")
    else:
        create_tables("zendesk")
    assert ("follows_id",) in query(columns)


def test_vendors_are_extracted_at_once_and_loaded_one_by_one(vendors: Vendors) -> None:
    load_now()
    expected = contents()
    for _ in range(3):
        start_over()
        with ThreadPoolExecutor(len(SOURCES)) as pool:
            extractions = list(pool.map(extract, SOURCES))
        assert not warehouse_path().exists()
        for extraction in extractions:
            load(extraction)
        assert contents() == expected


def test_one_vendor_may_be_loaded_while_another_is_extracted(vendors: Vendors) -> None:
    load_now()
    expected = contents()
    start_over()
    first = extract("posthog")
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(load, first), pool.submit(extract, "hubspot")]
        done[0].result()
        load(done[1].result())
    load_now(*(name for name in SOURCES if name not in ("posthog", "hubspot")))
    assert contents() == expected


def test_the_report_tells_what_was_loaded_and_up_to_when(
    company: Company, vendors: Vendors
) -> None:
    report = load_now("posthog")["posthog"]
    assert report.source == "posthog"
    assert report.vendor_now == NOW
    assert report.rows["events"] == len(company.tables["posthog/events"])
    assert len(report.load_ids) == 1
    assert report.seconds > 0


def test_a_lost_load_state_is_restored_from_the_warehouse(company: Company, serve: Serve) -> None:
    vendors = serve(company)
    load_now()
    before = contents()
    shutil.rmtree(data_dir() / "dlt")
    vendors.at(NOW + HOUR)
    vendors.forget_requests()
    reports = load_now()
    assert contents() == before
    # The costs of the last months are asked for every night, for they may have been restated.
    costs = set(reports.pop("ads").rows)
    assert {table for r in reports.values() for table in r.rows} == {"exports", "source_counts"}
    assert costs <= {table.name for table in SOURCES["ads"].tables}


def test_a_lost_warehouse_is_loaded_anew(vendors: Vendors) -> None:
    load_now()
    before = contents()
    warehouse_path().unlink()
    load_now()
    assert contents() == before


def test_an_older_warehouse_put_back_is_brought_up_to_date(
    company: Company, serve: Serve, tmp_path: Path
) -> None:
    company.tables["posthog/events"][-1]["inserted_at"] = NOW + HOUR
    company.tables["hubspot/contacts"][-1]["updated_at"] = NOW + HOUR
    company.tables["typeform/responses"][-1]["arrived_at"] = NOW + HOUR
    vendors = serve(company)
    load_now()
    shutil.copy(warehouse_path(), tmp_path / "backup")
    vendors.at(NOW + DAY)
    load_now()
    expected = contents()
    shutil.copy(tmp_path / "backup", warehouse_path())
    load_now()
    assert contents() == expected


def test_an_extraction_that_failed_leaves_nothing_behind(vendors: Vendors) -> None:
    load_now()
    before = contents()
    vendors.at(NOW + DAY)
    vendors.break_with(vendor="hubspot", path="search", request=2, times=-1, kind="500")
    with pytest.raises(Exception, match="hubspot answered 500"):
        load_now("hubspot")
    assert contents() == before
    vendors.mend()
    # Not the others: what waits for an answer changes its state in a day.
    load_now("hubspot")
    assert contents() == before


def run(*sources: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ingestion", *sources],
        cwd=ROOT,
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_when(process: subprocess.Popen[str], pattern: str, delay: float) -> None:
    """Kill a load `delay` seconds after files of `pattern` appear in its working folder."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if any((data_dir() / "dlt").glob(pattern)):
            time.sleep(delay)
            break
        time.sleep(0.002)
    assert process.poll() is None, "the load ended before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize(
    ("pattern", "delay"),
    [
        pytest.param("posthog/downloads/*", 0.0, id="while files come in"),
        pytest.param("posthog/normalize/extracted/*", 0.0, id="between extracting and loading"),
        pytest.param("posthog/load/normalized/*", 0.0, id="before the load"),
        pytest.param("posthog/load/normalized/*/started_jobs/events.*", 0.05, id="in the load"),
        pytest.param("posthog/load/normalized/*/completed_jobs/events.*", 0.0, id="half loaded"),
    ],
)
def test_a_killed_load_is_finished_by_the_next(
    company: Company, serve: Serve, pattern: str, delay: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOAD__DELETE_COMPLETED_JOBS", "false")
    for row in company.tables["posthog/events"]:
        # Enough text that loading takes a while.
        row["properties"] = '{"text": "' + "x" * 20_000 + '"}'
    # One more event arrives before the next load.
    company.tables["posthog/events"][-1]["inserted_at"] = NOW + HOUR / 2
    vendors = serve(company)
    kill_when(run("posthog"), pattern, delay)
    vendors.at(NOW + HOUR)
    again = run("posthog")
    assert again.wait() == 0, again.communicate()
    interrupted = contents("posthog")
    start_over()
    load_now("posthog")
    assert interrupted == contents("posthog")


def test_a_held_warehouse_is_waited_for(vendors: Vendors) -> None:
    extraction = extract("typeform")
    with holding(2):
        load(extraction)
    assert query("select count(*) > 0 from typeform.responses") == [(True,)]


def test_a_warehouse_held_for_long_names_file_and_process(
    vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE__LOCK_TIMEOUT", "0.3")
    extraction = extract("typeform")
    with holding(60) as process:
        with pytest.raises(WarehouseError) as error:
            load(extraction)
        assert str(warehouse_path()) in str(error.value)
        assert f"PID {process.pid}" in str(error.value)
    # What waited is still there.
    assert load(extraction).rows["responses"] == 40


class holding:  # noqa: N801
    """Another process that has the warehouse open for writing."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __enter__(self) -> subprocess.Popen[str]:
        warehouse_path().parent.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD.format(self.seconds), str(warehouse_path())],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.process.stdout.readline()
        return self.process

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def test_folders_with_personal_data_are_for_their_owner_only(vendors: Vendors) -> None:
    load_now("typeform")
    for folder in (warehouse_path().parent, data_dir() / "dlt"):
        assert oct(folder.stat().st_mode & 0o777) == "0o700"


def test_nothing_loaded_lies_around_twice(vendors: Vendors) -> None:
    load_now()
    left = list((data_dir() / "dlt").rglob("*.parquet"))
    staged = [
        query(f"select count(*) from {schema}.{table}")[0][0]
        for schema, table in query(
            "select table_schema, table_name from information_schema.tables "
            "where ends_with(table_schema, '_staging') and not starts_with(table_name, '_dlt')"
        )
    ]
    assert left == []
    assert sum(staged) == 0
