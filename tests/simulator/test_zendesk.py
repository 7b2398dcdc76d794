"""Zendesk answers in its own shapes, for what it documents and for nothing else."""

import base64
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from simulator import zendesk
from simulator.server import create_app, running
from simulator.tables import CompanyError
from tests.simulator.small_company import NOW, write, write_csv

BEARER = {"Authorization": f"Bearer {zendesk.TOKEN}"}
JUNE = "2026-06-{:02d}T12:00:00Z"
FEEDBACK = [
    {
        "feedback_id": "fb_1",
        "account_id": "acct_1",
        "user_id": "user_1",
        "channel": "support",
        "created_at": JUNE.format(1),
        "text": "I cannot export.\nPlease help.",
        "priority": "high",
        "tags": "export; vip",
        "replied_at": JUNE.format(2),
        "solved_at": JUNE.format(3),
        "rating": 5,
        "rating_comment": "Thanks Ann!",
        "rated_at": JUNE.format(5),
    },
    {
        "feedback_id": "502",
        "account_id": "acct_2",
        "user_id": "user_2",
        "channel": "support",
        "created_at": JUNE.format(10),
        "text": "Where is my invoice?",
        "replied_at": JUNE.format(11),
        "deleted_at": JUNE.format(20),
    },
    {
        "feedback_id": "503",
        "email": "cleo@gmail.com",
        "channel": "support",
        "created_at": JUNE.format(29),
        "text": "Hello?",
        "solved_at": "2026-06-30T11:59:30Z",
    },
    {
        "feedback_id": "504",
        "channel": "in_app",
        "created_at": JUNE.format(9),
        "text": "Another tool's.",
    },
    {
        "feedback_id": "505",
        "user_id": "user_1",
        "channel": "support",
        "created_at": "2026-07-02T12:00:00Z",
        "text": "Not yet written.",
    },
]
PEOPLE = [
    {"user_id": "user_1", "email": "ann@acme.example", "full_name": "Ann Reed"},
    {"user_id": "user_2", "email": "bob@beta.example", "full_name": "Bob Li"},
]
ACCOUNTS = [
    {"account_id": "acct_1", "name": "Acme", "domain": "acme.example"},
    {"account_id": "acct_2", "name": "Beta", "closed_at": JUNE.format(25)},
]
TABLES = {"feedback": FEEDBACK, "people": PEOPLE, "accounts": ACCOUNTS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write(tmp_path_factory.mktemp("zendesk") / "company")
    for name, rows in TABLES.items():
        write_csv(folder / "business" / f"{name}.csv", rows)
    return folder


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with running(create_app(folder, now=NOW)) as served:
        yield served


@pytest.fixture
def own_url(folder: Path) -> Iterator[str]:
    with running(create_app(folder, now=NOW)) as served:
        yield served


def call(url: str, path: str, **headers: str) -> requests.Response:
    return requests.get(f"{url}/api/v2/{path}", headers=BEARER | headers, timeout=5)


def get(url: str, path: str) -> Any:
    answer = call(url, path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def tickets(url: str, query: str = "start_time=0") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = get(url, f"incremental/tickets/cursor?{query}")["tickets"]
    return found


def move(url: str, now: str) -> None:
    requests.post(f"{url}/__sim/clock", json={"now": now}, timeout=5)


def test_a_ticket_says_what_was_written_and_what_became_of_it(url: str) -> None:
    [first, _] = tickets(url, "start_time=0&include=metric_sets")
    assert {
        name: first[name]
        for name in ("external_id", "subject", "description", "status", "priority", "tags")
    } == {
        "external_id": "fb_1",
        "subject": "I cannot export.",
        "description": "I cannot export.\nPlease help.",
        "status": "closed",
        "priority": "high",
        "tags": ["export", "vip"],
    }
    assert first["satisfaction_rating"]["score"] == "good"
    assert first["satisfaction_rating"]["comment"] == "Thanks Ann!"
    assert first["metric_set"]["solved_at"] == JUNE.format(3)
    assert first["metric_set"]["reply_time_in_minutes"]["calendar"] == 24 * 60
    assert "metric_set" not in tickets(url)[0]


def test_word_on_a_closed_ticket_is_a_ticket_that_follows_it(folder: Path, tmp_path: Path) -> None:
    company = shutil.copytree(folder, tmp_path / "company")
    asked = [{**FEEDBACK[0], "told_at": JUNE.format(9)}, {**FEEDBACK[2], "told_at": NOW}]
    write_csv(company / "business" / "feedback.csv", asked)
    with running(create_app(company, now=NOW)) as url:
        move(url, "2026-06-30T12:05:00Z")
        found = tickets(url, "start_time=0&include=metric_sets")
        [closed, follow_up, still_open] = sorted(found, key=lambda each: each["created_at"])
    assert closed["metric_set"]["replies"] == 1
    assert closed["metric_set"]["latest_comment_added_at"] == JUNE.format(2)
    via = follow_up["via"]["source"]
    assert (via["rel"], via["from"]["ticket_id"]) == ("follow_up", closed["id"])
    assert follow_up["created_at"] == JUNE.format(9)
    assert follow_up["requester_id"] == closed["requester_id"] != follow_up["submitter_id"]
    # It is not closed yet, so that the word stands in the ticket itself.
    assert still_open["metric_set"]["latest_comment_added_at"] == "2026-06-30T12:00:00Z"


def test_closing_moves_the_time_of_the_export_and_no_other(url: str) -> None:
    [first, _] = tickets(url)
    closed = 1_780_833_600
    assert first["updated_at"] == JUNE.format(5)
    assert first["generated_timestamp"] == closed
    since = tickets(url, f"start_time={closed}")
    assert [row["external_id"] for row in since] == ["fb_1", "502"]


def test_deleted_tickets_come_as_such_unless_they_are_not_asked_for(url: str) -> None:
    assert [row["status"] for row in tickets(url)] == ["closed", "deleted"]
    left = tickets(url, "start_time=0&exclude_deleted=true")
    assert [row["status"] for row in left] == ["closed"]


def test_what_changed_within_the_last_minute_comes_later(own_url: str) -> None:
    assert 503 not in {row["id"] for row in tickets(own_url)}
    cursor = get(own_url, "incremental/tickets/cursor?start_time=0")["after_cursor"]
    move(own_url, "2026-06-30T12:01:00Z")
    [late] = tickets(own_url, f"cursor={cursor}")
    assert (late["id"], late["status"]) == (503, "solved")


def test_a_cursor_leads_on_from_page_to_page_and_from_night_to_night(own_url: str) -> None:
    first = get(own_url, "incremental/tickets/cursor?start_time=0&per_page=1")
    assert (len(first["tickets"]), first["end_of_stream"]) == (1, False)
    second = requests.get(first["after_url"], headers=BEARER, timeout=5).json()
    assert [row["id"] for row in second["tickets"]] == [502]
    assert second["end_of_stream"]
    after = second["after_cursor"]
    nothing = get(own_url, f"incremental/tickets/cursor?cursor={after}")
    assert (nothing["tickets"], nothing["after_cursor"]) == ([], after)
    move(own_url, "2026-07-02T13:00:00Z")
    assert [row["id"] for row in tickets(own_url, f"cursor={after}")] == [503, 505]


def test_people_are_known_from_their_first_ticket_on(own_url: str) -> None:
    users = get(own_url, "incremental/users/cursor?start_time=0")["users"]
    assert [(row["email"], row["external_id"], row["role"]) for row in users] == [
        ("ann@small.example", None, "agent"),
        ("ann@acme.example", "user_1", "end-user"),
        ("bob@beta.example", "user_2", "end-user"),
        ("cleo@gmail.com", None, "end-user"),
    ]
    assert {row["id"] for row in users} >= {row["requester_id"] for row in tickets(own_url)}


def test_organizations_are_read_by_time_and_a_deleted_one_says_so(url: str) -> None:
    first = get(url, "incremental/organizations?start_time=0&per_page=1")
    assert (first["count"], first["end_of_stream"]) == (1, False)
    second = requests.get(first["next_page"], headers=BEARER, timeout=5).json()
    # The second that a page ends with is where the next begins.
    assert [row["name"] for row in second["organizations"]] == ["Acme", "Beta"]
    assert second["organizations"][1]["deleted_at"] == JUNE.format(25)
    assert second["end_of_stream"]


def test_ratings_are_listed_by_score_and_page(own_url: str) -> None:
    [rating] = get(own_url, "satisfaction_ratings?score=received")["satisfaction_ratings"]
    assert (rating["score"], rating["updated_at"]) == ("good", JUNE.format(5))
    assert rating["created_at"] == JUNE.format(4)
    move(own_url, "2026-07-05T12:00:00Z")
    first = get(own_url, "satisfaction_ratings?page[size]=1")
    assert first["meta"]["has_more"]
    after = first["meta"]["after_cursor"]
    second = get(own_url, f"satisfaction_ratings?page[size]=1&page[after]={after}")
    assert [row["score"] for row in second["satisfaction_ratings"]] == ["offered"]
    assert not second["meta"]["has_more"]


def test_counts_leave_out_what_was_deleted(url: str) -> None:
    counted = {
        kind: get(url, f"{kind}/count.json")["count"]["value"]
        for kind in ("tickets", "users", "organizations")
    }
    assert counted == {"tickets": 2, "users": 4, "organizations": 1}


REFUSED = [
    ("incremental/tickets/cursor", 400, "start_time is required"),
    ("incremental/tickets/cursor?start_time=1782820770", 400, "Too recent start_time"),
    ("incremental/tickets/cursor?start_time=yesterday", 400, "whole number"),
    ("incremental/tickets/cursor?cursor=abc", 400, "cursor is not one of this export"),
    ("incremental/tickets/cursor?start_time=0&per_page=1001", 400, "between 1 and 1000"),
    ("incremental/tickets/cursor?start_time=0&since=1", 400, "since is not a parameter"),
    ("incremental/tickets/cursor?start_time=0&include=users", 400, "metric_sets"),
    ("incremental/organizations?cursor=abc", 400, "cursor is not a parameter"),
    ("satisfaction_ratings?score=great", 400, "score must be of"),
    ("satisfaction_ratings?page[size]=101", 400, "between 1 and 100"),
    ("tickets/1/comments", 404, "Not found"),
]


@pytest.mark.parametrize(("path", "status", "told"), REFUSED)
def test_what_zendesk_does_not_know_is_refused(url: str, path: str, status: int, told: str) -> None:
    answer = call(url, path)
    assert (answer.status_code, told in answer.json()["description"]) == (status, True)


def basic(user: str, token: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()}


def test_a_token_comes_with_an_address_or_as_bearer(url: str) -> None:
    good = basic(f"{zendesk.EMAIL}/token", zendesk.TOKEN)
    assert call(url, "tickets/count", **good).status_code == 200
    for wrong in (
        {"Authorization": "Bearer wrong"},
        basic(zendesk.EMAIL, zendesk.TOKEN),
        basic(f"{zendesk.EMAIL}/token", "wrong"),
    ):
        answer = call(url, "tickets/count", **wrong)
        assert (answer.status_code, answer.json()) == (401, {"error": "Couldn't authenticate you"})


def test_exports_may_be_asked_for_ten_times_a_minute(folder: Path) -> None:
    with running(create_app(folder, now=NOW, rate_limits=True)) as served:
        for _ in range(10):
            assert call(served, "incremental/users/cursor?start_time=0").status_code == 200
        answer = call(served, "incremental/users/cursor?start_time=0")
        assert (answer.status_code, answer.json()["error"]) == (429, "APIRateLimitExceeded")
        assert 0 < int(answer.headers["Retry-After"]) <= 60
        assert call(served, "tickets/count").status_code == 200


Drifted = Callable[[dict[str, Any]], bool]
DRIFTS: list[tuple[str, Drifted]] = [
    ("new-column", lambda row: row["surprise_field"] == "new"),
    ("changed-type", lambda row: isinstance(row["status"], dict)),
    ("dropped-column", lambda row: "status" not in row),
]


@pytest.mark.parametrize(("drift", "is_so"), DRIFTS)
def test_drift_is_in_every_row(own_url: str, drift: str, is_so: Drifted) -> None:
    fault = {"vendor": "zendesk", "path": "tickets", "kind": "drift", "times": -1, "drift": drift}
    requests.post(f"{own_url}/__sim/faults", json=[fault], timeout=5)
    assert all(map(is_so, tickets(own_url)))


def test_a_late_ticket_comes_after_the_cursor_of_the_page_without_it(own_url: str) -> None:
    fault = {"vendor": "zendesk", "path": "tickets", "kind": "late", "times": 1}
    requests.post(f"{own_url}/__sim/faults", json=[fault], timeout=5)
    page = get(own_url, "incremental/tickets/cursor?start_time=0")
    assert [row["external_id"] for row in page["tickets"]] == ["fb_1"]
    assert [row["id"] for row in tickets(own_url, f"cursor={page['after_cursor']}")] == [502]


WRONG = [
    ({"priority": "now"}, "'now'; write low, normal, high or urgent"),
    ({"rating": 6}, "6; write a number from 1 to 5"),
]


@pytest.mark.parametrize(("cell", "told"), WRONG)
def test_a_wrong_cell_is_named_with_its_remedy(
    folder: Path, tmp_path: Path, cell: dict[str, object], told: str
) -> None:
    other = write(tmp_path / "company")
    write_csv(other / "business" / "feedback.csv", [{**FEEDBACK[0], **cell}])
    with pytest.raises(CompanyError, match=told):
        create_app(other)
