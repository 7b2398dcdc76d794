"""Support: exports by cursor, organizations by the second, ratings that come later."""

import shutil
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from ingestion.errors import IngestionError
from ingestion.pipeline import data_dir, warehouse_path
from ingestion.privacy import Pseudonyms, forget_at_the_door
from tests.ingestion.company import (
    DAY,
    HOUR,
    NOW,
    Company,
    Vendors,
    contents,
    load_now,
    query,
    said,
    start_over,
)
from tests.ingestion.conftest import Serve

MANY = 2_300
STREAMS = 4
COUNTS = 3


@pytest.fixture
def company(company: Company) -> Company:
    """Six cases: four by now; one is rated in three days, one deleted in two, two come."""
    company.tables["business/feedback"] = [
        ticket(0, NOW - 30 * DAY),
        ticket(1, NOW - 20 * DAY),
        ticket(2, NOW - 3 * DAY, deleted_at=NOW + 2 * DAY),
        ticket(3, NOW - 2 * DAY, rating=2, rating_comment="Slow.", rated_at=NOW + 3 * DAY),
        ticket(4, NOW + 1 * DAY, user_id="user_000019"),
        ticket(5, NOW + 4 * DAY, account_id="acct_9", user_id="user_000018"),
        said(7, NOW - 9 * DAY),
    ]
    company.tables["business/accounts"] = [
        {"account_id": f"acct_{n}", "name": f"Word {n}", "domain": f"word{n}.example"}
        for n in range(3)
    ]
    return company


def ticket(number: int, at: Any, **others: Any) -> dict[str, Any]:
    return said(number, at, channel="support") | others


def held(table: str, columns: str = "*") -> list[tuple]:
    return sorted(query(f"select {columns} from zendesk.{table}"), key=str)


def requests_of(vendors: Vendors) -> int:
    return int(vendors.control("requests")["by_vendor"].get("zendesk", 0))


def test_a_ticket_arrives_with_its_course(vendors: Vendors) -> None:
    load_now("zendesk")
    rows = held("tickets", "external_id, subject, status, satisfaction_score, first_reply_minutes")
    assert rows == [
        ("fb_0", "Question 0", "closed", "bad", 60),
        ("fb_1", "Question 1", "closed", "offered", 60),
        ("fb_2", "Question 2", "solved", "offered", 60),
        ("fb_3", "Question 3", "solved", "offered", 60),
    ]
    assert {solved for (solved,) in held("tickets", "solved_at - created_at")} == {6 * HOUR}
    assert held("organizations", "name, domain_names")[0] == ("Word 0", "word0.example")
    assert ("p3@word1.example", "user_000003") in held("users", "email, external_id")


def test_an_answer_of_ours_arrives_with_the_ticket_that_it_follows(
    company: Company, serve: Serve
) -> None:
    company.tables["business/feedback"] = [
        ticket(0, NOW - 30 * DAY, told_at=NOW - 2 * DAY),
        ticket(1, NOW - 3 * DAY, told_at=NOW - DAY),
    ]
    serve(company)
    load_now("zendesk")
    columns = "external_id, follows_id is not null, submitter_id = requester_id"
    assert held("tickets", f"{columns}, last_comment_at > solved_at") == [
        ("fb_0", False, True, False),
        ("fb_1", False, True, True),
        (None, True, False, False),
    ]
    assert query(
        "select count(*) from zendesk.tickets as asked"
        " inner join zendesk.tickets as told on told.follows_id = asked.id"
    ) == [(1,)]


def test_later_nights_bring_what_changed(vendors: Vendors) -> None:
    load_now("zendesk")
    vendors.at(NOW + 3 * DAY + HOUR)
    load_now("zendesk")
    assert held("tickets", "external_id, status, description, satisfaction_comment")[2:] == [
        ("fb_2", "deleted", None, None),
        ("fb_3", "closed", "Question 3", "Slow."),
        ("fb_4", "solved", "Question 4", None),
    ]
    # It was asked for before the first load, and given after it.
    assert held("satisfaction_ratings", "score, comment") == [
        ("bad", "Comment 0"),
        ("bad", "Slow."),
    ]
    vendors.at(NOW + 9 * DAY)
    load_now("zendesk")
    assert len(held("organizations")) == 4


def test_a_system_s_change_comes_although_it_was_updated_long_before(vendors: Vendors) -> None:
    vendors.at(NOW + 3 * DAY)
    load_now("zendesk")
    one = "select status, generated_at > updated_at from zendesk.tickets where external_id = 'fb_4'"
    assert query(one) == [("solved", False)]
    vendors.at(NOW + 20 * DAY)
    load_now("zendesk")
    assert query(one) == [("closed", True)]


def test_nights_one_by_one_end_as_one_load(vendors: Vendors) -> None:
    for night in (0, 0.5, 1.5, 2.2, 3.1, 9, 12):
        vendors.at(NOW + night * DAY)
        load_now("zendesk")
    step_by_step = contents("zendesk")
    start_over()
    load_now("zendesk")
    assert contents("zendesk") == step_by_step
    assert len(step_by_step["zendesk.tickets"]) == 6


def test_a_quiet_night_asks_little_and_changes_nothing(vendors: Vendors) -> None:
    vendors.at(NOW + 12 * DAY)
    load_now("zendesk")
    before = contents("zendesk")
    vendors.at(NOW + 12 * DAY + 20 * HOUR)
    vendors.forget_requests()
    report = load_now("zendesk")["zendesk"]
    assert contents("zendesk") == before
    assert set(report.rows) == {"source_counts"}
    assert requests_of(vendors) == STREAMS + COUNTS


def test_what_changed_in_the_last_minute_comes_with_the_next_load(vendors: Vendors) -> None:
    vendors.at(NOW + 1 * DAY + timedelta(seconds=30))
    load_now("zendesk")
    assert len(held("tickets")) == 4
    vendors.at(NOW + 1 * DAY + timedelta(seconds=90))
    load_now("zendesk")
    assert len(held("tickets")) == 5


def test_a_ticket_that_appears_late_is_still_found(vendors: Vendors) -> None:
    vendors.break_with(vendor="zendesk", path="tickets|users|org|rat", kind="late", times=-1)
    load_now("zendesk")
    assert len(held("tickets")) < 4
    vendors.mend()
    vendors.at(NOW + HOUR)
    load_now("zendesk")
    assert [len(held(t)) for t in ("tickets", "users", "organizations")] == [4, 5, 3]


def test_exports_are_read_to_their_end(company: Company, serve: Serve) -> None:
    company.tables["business/feedback"] = [
        ticket(number, NOW - 60 * DAY + number * timedelta(minutes=1), account_id=f"acct_{number}")
        for number in range(MANY)
    ]
    vendors = serve(company)
    vendors.break_with(vendor="zendesk", path="tickets|rat|org", kind="duplicate", times=-1)
    load_now("zendesk")
    assert query("select count(*), count(distinct id) from zendesk.tickets") == [(MANY, MANY)]
    assert query("select count(*) from zendesk.organizations") == [(MANY,)]
    rated = sum(bool(row["rating"]) for row in company.tables["business/feedback"])
    assert query("select count(*) from zendesk.satisfaction_ratings") == [(rated,)]


def test_organizations_of_one_second_are_all_read(company: Company, serve: Serve) -> None:
    at = NOW - 9 * DAY
    company.tables["business/feedback"] = [
        ticket(number, at, account_id=f"acct_{number}") for number in range(MANY)
    ] + [ticket(MANY, at + HOUR, account_id="acct_last")]
    serve(company)
    load_now("zendesk")
    load_now("zendesk")
    assert query("select count(*) from zendesk.organizations") == [(MANY + 1,)]


def test_zendesk_counts_what_is_not_deleted(vendors: Vendors) -> None:
    vendors.at(NOW + 3 * DAY + HOUR)
    load_now("zendesk")
    counted = dict(held("source_counts", "table_name, source_count"))
    live = Counter(status != "deleted" for (status,) in held("tickets", "status"))
    assert counted == {
        "tickets": live[True],
        "users": len(held("users")),
        "organizations": len(held("organizations")),
    }


def test_a_lost_state_goes_on_and_a_lost_warehouse_begins_anew(vendors: Vendors) -> None:
    load_now("zendesk")
    before = contents("zendesk")
    shutil.rmtree(data_dir() / "dlt")
    vendors.at(NOW + HOUR)
    vendors.forget_requests()
    load_now("zendesk")
    assert contents("zendesk") == before
    assert requests_of(vendors) <= STREAMS + COUNTS
    warehouse_path().unlink()
    load_now("zendesk")
    assert contents("zendesk") == before


def test_who_was_erased_does_not_come_back_under_any_id(vendors: Vendors) -> None:
    load_now("zendesk")
    [(user_id,)] = query("select id from zendesk.users where email = 'p1@word1.example'")
    start_over()
    forget_at_the_door(zendesk=[user_id], posthog=["user_000000"])
    forget_at_the_door(zendesk=["p2@word1.example"])
    load_now("zendesk")
    assert held("tickets", "external_id") == [("fb_3",)]
    assert {comment for (comment,) in held("satisfaction_ratings", "comment")} <= {"Slow."}
    emails = {email for (email,) in held("users", "email")}
    assert emails.isdisjoint({f"p{n}@word1.example" for n in range(3)})
    counted = query("select table_name, sum(row_count) from zendesk.erased_counts group by 1")
    assert dict(counted) == {"tickets": 3, "users": 3}
    # Their later changes do not come either.
    vendors.at(NOW + 9 * DAY)
    load_now("zendesk")
    assert held("tickets", "external_id") == [("fb_3",), ("fb_4",), ("fb_5",)]


def test_requesters_are_known_by_pseudonym(vendors: Vendors) -> None:
    load_now("zendesk")
    given = Pseudonyms("zendesk").of
    ids = {user for (user,) in query("select id from zendesk.users")}
    assert set(held("pseudonyms", "id, pseudonym")) == {(user, given(user)) for user in ids}


DRIFTS = [
    ("users", "users", "email"),
    ("organizations", "organizations", "name"),
    ("tickets", "tickets", "status"),
    ("satisfaction_ratings", "satisfaction_ratings", "score"),
]


@pytest.mark.parametrize(("path", "table", "column"), DRIFTS)
@pytest.mark.parametrize("drift", ["changed-type", "dropped-column"])
def test_a_changed_column_stops_its_table_alone(
    vendors: Vendors, path: str, table: str, column: str, drift: str
) -> None:
    vendors.break_with(vendor="zendesk", path=path, kind="drift", times=-1, drift=drift)
    report = load_now("zendesk")["zendesk"]
    assert set(report.stopped) == {table}
    assert column in report.stopped[table]
    vendors.mend()
    vendors.at(NOW + HOUR)
    assert load_now("zendesk")["zendesk"].stopped == {}
    assert held(table) != []


@pytest.mark.parametrize("kind", ["429", "429-no-retry-after", "500", "cut", "duplicate"])
def test_one_fault_is_got_over(vendors: Vendors, kind: str) -> None:
    vendors.break_with(vendor="zendesk", kind=kind, request=6, times=1, retry_after=0)
    load_now("zendesk")
    assert len(held("tickets")) == 4


def test_a_wrong_token_is_named_with_its_setting(
    vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__ZENDESK__API_TOKEN", "wrong")
    with pytest.raises(IngestionError, match="SOURCES__ZENDESK__API_TOKEN") as caught:
        load_now("zendesk")
    assert "wrong " in str(caught.value)


def test_a_company_that_nobody_writes_to_is_an_empty_vendor(company: Company, serve: Serve) -> None:
    company.tables.pop("business/feedback")
    serve(company)
    load_now("zendesk")
    assert held("tickets") == []
    assert held("source_counts", "source_count") == [(0,), (0,), (0,)]
