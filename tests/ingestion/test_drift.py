"""A changed shape stops its table and no other, is listed, and is accepted by one command."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from ingestion.__main__ import main
from ingestion.pipeline import data_dir
from tests.ingestion.company import DAY, HOUR, NOW, Company, Vendors, contents, load_now, query
from tests.ingestion.conftest import Serve
from tests.ingestion.test_errors import add_one_more_to_each

EXPORTS = {"vendor": "posthog", "path": "file_download", "request": 1, "times": -1}


@pytest.fixture
def drifting(company: Company, serve: Serve) -> Vendors:
    """A company that was loaded and has news since."""
    add_one_more_to_each(company)
    vendors = serve(company)
    load_now("posthog")
    vendors.at(NOW + DAY)
    return vendors


def drift(source: str = "posthog") -> list[tuple]:
    return query(
        "select table_name, column_name, kind, stops_table, is_accepted"
        f" from {source}.drift order by all"
    )


def cursor(source: str) -> dict:
    return json.loads((data_dir() / "dlt" / source / "state.json").read_text())["sources"][source]


def test_a_changed_type_stops_its_table_and_no_other(drifting: Vendors) -> None:
    before, counted = contents("posthog"), query("from posthog.source_counts order by all")
    reached = cursor("posthog")["arrived_until"]["events"]
    drifting.break_with(**EXPORTS, kind="drift", drift="changed-type")
    report = load_now("posthog")["posthog"]
    assert set(report.stopped) == {"events"}
    assert "posthog.events.timestamp is timestamp" in report.stopped["events"]
    assert "python -m ingestion accept posthog.events.timestamp" in report.stopped["events"]
    assert contents("posthog") == before
    assert query("from posthog.source_counts order by all") == counted
    assert cursor("posthog")["arrived_until"]["events"] == reached
    assert drift() == [("events", "timestamp", "changed type", True, False)]


def test_a_table_that_was_stopped_goes_on_where_it_stopped(drifting: Vendors) -> None:
    drifting.break_with(**EXPORTS, kind="drift", drift="changed-type")
    load_now("posthog")
    drifting.mend()
    drifting.at(NOW + 2 * DAY)
    assert load_now("posthog")["posthog"].rows["events"] == 1
    assert drift() == []


def test_an_accepted_type_is_converted_to_the_declared_one(drifting: Vendors) -> None:
    drifting.break_with(**EXPORTS, kind="drift", drift="changed-type")
    load_now("posthog")
    assert main(["accept", "posthog.events.timestamp"]) == 0
    assert drift() == [("events", "timestamp", "changed type", True, True)]
    drifting.at(NOW + 2 * DAY)
    report = load_now("posthog")["posthog"]
    assert report.stopped == {}
    assert report.rows["events"] == 1
    broken = contents("posthog")
    drifting.mend()
    for name in ("dlt", "warehouse"):
        (data_dir() / name).rename(data_dir() / f"{name}-before")
    load_now("posthog")
    assert contents("posthog") == broken


def test_an_accepted_absence_is_null(drifting: Vendors) -> None:
    drifting.break_with(**EXPORTS, kind="drift", drift="dropped-column")
    assert set(load_now("posthog")["posthog"].stopped) == {"events"}
    assert ("events", "elements_chain", "dropped column", True, False) in drift()
    assert main(["accept", "posthog.events.elements_chain"]) == 0
    assert load_now("posthog")["posthog"].rows["events"] == 1
    newest = query("select elements_chain from posthog.events order by _inserted_at desc limit 1")
    assert newest == [(None,)]


def test_a_new_column_is_taken_in_and_listed(drifting: Vendors) -> None:
    drifting.break_with(**EXPORTS, kind="drift", drift="new-column")
    report = load_now("posthog")["posthog"]
    assert (report.stopped, report.rows["events"]) == ({}, 1)
    assert ("events", "surprise_field", "new column", False, False) in drift()
    assert query("select count(surprise_field) from posthog.events") == [(1,)]
    assert main(["accept", "posthog.events.surprise_field"]) == 0
    assert ("events", "surprise_field", "new column", False, True) in drift()


def test_a_new_property_of_the_crm_is_listed(vendors: Vendors) -> None:
    load_now("hubspot")
    assert drift("hubspot") == []
    everywhere = {"path": ".*", "request": 1, "times": -1}
    vendors.break_with(vendor="hubspot", **everywhere, kind="drift", drift="new-column")
    vendors.at(NOW + DAY)
    load_now("hubspot")
    assert any(column.startswith("properties.") for _, column, *_ in drift("hubspot"))


def test_records_of_a_stopped_table_come_later_and_hold_up_no_other(
    company: Company, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.tables["hubspot/deals"][-1]["updated_at"] = NOW + HOUR
    company.tables["hubspot/contacts"][-1]["updated_at"] = NOW + HOUR
    vendors = serve(company)
    load_now("hubspot")
    before = contents("hubspot")
    vendors.at(NOW + DAY)
    with monkeypatch.context() as patch:
        patch.setattr("ingestion.hubspot._history_rows", lambda deal: iter([{"value": [1]}]))
        report = load_now("hubspot")["hubspot"]
    assert set(report.stopped) == {"deal_property_history"}
    assert report.rows["contacts"] == 1
    after = contents("hubspot")
    name = "hubspot.deal_property_history"
    assert after[name] == before[name]
    # Its deal was read in the load that left it out, and is not read again by itself.
    vendors.at(NOW + DAY + timedelta(minutes=1))
    load_now("hubspot")
    whole = contents("hubspot")[name]
    for folder in ("dlt", "warehouse"):
        (data_dir() / folder).rename(data_dir() / f"{folder}-before")
    load_now("hubspot")
    assert contents("hubspot")[name] == whole


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("salesforce.leads.id", "unknown source 'salesforce'"),
        ("posthog.events.uuid", "posthog: events.uuid is no column whose drift waits"),
        ("posthog", "waiting: none"),
    ],
)
def test_what_cannot_be_accepted_is_named_and_changes_nothing(
    vendors: Vendors, capsys: pytest.CaptureFixture[str], name: str, words: str
) -> None:
    load_now("posthog")
    assert main(["accept", name]) == 2
    assert words in capsys.readouterr().err
    assert not Path(data_dir() / "contract.json").exists()
