"""SurveyMonkey as the simulator serves it: lists, details, bulk responses and two limits."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from starlette.applications import Starlette

from simulator.server import running
from tests.simulator.conftest import MakeApp
from tests.simulator.small_company import NOW, SURVEYMONKEY

BULK = "/surveys/901/responses/bulk"
OLDEST_FIRST = [str(1000 + number) for number in range(120) if number != 2]


def get(url: str, path: str) -> requests.Response:
    return requests.get(f"{url}/v3{path}", headers=SURVEYMONKEY, timeout=5)


def page(url: str, path: str) -> Any:
    answer = get(url, path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(found: Any) -> list[str]:
    return [row["id"] for row in found["data"]]


def move_clock(url: str, now: str) -> None:
    assert requests.post(f"{url}/__sim/clock", json={"now": now}, timeout=5).ok


def test_a_list_of_surveys_tells_what_it_was_asked_for(vendors: str) -> None:
    plain = page(vendors, "/surveys")
    told = page(vendors, "/surveys?include=response_count,date_modified&per_page=1000")
    assert plain["data"][0].keys() == {"id", "title", "nickname", "href"}
    assert [(row["id"], row["response_count"], row["date_modified"]) for row in told["data"]] == [
        ("901", 119, "2026-03-01T00:00:00+00:00"),
        ("902", 0, "2026-02-01T00:00:00+00:00"),
    ]


def test_surveys_may_be_those_changed_after_a_time(vendors: str) -> None:
    assert ids(page(vendors, "/surveys?start_modified_at=2026-02-01T00:00:00")) == ["901"]
    assert ids(page(vendors, "/surveys?end_modified_at=2026-02-02T00:00:00")) == ["902"]


def test_details_are_those_of_the_version_in_force(own_vendors: str) -> None:
    def questions() -> list[str]:
        [found] = page(own_vendors, "/surveys/901/details")["pages"]
        return [asked["id"] for asked in found["questions"]]

    before = questions()
    move_clock(own_vendors, "2026-07-01T00:00:00Z")
    assert (before, questions()) == (["61"], ["61", "62"])


def test_a_response_has_surveymonkeys_shape(vendors: str) -> None:
    row = page(vendors, f"{BULK}?email=user4@acme.example")["data"][0]
    assert row.pop("href").endswith("/v3/surveys/901/responses/1004")
    assert row == {
        "id": "1004",
        "survey_id": "901",
        "collector_id": "1",
        "recipient_id": "",
        "collection_mode": "default",
        "response_status": "completed",
        "custom_value": "",
        "custom_variables": {"user_id": "user_4"},
        "ip_address": "",
        "total_time": 0,
        "date_created": "2026-06-30T10:00:02+00:00",
        "date_modified": "2026-06-30T10:00:02+00:00",
        "metadata": {"contact": {"email": {"type": "string", "value": "user4@acme.example"}}},
        "pages": [{"id": "51", "questions": [{"id": "61", "answers": [{"choice_id": "72"}]}]}],
    }


def everyone(url: str, size: int) -> Iterator[str]:
    """All responses by the link to the next page, oldest first."""
    path = f"{BULK}?per_page={size}&sort_by=date_modified&sort_order=ASC"
    while path:
        found = page(url, path)
        assert found["total"] == len(OLDEST_FIRST)
        yield from ids(found)
        path = found["links"].get("next", "").removeprefix(f"{url}/v3")


@pytest.mark.parametrize("size", [7, 60, 100])
def test_links_lead_through_all_pages(vendors: str, size: int) -> None:
    assert list(everyone(vendors, size)) == OLDEST_FIRST


def test_the_newest_come_first_unless_asked_otherwise(vendors: str) -> None:
    assert ids(page(vendors, f"{BULK}?per_page=3")) == ["1119", "1118", "1117"]
    assert len(ids(page(vendors, BULK))) == 50


def test_times_leave_out_the_second_they_name(vendors: str) -> None:
    after = "start_modified_at=2026-06-30T10:00:57"
    found = page(vendors, f"{BULK}?{after}&end_modified_at=2026-06-30T10:00:59")
    assert (ids(found), found["total"]) == (["1117", "1116"], 2)


def test_a_response_changes_arrives_late_and_is_deleted(own_vendors: str) -> None:
    move_clock(own_vendors, "2026-06-30T12:40:00Z")
    changed = page(own_vendors, f"{BULK}?per_page=1")
    assert changed["total"] == 120
    assert changed["data"][0]["id"] == "1000"
    assert changed["data"][0]["response_status"] == "completed"
    move_clock(own_vendors, "2026-06-30T13:00:00Z")
    assert page(own_vendors, BULK)["total"] == 119
    assert page(own_vendors, f"{BULK}?status=overquota")["total"] == 1


REFUSED = [
    "per_page=101",
    "page=0",
    "status=finished",
    "sort_by=date_created",
    "sort_order=up",
    "start_modified_at=yesterday",
    "start_modified_at=2026-06-30",
    "colour=red",
    "page=1&page=2",
]


@pytest.mark.parametrize("query", REFUSED)
def test_a_request_that_surveymonkey_would_refuse_is_refused(vendors: str, query: str) -> None:
    answer = get(vendors, f"{BULK}?{query}")
    assert (answer.status_code, answer.json()["error"]["id"]) == (400, "1003")


def test_errors_carry_the_vendors_body(vendors: str) -> None:
    wrong = {"Authorization": "Bearer sm_wrong"}
    refused = requests.get(f"{vendors}/v3/surveys", headers=wrong, timeout=5)
    lost = get(vendors, "/surveys/77/details")
    found = [(a.status_code, a.json()["error"]["http_status_code"]) for a in (refused, lost)]
    assert found == [(401, 401), (404, 404)]


@pytest.fixture
def limited(make_app: MakeApp) -> Iterator[tuple[str, Starlette]]:
    app = make_app(rate_limits=True)
    with running(app) as url:
        yield url, app


def test_the_day_ends_at_midnight_of_the_vendors_clock(limited: tuple[str, Starlette]) -> None:
    url, app = limited
    [minute, day] = app.state.world.vendor("/v3/surveys").limits
    minute.count = 10**6
    answers = [get(url, "/surveys") for _ in range(day.count + 1)]
    assert [answer.status_code for answer in answers] == [200] * 500 + [429]
    assert "Retry-After" not in answers[-1].headers
    prefix = "X-Ratelimit-App-Global-Day"
    told = [int(answers[-1].headers[f"{prefix}-{n}"]) for n in ("Limit", "Remaining", "Reset")]
    assert told == [500, 0, 12 * 3600]
    move_clock(url, (NOW + timedelta(hours=12)).isoformat())
    fresh = get(url, "/surveys")
    assert (fresh.status_code, fresh.headers[f"{prefix}-Remaining"]) == (200, "499")


def test_a_minute_has_a_limit_of_its_own(limited: tuple[str, Starlette]) -> None:
    url, _ = limited
    answers = [get(url, "/surveys") for _ in range(121)]
    assert [answer.status_code for answer in answers] == [200] * 120 + [429]
    headers = answers[-1].headers
    assert headers["X-Ratelimit-App-Global-Minute-Remaining"] == "0"
    assert 1 <= int(headers["X-Ratelimit-App-Global-Minute-Reset"]) <= 60
    assert headers["X-Ratelimit-App-Global-Day-Remaining"] == "380"
