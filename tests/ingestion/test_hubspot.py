"""HubSpot: what changed, what was archived, and how things came to be as they are."""

import json
from datetime import timedelta

import pytest

from tests.ingestion.company import DAY, HOUR, NOW, Company, Vendors, contents, load_now, query
from tests.ingestion.conftest import Serve

CUSTOM = "a_property_whose_name_is_quite_long_so_that_the_list_outgrows_one_search_{:03d}"


def contact(number: int, changed_at: object, **others: object) -> dict:
    return {
        "id": str(number),
        "email": f"p{number}@word2.example",
        "created_at": NOW - 50 * DAY,
        "updated_at": changed_at,
        **others,
    }


def ids(table: str, condition: str = "true") -> list[str]:
    return [i for (i,) in query(f"select id from hubspot.{table} where {condition} order by id")]


def test_objects_arrive_with_all_their_properties(company: Company, vendors: Vendors) -> None:
    load_now("hubspot")
    held = {
        i: json.loads(properties)["email"]
        for i, properties in query("select id, properties from hubspot.contacts")
    }
    assert held == {row["id"]: row["email"] for row in company.tables["hubspot/contacts"]}


def test_properties_that_outgrow_a_search_are_read_too(company: Company, serve: Serve) -> None:
    names = [CUSTOM.format(n) for n in range(60)]
    for row in company.tables["hubspot/contacts"]:
        row |= {name: f"{name} of {row['id']}" for name in names}
    serve(company)
    load_now("hubspot")
    held = query("select id, properties from hubspot.contacts order by id")
    assert all(
        json.loads(properties)[name] == f"{name} of {i}" for i, properties in held for name in names
    )


def test_loading_again_changes_nothing_and_asks_little(vendors: Vendors) -> None:
    load_now("hubspot")
    before = contents("hubspot")
    vendors.at(NOW + HOUR)
    vendors.forget_requests()
    report = load_now("hubspot")["hubspot"]
    assert contents("hubspot") == before
    assert report.rows == {"source_counts": 3}
    # Per type: its properties, a search, the bin and a count; then owners twice and stages.
    assert vendors.request_count() <= 15


def test_the_second_night_brings_exactly_what_changed(company: Company, serve: Serve) -> None:
    company.tables["hubspot/contacts"] += [
        contact(101, NOW + HOUR, email="new@word2.example"),
        contact(700, NOW + 2 * HOUR),
    ]
    vendors = serve(company)
    load_now("hubspot")
    vendors.at(NOW + DAY)
    report = load_now("hubspot")["hubspot"]
    emails = dict(query("select id, properties->>'email' from hubspot.contacts"))
    assert report.rows["contacts"] == 2
    assert (emails["101"], emails["700"]) == ("new@word2.example", "p700@word2.example")


def test_the_newest_object_of_last_night_may_change_again(company: Company, serve: Serve) -> None:
    # Regression: what the cursor's moment had shown was left out by its id, changed or not.
    company.tables["hubspot/contacts"] += [
        contact(700, NOW - HOUR),
        contact(700, NOW + HOUR, email="again@word2.example"),
    ]
    vendors = serve(company)
    load_now("hubspot")
    vendors.at(NOW + DAY)
    load_now("hubspot")
    emails = dict(query("select id, properties->>'email' from hubspot.contacts"))
    assert emails["700"] == "again@word2.example"


def test_a_change_the_search_index_did_not_show_yet_is_not_lost(
    company: Company, serve: Serve
) -> None:
    company.tables["hubspot/contacts"].append(contact(700, NOW - timedelta(seconds=5)))
    vendors = serve(company)
    load_now("hubspot")
    assert "700" not in ids("contacts")
    vendors.at(NOW + DAY)
    load_now("hubspot")
    assert "700" in ids("contacts")


def test_a_change_indexed_after_a_later_one_is_not_lost(company: Company, serve: Serve) -> None:
    company.tables["hubspot/contacts"].append(contact(700, NOW - timedelta(seconds=40)))
    serve(company)
    load_now("hubspot")
    assert "700" in ids("contacts")
    company.tables["hubspot/contacts"].append(contact(701, NOW - timedelta(seconds=90)))
    serve(company).at(NOW + DAY)
    load_now("hubspot")
    assert "701" in ids("contacts")


def test_archived_objects_are_marked_and_keep_their_properties(
    company: Company, serve: Serve
) -> None:
    first = company.tables["hubspot/contacts"][0]
    first |= {"archived_at": NOW + HOUR}
    company.tables["hubspot/contacts"][1] |= {"archived_at": NOW - HOUR}
    vendors = serve(company)
    load_now("hubspot")
    assert ids("contacts", "archived") == ["101"]
    vendors.at(NOW + DAY)
    report = load_now("hubspot")["hubspot"]
    assert report.rows["contacts"] == 1
    rows = query(
        "select id, archived_at, properties->>'email' from hubspot.contacts "
        "where archived order by id"
    )
    assert rows == [
        ("100", NOW + HOUR, "p0@word1.example"),
        ("101", NOW - HOUR, "p1@word1.example"),
    ]


def test_a_merge_names_the_loser_on_the_winner(company: Company, serve: Serve) -> None:
    company.tables["hubspot/contacts"].append(
        contact(105, NOW + HOUR, merged_into="106", merged_at=NOW + HOUR)
    )
    vendors = serve(company)
    load_now("hubspot")
    vendors.at(NOW + DAY)
    load_now("hubspot")
    merged = query(
        "select properties->>'hs_merged_object_ids' from hubspot.contacts where id = '106'"
    )
    assert "105" in merged[0][0].split(";")


def test_a_deals_history_holds_every_stage_and_when(company: Company, vendors: Vendors) -> None:
    load_now("hubspot")
    history = query(
        "select deal_id, value, changed_at from hubspot.deal_property_history "
        "where property = 'dealstage' order by deal_id, changed_at"
    )
    deals = company.tables["hubspot/deals"]
    assert history == sorted((d["id"], d["dealstage"], d["updated_at"]) for d in deals)


def test_associations_are_loaded_and_their_absence_is_a_row(
    company: Company, vendors: Vendors
) -> None:
    load_now("hubspot")
    rows = query("select from_type, from_id, to_type, to_id from hubspot.associations")
    linked = {
        (a["from_type"], a["from_id"], a["to_type"], a["to_id"])
        for a in company.tables["hubspot/associations"]
    }
    assert {row for row in rows if row[3]} == linked
    without = {row[1] for row in rows if row[0] == "contacts" and not row[3]}
    assert without == {str(100 + n) for n in range(15, 20)}


def test_a_removed_association_disappears(company: Company, serve: Serve) -> None:
    company.tables["hubspot/associations"][0] |= {"removed_at": NOW + HOUR}
    changed = company.tables["hubspot/contacts"][0] | {"updated_at": NOW + HOUR}
    company.tables["hubspot/contacts"].append(changed)
    vendors = serve(company)
    load_now("hubspot")
    vendors.at(NOW + DAY)
    load_now("hubspot")
    rows = query("select to_id from hubspot.associations where from_id = '100'")
    assert rows == [("",)]


@pytest.mark.parametrize(
    "moments",
    [
        pytest.param([NOW - n % 7 * DAY for n in range(10_500)], id="seven moments"),
        pytest.param([NOW - DAY] * 10_200 + [NOW - HOUR] * 300, id="one millisecond over 10,000"),
        pytest.param([NOW - DAY] * 300 + [NOW - HOUR] * 10_200, id="the last millisecond"),
    ],
)
def test_more_objects_than_a_search_reaches_are_all_read_once(
    company: Company, serve: Serve, moments: list
) -> None:
    company.tables["hubspot/contacts"] = [
        contact(1000 + n, moment - HOUR) for n, moment in enumerate(moments)
    ]
    company.tables["hubspot/associations"] = []
    vendors = serve(company)
    report = load_now("hubspot")["hubspot"]
    assert query("select count(*), count(distinct id) from hubspot.contacts") == [(10_500,) * 2]
    assert report.rows["contacts"] == 10_500
    vendors.at(NOW + DAY)
    assert "contacts" not in load_now("hubspot")["hubspot"].rows


def test_the_vendors_own_counts_are_those_of_live_objects(
    company: Company, vendors: Vendors
) -> None:
    load_now("hubspot")
    counted = dict(query("select table_name, source_count from hubspot.source_counts"))
    assert counted == {name: len(ids(name, "not archived")) for name in counted}


def test_the_version_of_the_api_is_a_setting(
    vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_now("hubspot")
    paths = vendors.control("requests")["by_path"]
    assert all("2026-09" in path for path in paths)
