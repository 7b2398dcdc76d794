"""HubSpot as the simulator serves it: lists, search, batches, merges and history."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.simulator.small_company import CONTACTS, HUBSPOT

OBJECTS = "/crm/objects/2026-09"
LIVE = CONTACTS - 2  # 1004 is archived and 1005 merged away


def get(url: str, path: str) -> requests.Response:
    return requests.get(url + path, headers=HUBSPOT)


def post(url: str, path: str, body: object) -> requests.Response:
    return requests.post(url + path, json=body, headers=HUBSPOT)


def listed(url: str, kind: str, query: str = "limit=100") -> Iterator[dict]:
    """Every record of a list, page by page."""
    after = ""
    while after is not None:
        page = get(url, f"{OBJECTS}/{kind}?{query}{after and f'&after={after}'}").json()
        yield from page["results"]
        after = page.get("paging", {}).get("next", {}).get("after")


def search(url: str, kind: str = "contacts", **body: object) -> dict[str, Any]:
    answer = post(url, f"{OBJECTS}/{kind}/search", body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def where(name: str, operator: str, **value: object) -> list[dict]:
    return [{"filters": [{"propertyName": name, "operator": operator, **value}]}]


def ids(found: dict[str, Any]) -> list[str]:
    return [row["id"] for row in found["results"]]


def move_clock(url: str, now: str) -> None:
    assert requests.post(f"{url}/__sim/clock", json={"now": now}).status_code == 200


def test_a_list_pages_through_every_live_record_once(vendors: str) -> None:
    found = [row["id"] for row in listed(vendors, "contacts")]
    expected = [str(1000 + n) for n in range(CONTACTS) if n not in (4, 5)]
    assert found == expected


def test_archived_records_are_in_their_own_list_only(vendors: str) -> None:
    archived = list(listed(vendors, "contacts", "limit=100&archived=true"))
    assert [(row["id"], row["archived"]) for row in archived] == [("1004", True)]
    assert archived[0]["archivedAt"] == "2026-05-01T00:00:00.000Z"


def test_a_record_has_the_properties_asked_for_and_the_three_always_there(vendors: str) -> None:
    row = get(vendors, f"{OBJECTS}/contacts?limit=1&properties=email,plan_seats,none").json()
    assert row["results"][0]["properties"] == {
        "email": "user0@acme.example",
        "plan_seats": "0",
        "hs_object_id": "1000",
        "createdate": "2026-03-01T00:00:00.000Z",
        "lastmodifieddate": "2026-03-01T00:00:00.000Z",
    }


def test_a_property_without_a_value_is_null(vendors: str) -> None:
    page = get(vendors, f"{OBJECTS}/deals?properties=amount").json()
    assert [row["properties"]["amount"] for row in page["results"]] == ["1200", None]


def test_only_contacts_call_it_lastmodifieddate(vendors: str) -> None:
    deal = get(vendors, f"{OBJECTS}/deals?limit=1").json()["results"][0]
    assert deal["properties"]["hs_lastmodifieddate"] == "2026-05-02T09:00:00.000Z"
    assert "lastmodifieddate" not in deal["properties"]


def test_the_winner_of_a_merge_names_the_loser_which_is_gone(own_vendors: str) -> None:
    query = "limit=100&properties=hs_merged_object_ids"
    after = {row["id"]: row for row in listed(own_vendors, "companies", query)}
    move_clock(own_vendors, "2026-05-31T00:00:00Z")
    before = {row["id"]: row for row in listed(own_vendors, "companies", query)}
    assert list(after) == ["9001"]
    assert after["9001"]["properties"]["hs_merged_object_ids"] == "9002"
    assert after["9001"]["updatedAt"] == "2026-06-01T00:00:00.000Z"
    assert list(before) == ["9001", "9002"]
    assert before["9001"]["properties"]["hs_merged_object_ids"] is None


def test_a_change_is_seen_from_its_own_time_on(own_vendors: str) -> None:
    def stage() -> str | None:
        path = f"{OBJECTS}/contacts/1003?properties=lifecyclestage"
        return get(own_vendors, path).json()["properties"]["lifecyclestage"]

    seen = []
    for now in ("2026-06-30T10:59:59Z", "2026-06-30T11:00:00Z", "2026-06-30T13:00:00Z"):
        move_clock(own_vendors, now)
        seen.append(stage())
    assert seen == ["lead", "customer", None]


def test_history_lists_what_a_property_was_newest_first(vendors: str) -> None:
    body = {
        "inputs": [{"id": "5001"}],
        "properties": [],
        "propertiesWithHistory": ["dealstage", "amount"],
    }
    deal = post(vendors, f"{OBJECTS}/deals/batch/read", body).json()["results"][0]
    history = {
        name: [(entry["value"], entry["timestamp"][:10]) for entry in entries]
        for name, entries in deal["propertiesWithHistory"].items()
    }
    assert history == {
        "dealstage": [
            ("closedwon", "2026-05-02"),
            ("contractsent", "2026-04-10"),
            ("appointmentscheduled", "2026-04-01"),
        ],
        "amount": [("1200", "2026-04-10"), ("1000", "2026-04-01")],
    }


def test_an_emptied_property_has_an_empty_text_in_its_history(own_vendors: str) -> None:
    move_clock(own_vendors, "2026-06-30T14:00:00Z")
    path = f"{OBJECTS}/contacts/1003?propertiesWithHistory=lifecyclestage"
    history = get(own_vendors, path).json()["propertiesWithHistory"]["lifecyclestage"]
    assert [entry["value"] for entry in history] == ["", "customer", "lead"]


def test_the_history_of_a_list_makes_its_pages_smaller(vendors: str) -> None:
    query = "propertiesWithHistory=lifecyclestage"
    assert get(vendors, f"{OBJECTS}/contacts?limit=50&{query}").status_code == 200
    assert get(vendors, f"{OBJECTS}/contacts?limit=51&{query}").status_code == 400


OPERATORS = {
    "EQ": ("email", {"value": "USER7@acme.example"}, 1),
    "NEQ": ("lifecyclestage", {"value": "lead"}, 1),
    "LT": ("plan_seats", {"value": "10"}, 8),
    "LTE": ("plan_seats", {"value": "10"}, 9),
    "GT": ("plan_seats", {"value": "240"}, 9),
    "GTE": ("plan_seats", {"value": "240"}, 10),
    "BETWEEN": ("plan_seats", {"value": "100", "highValue": "109"}, 10),
    "IN": ("firstname", {"values": ["first 001", "First 002", "none"]}, 2),
    "NOT_IN": ("firstname", {"values": ["first 001", "first 002"]}, LIVE - 2),
    "HAS_PROPERTY": ("email", {}, LIVE),
    "NOT_HAS_PROPERTY": ("email", {}, 0),
    "CONTAINS_TOKEN": ("firstname", {"value": "01*"}, 10),
    "NOT_CONTAINS_TOKEN": ("email", {"value": "acme"}, 0),
}


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_operator_selects_what_hubspot_says(vendors: str, operator: str) -> None:
    name, value, expected = OPERATORS[operator]
    assert search(vendors, filterGroups=where(name, operator, **value))["total"] == expected


def test_groups_are_alternatives_of_filters_that_hold_together(vendors: str) -> None:
    both = [
        {"propertyName": "plan_seats", "operator": "GTE", "value": "10"},
        {"propertyName": "plan_seats", "operator": "LT", "value": "12"},
    ]
    groups = [{"filters": both}, *where("email", "EQ", value="user0@acme.example")]
    assert ids(search(vendors, filterGroups=groups)) == ["1000", "1010", "1011"]


def test_search_by_change_time_takes_epoch_milliseconds_and_pages_in_order(vendors: str) -> None:
    since = {"value": "1772326800000"}  # 2026-03-01T01:00:00Z
    sort = [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}]
    groups = where("lastmodifieddate", "GTE", **since)
    first = search(vendors, filterGroups=groups, sorts=sort, limit=100)
    after = first["paging"]["next"]["after"]
    second = search(vendors, filterGroups=groups, sorts=sort, limit=100, after=after)
    expected = [*map(str, range(1060, 1250)), "1006", "1003"]
    assert first["total"] == len(expected)
    assert ids(first) + ids(second) == expected
    assert "paging" not in second


def test_sorting_down_by_text_leaves_records_without_it_last(own_vendors: str) -> None:
    move_clock(own_vendors, "2026-06-30T14:00:00Z")
    sort = [{"propertyName": "lifecyclestage", "direction": "DESCENDING"}]
    found = search(own_vendors, sorts=sort, limit=200)
    rest = search(own_vendors, sorts=sort, limit=200, after="200")
    assert (ids(found)[0], ids(rest)[-1]) == ("1000", "1003")


def test_free_text_searches_the_usual_properties(vendors: str) -> None:
    assert ids(search(vendors, query="user12@ FIRST")) == ["1012"]


def test_the_index_lags_half_a_minute_behind(own_vendors: str) -> None:
    def customers() -> int:
        groups = where("lifecyclestage", "EQ", value="customer")
        total: int = search(own_vendors, filterGroups=groups)["total"]
        return total

    seen = []
    for now in ("2026-06-30T11:00:29Z", "2026-06-30T11:00:30Z"):
        move_clock(own_vendors, now)
        seen.append(customers())
    assert seen == [0, 1]


def test_archived_and_merged_records_are_never_found(vendors: str) -> None:
    found = search(vendors, filterGroups=where("hs_object_id", "IN", values=["1004", "1005"]))
    assert found["total"] == 0


ONE = where("email", "EQ", value="a")
REFUSED: dict[str, dict] = {
    "page too large": {"limit": 201},
    "page too small": {"limit": 0},
    "limit as text": {"limit": "10"},
    "limit as truth": {"limit": True},
    "cursor as number": {"after": 20},
    "cursor that is none": {"after": "MTA="},
    "past 10,000 results": {"after": "9900", "limit": 200},
    "two sorts": {"sorts": [{"propertyName": "email"}, {"propertyName": "email"}]},
    "unknown direction": {"sorts": [{"propertyName": "email", "direction": "UP"}]},
    "sort by nothing": {"sorts": [{"propertyName": "nothing"}]},
    "six groups": {"filterGroups": ONE * 6},
    "seven filters": {"filterGroups": [{"filters": ONE[0]["filters"] * 7}]},
    "nineteen filters": {"filterGroups": [{"filters": ONE[0]["filters"] * 5}] * 4},
    "unknown operator": {"filterGroups": where("email", "LIKE", value="a")},
    "unknown property": {"filterGroups": where("nothing", "EQ", value="a")},
    "property that is no text": {"filterGroups": [{"filters": [{"propertyName": {}}]}]},
    "value as number": {"filterGroups": where("plan_seats", "EQ", value=5)},
    "value that is no number": {"filterGroups": where("plan_seats", "GT", value="many")},
    "value that is no time": {"filterGroups": where("lastmodifieddate", "GTE", value="today")},
    "no value": {"filterGroups": where("email", "EQ")},
    "no values": {"filterGroups": where("email", "IN", value="a")},
    "no high value": {"filterGroups": where("plan_seats", "BETWEEN", value="1")},
    "group without filters": {"filterGroups": [{}]},
    "unknown key": {"filter": []},
    "unknown key of a filter": {"filterGroups": where("email", "EQ", value="a", not_a_key=1)},
    "too long": {"query": "a" * 3000},
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_a_search_that_hubspot_would_refuse_is_refused(vendors: str, body: dict) -> None:
    answer = post(vendors, f"{OBJECTS}/contacts/search", body)
    assert answer.status_code == 400
    assert answer.json().keys() == {"status", "message", "correlationId", "category"}
    assert answer.json()["category"] == "VALIDATION_ERROR"


QUERIES = [
    "limit=101",
    "limit=0",
    "limit=ten",
    "archived=maybe",
    "afterr=1",
    "after=x",
    "limit=1&limit=2",
]


@pytest.mark.parametrize("query", QUERIES)
def test_a_list_that_hubspot_would_refuse_is_refused(vendors: str, query: str) -> None:
    answer = get(vendors, f"{OBJECTS}/contacts?{query}")
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")


def test_a_batch_with_missing_ids_answers_207_and_names_them(vendors: str) -> None:
    wanted = [{"id": identifier} for identifier in ("1000", "1004", "1005", "77", "1000")]
    body = {"inputs": wanted, "properties": ["email"], "propertiesWithHistory": []}
    answer = post(vendors, f"{OBJECTS}/contacts/batch/read", body)
    assert answer.status_code == 207
    assert ids(answer.json()) == ["1000"]
    assert answer.json()["errors"][0]["context"] == {"ids": ["1004", "1005", "77"]}


def test_a_batch_reads_archived_records_and_by_email_when_asked(vendors: str) -> None:
    nothing: dict = {"properties": [], "propertiesWithHistory": []}
    path = f"{OBJECTS}/contacts/batch/read"
    archived = post(vendors, f"{path}?archived=true", {"inputs": [{"id": "1004"}], **nothing})
    by_email = {"inputs": [{"id": "USER9@acme.example"}], "idProperty": "email", **nothing}
    assert ids(archived.json()) == ["1004"]
    assert ids(post(vendors, path, by_email).json()) == ["1009"]


@pytest.mark.parametrize(("history", "most"), [([], 100), (["email"], 50)])
def test_a_batch_has_at_most_so_many_inputs(vendors: str, history: list, most: int) -> None:
    def status(count: int) -> int:
        inputs = [{"id": str(1010 + n)} for n in range(count)]
        body = {"inputs": inputs, "properties": [], "propertiesWithHistory": history}
        return post(vendors, f"{OBJECTS}/contacts/batch/read", body).status_code

    assert (status(most), status(most + 1)) == (200, 400)


def test_associations_come_with_a_list_and_follow_removals_and_merges(vendors: str) -> None:
    found = {
        row["id"]: row["associations"]["companies"]["results"]
        for row in listed(vendors, "contacts", "limit=100&associations=companies")
        if "associations" in row
    }
    acme = [{"id": "9001", "type": "contact_to_company"}]
    # 1001's was removed on 15 June; 1005 and 9002 were merged into 1006 and 9001.
    assert found == {"1000": acme, "1006": acme}


def test_associations_are_read_in_batches_from_either_end(vendors: str) -> None:
    path = "/crm/associations/2026-09/companies/contacts/batch/read"
    body = {"inputs": [{"id": "9001"}, {"id": "77"}]}
    answer = post(vendors, path, body).json()
    kinds = [{"category": "HUBSPOT_DEFINED", "typeId": 280, "label": None}]
    assert answer["status"] == "COMPLETE"
    assert answer["results"] == [
        {
            "from": {"id": "9001"},
            "to": [
                {"toObjectId": "1000", "associationTypes": kinds},
                {"toObjectId": "1006", "associationTypes": kinds},
            ],
        }
    ]


def test_owners_are_active_or_archived(vendors: str) -> None:
    active = get(vendors, "/crm/owners/2026-09").json()["results"]
    archived = get(vendors, "/crm/owners/2026-09?archived=true").json()["results"]
    assert [(owner["id"], owner["userId"]) for owner in active] == [("1", 11)]
    assert [(owner["id"], owner["userIdIncludingInactive"]) for owner in archived] == [("2", 12)]
    assert "userId" not in archived[0]


def test_stages_come_in_order_with_their_probability(vendors: str) -> None:
    pipeline = get(vendors, "/crm/pipelines/2026-09/deals").json()["results"][0]
    stages = [(stage["id"], stage["metadata"]) for stage in pipeline["stages"]]
    assert (pipeline["id"], pipeline["label"]) == ("default", "Sales")
    assert stages == [
        ("appointmentscheduled", {"isClosed": "false", "probability": "0.2"}),
        ("contractsent", {"isClosed": "false", "probability": "0.9"}),
        ("closedwon", {"isClosed": "true", "probability": "1.0"}),
    ]


def test_a_property_exists_from_its_creation_on(own_vendors: str) -> None:
    def names() -> set[str]:
        rows = get(own_vendors, "/crm/properties/2026-09/contacts").json()["results"]
        return {row["name"] for row in rows}

    before = names()
    move_clock(own_vendors, "2026-07-02T00:00:00Z")
    assert names() - before == {"churn_risk"}


def test_properties_have_told_and_derived_types(vendors: str) -> None:
    rows = get(vendors, "/crm/properties/2026-09/deals").json()["results"]
    types = {row["name"]: (row["type"], row["fieldType"]) for row in rows}
    assert types["amount"] == ("number", "number")
    assert types["dealname"] == ("string", "text")
    assert types["dealstage"] == ("enumeration", "select")
    assert types["hs_lastmodifieddate"] == ("datetime", "date")


def test_types_of_objects_that_are_known_and_unknown(vendors: str) -> None:
    assert get(vendors, f"{OBJECTS}/tickets").json() == {"results": []}
    assert get(vendors, f"{OBJECTS}/kittens").status_code == 400


def test_errors_carry_the_vendors_body(vendors: str) -> None:
    path = f"{vendors}{OBJECTS}/contacts"
    none = requests.get(path)
    wrong = requests.get(path, headers={"Authorization": "Bearer pat-other"})
    lost = get(vendors, f"{OBJECTS}/contacts/77")
    method = requests.delete(path, headers=HUBSPOT)
    found = [(a.status_code, a.json()["category"]) for a in (none, wrong, lost, method)]
    assert found == [
        (401, "INVALID_AUTHENTICATION"),
        (401, "INVALID_AUTHENTICATION"),
        (404, "OBJECT_NOT_FOUND"),
        (405, "INVALID_METHOD"),
    ]


def test_rate_limit_headers_are_on_every_answer_but_those_of_search(vendors: str) -> None:
    listing = get(vendors, f"{OBJECTS}/deals")
    searching = post(vendors, f"{OBJECTS}/deals/search", {})
    assert listing.headers["X-HubSpot-RateLimit-Max"] == "100"
    assert listing.headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"
    assert not [name for name in searching.headers if "ratelimit" in name.lower()]
