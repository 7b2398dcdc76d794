"""Conversations: searches that compare days, deletions that nobody lists, parts one by one."""

import shutil
from typing import Any

import pytest

from ingestion.errors import IngestionError
from ingestion.intercom import plain
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

MANY = 400
# Counts of both kinds, changes of both kinds, companies, conversations by day: those that are
# settled and those of the last two.
QUIET = 7


@pytest.fixture
def company(company: Company) -> Company:
    """Five by now; one is rated in three days, two are deleted later, two come."""
    company.tables["business/feedback"] = [
        conversation(0, NOW - 30 * DAY, text="No <b> & no é.\n\nI mean it."),
        conversation(1, NOW - 20 * DAY, deleted_at=NOW + 4 * DAY),
        conversation(2, NOW - 3 * DAY, deleted_at=NOW + 2 * DAY),
        conversation(3, NOW - 2 * DAY, rating=2, rating_comment="Slow.", rated_at=NOW + 3 * DAY),
        conversation(4, NOW - 4 * HOUR),
        conversation(5, NOW + 1 * DAY),
        conversation(6, NOW + 4 * DAY, account_id="acct_9", user_id="user_000018"),
        said(8, NOW - 9 * DAY),
    ]
    company.tables["business/accounts"] = [
        {"account_id": f"acct_{n}", "name": f"Word {n}", "domain": f"word{n}.example"}
        for n in range(3)
    ]
    return company


def conversation(number: int, at: Any, **others: Any) -> dict[str, Any]:
    return said(number, at, channel="in_app") | others


def held(table: str, columns: str = "*") -> list[tuple]:
    return sorted(query(f"select {columns} from intercom.{table}"), key=str)


def live() -> list[str]:
    """What the conversations that are still there are about."""
    rows = query(
        "select external_id from intercom.conversations"
        " inner join intercom.live_conversations using (id) order by 1"
    )
    return [key for (key,) in rows]


def requests_of(vendors: Vendors) -> int:
    return int(vendors.control("requests")["by_vendor"].get("intercom", 0))


def test_a_conversation_arrives_with_all_that_the_customer_said(vendors: Vendors) -> None:
    load_now("intercom")
    [first, *_] = held("conversations", "external_id, body, replies, state, rating, part_count")
    assert first == ("fb_0", "No <b> & no é.", "I mean it.", "closed", 1, 3)
    assert set(held("conversations", "closed_at - created_at, first_reply_at - created_at")) == {
        (6 * HOUR, HOUR),
        (None, HOUR),
    }
    assert held("companies", "company_id, name")[0] == ("acct_0", "Word 0")
    assert ("p3@word1.example", "user_000003") in held("contacts", "email, external_id")
    assert held("conversations", "distinct teammate_names") == [("Support",)]


def test_later_nights_bring_what_changed_and_take_what_was_deleted(vendors: Vendors) -> None:
    load_now("intercom")
    assert live() == ["fb_0", "fb_1", "fb_2", "fb_3", "fb_4"]
    vendors.at(NOW + 3 * DAY + HOUR)
    load_now("intercom")
    assert live() == ["fb_0", "fb_1", "fb_3", "fb_4", "fb_5"]
    assert ("fb_3", 2, "Slow.") in held("conversations", "external_id, rating, rating_remark")
    # On a day that was over long before.
    vendors.at(NOW + 5 * DAY)
    load_now("intercom")
    assert live() == ["fb_0", "fb_3", "fb_4", "fb_5", "fb_6"]
    assert len(held("conversations")) == 7


def test_nights_one_by_one_end_as_one_load(vendors: Vendors) -> None:
    for night in (0, 0.5, 1.5, 2.2, 3.1, 9, 12):
        vendors.at(NOW + night * DAY)
        load_now("intercom")
    step_by_step = contents("intercom")
    start_over()
    load_now("intercom")
    at_once = contents("intercom")
    # What was deleted before the first load was never here.
    for table in ("conversations", "contacts", "companies", "pseudonyms"):
        assert set(at_once[f"intercom.{table}"]) <= set(step_by_step[f"intercom.{table}"])
    assert at_once["intercom.live_conversations"] == step_by_step["intercom.live_conversations"]
    assert len(at_once["intercom.conversations"]) == 5


def test_a_quiet_night_asks_little_and_changes_nothing(vendors: Vendors) -> None:
    vendors.at(NOW + 12 * DAY)
    load_now("intercom")
    before = contents("intercom")
    vendors.at(NOW + 12 * DAY + 20 * HOUR)
    vendors.forget_requests()
    report = load_now("intercom")["intercom"]
    assert contents("intercom") == before
    assert {table for table, rows in report.rows.items() if rows} == {"source_counts"}
    assert requests_of(vendors) == QUIET


def test_loading_again_at_once_reads_nothing_twice(vendors: Vendors) -> None:
    load_now("intercom")
    before = contents("intercom")
    vendors.forget_requests()
    load_now("intercom")
    assert contents("intercom") == before
    assert requests_of(vendors) == QUIET


def test_a_change_that_search_saw_late_is_still_found(vendors: Vendors) -> None:
    load_now("intercom")
    vendors.at(NOW + 3 * DAY + HOUR)
    vendors.break_with(vendor="intercom", path="search", kind="late", times=-1)
    load_now("intercom")
    vendors.mend()
    vendors.at(NOW + 4 * DAY - HOUR)
    load_now("intercom")
    assert live() == ["fb_0", "fb_1", "fb_3", "fb_4", "fb_5"]
    assert ("fb_3", 2) in held("conversations", "external_id, rating")


def test_searches_are_read_to_their_end(company: Company, serve: Serve) -> None:
    company.tables["business/feedback"] = [
        conversation(number, NOW - 60 * DAY + number * HOUR, account_id=f"acct_{number}")
        for number in range(MANY)
    ]
    vendors = serve(company)
    vendors.break_with(vendor="intercom", path="list|search", kind="duplicate", times=-1)
    load_now("intercom")
    assert query("select count(*), count(distinct id) from intercom.conversations") == [
        (MANY, MANY)
    ]
    assert query("select count(*) from intercom.live_conversations") == [(MANY,)]
    assert query("select count(*) from intercom.companies") == [(MANY,)]


def test_finding_one_deleted_day_among_many_takes_few_requests(
    company: Company, serve: Serve
) -> None:
    company.tables["business/feedback"] = [
        conversation(number, NOW - 200 * DAY + number * DAY, rating=None) for number in range(150)
    ]
    company.tables["business/feedback"][77]["deleted_at"] = NOW + HOUR
    for row in company.tables["business/feedback"]:
        row.setdefault("deleted_at", None)
    vendors = serve(company)
    load_now("intercom")
    vendors.at(NOW + 2 * HOUR)
    vendors.forget_requests()
    load_now("intercom")
    assert len(live()) == 149
    assert "fb_77" not in live()
    assert requests_of(vendors) <= QUIET + 2 * 8 + 1


def test_intercom_counts_what_is_there(vendors: Vendors) -> None:
    vendors.at(NOW + 5 * DAY)
    load_now("intercom")
    assert dict(held("source_counts", "table_name, source_count")) == {
        "conversations": len(live()),
        "contacts": len(held("contacts")),
        "companies": len(held("companies")),
    }


def test_a_lost_state_goes_on_and_a_lost_warehouse_begins_anew(vendors: Vendors) -> None:
    load_now("intercom")
    before = contents("intercom")
    shutil.rmtree(data_dir() / "dlt")
    vendors.at(NOW + HOUR)
    vendors.forget_requests()
    load_now("intercom")
    assert contents("intercom") == before
    assert requests_of(vendors) <= QUIET
    warehouse_path().unlink()
    load_now("intercom")
    assert contents("intercom") == before


def test_who_was_erased_does_not_come_back_under_any_id(vendors: Vendors) -> None:
    load_now("intercom")
    [(contact_id,)] = query("select id from intercom.contacts where email = 'p1@word1.example'")
    start_over()
    forget_at_the_door(intercom=[contact_id, "p2@word1.example"], posthog=["user_000000"])
    load_now("intercom")
    assert held("conversations", "external_id") == [("fb_3",), ("fb_4",)]
    assert live() == ["fb_3", "fb_4"]
    emails = {email for (email,) in held("contacts", "email")}
    assert emails.isdisjoint({f"p{n}@word1.example" for n in range(3)})
    counted = query("select table_name, sum(row_count) from intercom.erased_counts group by 1")
    assert dict(counted) == {"conversations": 3, "contacts": 3}


def test_contacts_are_known_by_pseudonym(vendors: Vendors) -> None:
    load_now("intercom")
    given = Pseudonyms("intercom").of
    ids = {contact for (contact,) in query("select id from intercom.contacts")}
    assert set(held("pseudonyms", "id, pseudonym")) == {(each, given(each)) for each in ids}


DRIFTS = [
    ("contacts/search", "contacts", "email"),
    ("companies/list", "companies", "company_id"),
    (r"conversations/\d+", "conversations", "state"),
]


@pytest.mark.parametrize(("path", "table", "column"), DRIFTS)
@pytest.mark.parametrize("drift", ["changed-type", "dropped-column"])
def test_a_changed_column_stops_its_table_alone(
    vendors: Vendors, path: str, table: str, column: str, drift: str
) -> None:
    vendors.break_with(vendor="intercom", path=path, kind="drift", times=-1, drift=drift)
    report = load_now("intercom")["intercom"]
    assert set(report.stopped) == {table}
    assert column in report.stopped[table]
    vendors.mend()
    vendors.at(NOW + HOUR)
    assert load_now("intercom")["intercom"].stopped == {}
    assert held(table) != []


@pytest.mark.parametrize("kind", ["429", "429-no-retry-after", "500", "cut", "duplicate"])
def test_one_fault_is_got_over(vendors: Vendors, kind: str) -> None:
    vendors.break_with(vendor="intercom", kind=kind, request=6, times=1, retry_after=0)
    load_now("intercom")
    assert len(live()) == 5


def test_a_wrong_token_is_named_with_its_setting(
    vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__INTERCOM__ACCESS_TOKEN", "wrong")
    told = "SOURCES__INTERCOM__ACCESS_TOKEN.*Access Token Invalid"
    with pytest.raises(IngestionError, match=told):
        load_now("intercom")


def test_a_company_that_nobody_writes_to_is_an_empty_vendor(company: Company, serve: Serve) -> None:
    company.tables.pop("business/feedback")
    serve(company)
    load_now("intercom")
    assert held("conversations") == []
    assert held("source_counts", "source_count") == [(0,), (0,), (0,)]


MARKUP = [
    ("<p>One</p><p>Two &amp; &lt;three&gt;</p>", "One\nTwo & <three>"),
    ('Hi<br>there<br/>you <a href="https://x.example">here</a>', "Hi\nthere\nyou here"),
    ("plain", "plain"),
    ("<p></p>", None),
    ("", None),
    (None, None),
]


@pytest.mark.parametrize(("markup", "text"), MARKUP)
def test_html_is_read_as_text(markup: str | None, text: str | None) -> None:
    assert plain(markup) == text
