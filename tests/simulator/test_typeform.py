"""Typeform as the simulator serves it: forms, versions and responses with token cursors."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.simulator.small_company import TYPEFORM

RESPONSES = "/forms/npsForm/responses"
# Number 39 has not arrived by now.
NEWEST_FIRST = [f"token{number:03d}" for number in range(38, -1, -1)]


def get(url: str, path: str) -> requests.Response:
    return requests.get(url + path, headers=TYPEFORM)


def page(url: str, query: str = "page_size=1000") -> dict[str, Any]:
    answer = get(url, f"{RESPONSES}?{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def tokens(found: dict[str, Any]) -> list[str]:
    return [item["token"] for item in found["items"]]


def backwards(url: str, size: int) -> Iterator[str]:
    """Every token, by `before` the last one of each page until a short page."""
    found = tokens(page(url, f"page_size={size}"))
    for _ in range(len(NEWEST_FIRST) + 1):
        yield from found
        if len(found) < size:
            return
        found = tokens(page(url, f"page_size={size}&before={found[-1]}"))


def move_clock(url: str, now: str) -> None:
    assert requests.post(f"{url}/__sim/clock", json={"now": now}).status_code == 200


def test_responses_come_newest_first_twenty_five_to_a_page(vendors: str) -> None:
    found = page(vendors, "")
    assert tokens(found) == NEWEST_FIRST[:25]
    assert (found["total_items"], found["page_count"]) == (39, 2)


@pytest.mark.parametrize("size", [1, 7, 13, 1000])
def test_paging_by_before_meets_everyone_once_though_pairs_share_a_second(
    vendors: str, size: int
) -> None:
    assert list(backwards(vendors, size)) == NEWEST_FIRST


def test_after_takes_the_newer_ones_next_to_the_token_without_it(vendors: str) -> None:
    found = page(vendors, "page_size=3&after=token010")
    assert tokens(found) == ["token013", "token012", "token011"]


def test_since_and_until_include_the_second_they_name(vendors: str) -> None:
    found = page(vendors, "since=2026-06-30T11:00:02&until=2026-06-30T11:00:03")
    epoch = page(vendors, "since=1782817202&until=1782817203")
    assert tokens(found) == ["token007", "token006", "token005", "token004"]
    assert tokens(epoch) == tokens(found)
    assert found["total_items"] == 4


def test_a_response_is_there_from_its_arrival_until_its_deletion(own_vendors: str) -> None:
    move_clock(own_vendors, "2026-06-30T12:20:00Z")
    arrived = tokens(page(own_vendors))
    move_clock(own_vendors, "2026-06-30T13:00:00Z")
    deleted = tokens(page(own_vendors))
    assert arrived == ["token039", *NEWEST_FIRST]
    assert deleted == [token for token in arrived if token != "token003"]


def test_the_token_of_a_deleted_response_still_marks_its_place(own_vendors: str) -> None:
    move_clock(own_vendors, "2026-06-30T13:00:00Z")
    assert tokens(page(own_vendors, "before=token003")) == ["token002", "token001", "token000"]


def test_partial_responses_come_only_when_asked_for(vendors: str) -> None:
    found = page(vendors, "response_type=partial")
    both = page(vendors, "response_type=partial,completed")
    assert tokens(found) == ["partial0"]
    assert "submitted_at" not in found["items"][0]
    assert both["total_items"] == 40


def test_a_response_has_typeforms_shape(vendors: str) -> None:
    item = page(vendors, "included_response_ids=response004")["items"][0]
    assert item.pop("metadata").keys() >= {"user_agent", "platform", "referer", "network_id"}
    assert item == {
        "landing_id": "token004",
        "token": "token004",
        "response_id": "response004",
        "response_type": "completed",
        "landed_at": "2026-06-30T10:00:00Z",
        "submitted_at": "2026-06-30T11:00:02Z",
        "hidden": {"user_id": "user_4"},
        "calculated": {"score": 4},
        "answers": [
            {
                "type": "number",
                "number": 4,
                "field": {"id": "fieldScore", "ref": "nps_score", "type": "opinion_scale"},
            }
        ],
    }


def test_answers_can_be_narrowed_to_fields(vendors: str) -> None:
    kept = page(vendors, "fields=nps_score&page_size=1")["items"][0]["answers"]
    none = page(vendors, "fields=other&page_size=1")["items"][0]["answers"]
    answered = page(vendors, "answered_fields=other")
    assert (len(kept), none, answered["total_items"]) == (1, [], 0)


def test_query_searches_answers_and_hidden_fields(vendors: str) -> None:
    assert page(vendors, "query=user_3&page_size=1000")["total_items"] == 8


def test_sort_turns_the_order_around(vendors: str) -> None:
    found = page(vendors, "sort=submitted_at,asc&page_size=1000")
    assert tokens(found) == NEWEST_FIRST[::-1]


REFUSED = [
    "page_size=1001",
    "page_size=0",
    "page_size=many",
    "since=yesterday",
    "since=2026-06-30",
    "until=1e9",
    "response_type=finished",
    "completed=perhaps",
    "sort=token,asc",
    "sort=submitted_at,asc&before=token003",
    "sort=submitted_at,asc&after=token003",
    "before=token003&after=token001",
    "before=unheard-of",
    "beforee=token003",
    "before=token001&before=token002",
]


@pytest.mark.parametrize("query", REFUSED)
def test_a_request_that_typeform_would_refuse_is_refused(vendors: str, query: str) -> None:
    answer = get(vendors, f"{RESPONSES}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")


def test_forms_are_listed_in_pages(vendors: str) -> None:
    first = get(vendors, "/forms?page_size=1").json()
    second = get(vendors, "/forms?page_size=1&page=2").json()
    ids = [form["id"] for listed in (first, second) for form in listed["items"]]
    assert (first["total_items"], first["page_count"]) == (2, 2)
    assert ids == ["npsForm", "csatForm"]


def test_a_form_is_what_was_published_last(own_vendors: str) -> None:
    def fields() -> list[str]:
        return [field["id"] for field in get(own_vendors, "/forms/npsForm").json()["fields"]]

    before = fields()
    move_clock(own_vendors, "2026-07-01T00:00:00Z")
    assert (before, fields()) == (["fieldScore"], ["fieldScore", "fieldWhy"])


def test_a_form_without_responses_is_empty(vendors: str) -> None:
    answer = get(vendors, "/forms/csatForm/responses").json()
    assert answer == {"total_items": 0, "page_count": 0, "items": []}


def test_errors_carry_the_vendors_body(vendors: str) -> None:
    none = requests.get(vendors + RESPONSES)
    wrong = requests.get(vendors + RESPONSES, headers={"Authorization": "Bearer tfp_wrong"})
    lost = get(vendors, "/forms/none/responses")
    method = requests.delete(f"{vendors}/forms/npsForm", headers=TYPEFORM)
    found = [(a.status_code, a.json()["code"]) for a in (none, wrong, lost, method)]
    assert found == [
        (401, "AUTHENTICATION_FAILED"),
        (401, "AUTHENTICATION_FAILED"),
        (404, "FORM_NOT_FOUND"),
        (405, "METHOD_NOT_ALLOWED"),
    ]
    assert all("description" in answer.json() for answer in (none, wrong, lost, method))
