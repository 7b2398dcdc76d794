"""Intercom answers in its own shapes, for what it documents and for nothing else."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from simulator import intercom

BEARER = {"Authorization": f"Bearer {intercom.TOKEN}"}
DAY = 86_400
FIRST_OF_JUNE = 1_780_272_000


@pytest.fixture
def url(vendors: str) -> str:
    return vendors


@pytest.fixture
def own_url(own_vendors: str) -> str:
    return own_vendors


def send(url: str, method: str, path: str, body: object = None, **headers: str) -> Any:
    return requests.request(method, f"{url}/{path}", json=body, headers=BEARER | headers, timeout=5)


def found(url: str, kind: str, *filters: tuple[str, str, object], **pagination: object) -> Any:
    parts = [dict(zip(("field", "operator", "value"), each, strict=True)) for each in filters]
    query = {"operator": "AND", "value": parts or [EVERY]}
    answer = send(url, "POST", f"{kind}/search", {"query": query, "pagination": pagination})
    assert answer.status_code == 200, answer.text
    return answer.json()


EVERY = {"field": "created_at", "operator": ">", "value": 0}


def ids(page: Any) -> list[str]:
    return [row["id"] for row in page["conversations"]]


def move(url: str, now: str) -> None:
    requests.post(f"{url}/__sim/clock", json={"now": now}, timeout=5)


def test_a_conversation_says_what_was_written_and_what_became_of_it(url: str) -> None:
    row = send(url, "GET", "conversations/601").json()
    assert (row["state"], row["open"], row["priority"]) == ("closed", False, "priority")
    assert row["source"]["body"] == "<p>Where is &lt;export&gt;?</p>"
    assert [tag["name"] for tag in row["tags"]["tags"]] == ["export", "vip"]
    assert row["conversation_rating"]["rating"] == 4
    assert row["company"]["company_id"] == "acct_1"
    assert row["contacts"]["contacts"][0]["external_id"] == "user_1"
    parts = row["conversation_parts"]["conversation_parts"]
    assert [(part["part_type"], part["author"]["type"], part["body"]) for part in parts] == [
        ("comment", "user", "<p>I mean CSV.</p>"),
        ("comment", "admin", "<p>Hi Ann Reed, we are looking into it.</p>"),
        ("close", "admin", None),
    ]
    assert row["statistics"]["time_to_admin_reply"] == DAY


def test_a_search_comes_newest_first_and_shows_no_parts(url: str) -> None:
    page = found(url, "conversations")
    assert (ids(page), page["total_count"]) == (["602", "601"], 2)
    assert "conversation_parts" not in page["conversations"][0]
    assert "next" not in page["pages"]


def test_times_are_compared_by_their_days(url: str) -> None:
    begun = ("created_at", ">", FIRST_OF_JUNE)
    assert ids(found(url, "conversations", begun)) == ["602"]
    before = ("created_at", ">", FIRST_OF_JUNE - 1)
    assert ids(found(url, "conversations", before)) == ["602", "601"]
    until = ("created_at", "<", FIRST_OF_JUNE + DAY)
    assert ids(found(url, "conversations", before, until)) == ["601"]


def test_pages_lead_on_to_the_last(url: str) -> None:
    first = found(url, "conversations", per_page=1)
    assert first["pages"]["total_pages"] == 2
    after = first["pages"]["next"]["starting_after"]
    second = found(url, "conversations", per_page=1, starting_after=after)
    assert (ids(first), ids(second)) == (["602"], ["601"])
    assert "next" not in second["pages"]


def test_search_sees_later_what_is_there_at_once(own_url: str) -> None:
    assert send(own_url, "GET", "conversations/603").status_code == 200
    assert "603" not in ids(found(own_url, "conversations"))
    move(own_url, "2026-06-30T12:00:30Z")
    assert "603" in ids(found(own_url, "conversations"))


def test_what_is_deleted_is_gone_without_a_trace(own_url: str) -> None:
    move(own_url, "2026-06-30T14:00:00Z")
    assert ids(found(own_url, "conversations")) == ["603", "601"]
    answer = send(own_url, "GET", "conversations/602")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "not_found")
    emails = [row["email"] for row in found(own_url, "contacts")["data"]]
    assert emails == ["ann@acme.example"]


def test_contacts_name_their_company(url: str) -> None:
    [bob, ann] = found(url, "contacts")["data"]
    assert (ann["email"], ann["external_id"], ann["name"]) == (
        "ann@acme.example",
        "user_1",
        "Ann Reed",
    )
    [company] = send(url, "POST", "companies/list").json()["data"]
    assert [each["id"] for each in ann["companies"]["data"]] == [company["id"]]
    assert bob["companies"]["data"] == []
    assert (company["company_id"], company["user_count"]) == ("acct_1", 1)


def query(field: str, operator: str, value: object) -> dict[str, Any]:
    return {"query": {"field": field, "operator": operator, "value": value}}


NESTED = {"operator": "AND", "value": [{"operator": "OR", "value": [query("id", "=", "1")]}]}
REFUSED: list[tuple[str, object, str]] = [
    ("conversations/search", {}, "query is required"),
    ("conversations/search", query("subject", "=", "x"), "'subject' cannot be searched by"),
    ("conversations/search", query("created_at", "=", "today"), "seconds since 1970"),
    ("conversations/search", query("created_at", "~", 1), "seconds since 1970"),
    ("conversations/search", query("id", "IN", "1"), "must be a list"),
    ("conversations/search", query("state", ">", "open"), "'>' cannot be used with state"),
    ("conversations/search", {**query("id", "=", "1"), "sort": {}}, "sort is not a known key"),
    (
        "conversations/search",
        {"query": EVERY, "pagination": {"per_page": 151}},
        "between 1 and 150",
    ),
    (
        "contacts/search",
        {"query": EVERY, "pagination": {"starting_after": "x"}},
        "no place in these results",
    ),
    ("companies/list?per_page=61", {}, "between 1 and 60"),
    ("companies/list?page=200&per_page=60", {}, "use the scroll"),
]


@pytest.mark.parametrize(("path", "body", "told"), REFUSED)
def test_what_intercom_does_not_know_is_refused(
    url: str, path: str, body: object, told: str
) -> None:
    answer = send(url, "POST", path, body)
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (400, "parameter_invalid")
    assert told in error["message"]


def test_a_token_is_asked_for_and_one_version_is_served(url: str) -> None:
    answer = send(url, "GET", "admins", Authorization="Bearer wrong")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "unauthorized")
    older = send(url, "GET", "admins", **{"Intercom-Version": "2.11"})
    assert (older.status_code, older.json()["errors"][0]["code"]) == (
        400,
        "intercom_version_invalid",
    )
    same = send(url, "GET", "admins", **{"Intercom-Version": "2.15"})
    assert (same.status_code, same.headers["Intercom-Version"]) == (200, "2.15")


Drifted = Callable[[dict[str, Any]], bool]
DRIFTS: list[tuple[str, Drifted]] = [
    ("new-column", lambda row: row["surprise_field"] == "new"),
    ("changed-type", lambda row: isinstance(row["state"], dict)),
    ("dropped-column", lambda row: "state" not in row),
]


@pytest.mark.parametrize(("drift", "is_so"), DRIFTS)
def test_drift_is_in_searches_and_in_single_objects(
    own_url: str, drift: str, is_so: Drifted
) -> None:
    fault = {"vendor": "intercom", "path": "conv", "kind": "drift", "times": -1, "drift": drift}
    requests.post(f"{own_url}/__sim/faults", json=[fault], timeout=5)
    assert all(map(is_so, found(own_url, "conversations")["conversations"]))
    assert is_so(send(own_url, "GET", "conversations/601").json())


def test_too_many_requests_say_so(own_url: str) -> None:
    fault = {"vendor": "intercom", "kind": "429", "retry_after": 2}
    requests.post(f"{own_url}/__sim/faults", json=[fault], timeout=5)
    answer = send(own_url, "GET", "admins")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (429, "rate_limit_exceeded")
    assert answer.headers["Retry-After"] == "2"
