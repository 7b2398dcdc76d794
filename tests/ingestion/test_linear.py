"""Linear: what changed each night, everything once a week, and at once when issues are missing."""

import shutil
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pytest

from governance.person import UnknownPersonError, find
from ingestion.errors import IngestionError
from ingestion.linear import KINDS, QUERIES
from ingestion.pipeline import accept_column, data_dir, warehouse_path
from ingestion.privacy import forget_at_the_door
from tests.ingestion.company import DAY, HOUR, NOW, Company, Vendors, contents, load_now, query
from tests.ingestion.conftest import Serve

MANY = 600
ADDRESS = "ann.lee@word1.example"


def issue(number: int, created: datetime, **others: Any) -> Any:
    return {
        "issue_id": f"issue_{number}",
        "title": f"Work {number}",
        "created_at": created,
        "project_id": "project_1",
        "estimate": 0.5,
    } | others


def wish(number: int, created: datetime, **others: Any) -> Any:
    return {
        "feedback_id": f"fb_{number}",
        "account_id": f"acct_{number}",
        "channel": "sales_call",
        "created_at": created,
        "text": f"Wish {number}",
    } | others


@pytest.fixture
def company(company: Company) -> Company:
    """Issues that move in the days to come, one of them into the bin, and requests."""
    company.tables |= {
        "business/accounts": [
            {"account_id": f"acct_{n}", "name": f"Word {n}", "domain": f"word{n}.example"}
            for n in range(4)
        ],
        "business/projects": [
            {"project_id": "project_1", "name": "Portal", "created_at": NOW - 50 * DAY}
        ],
        "business/issues": [
            issue(1, NOW - 40 * DAY, started_at=NOW - 30 * DAY, completed_at=NOW + 2 * DAY),
            issue(2, NOW - 20 * DAY, archived_at=NOW + 3 * DAY),
            issue(3, NOW - 10 * DAY, trashed_at=NOW - 27 * DAY + 4 * HOUR),
            issue(4, NOW + 1 * DAY),
        ],
        "business/feedback": [
            wish(1, NOW - 30 * DAY, text=f"A portal! Write to {ADDRESS.title()}, or call."),
            wish(2, NOW - 20 * DAY, deleted_at=NOW + 4 * DAY),
            wish(3, NOW + 1 * DAY),
        ],
        "business/feedback_links": [
            {
                "feedback_id": "fb_1",
                "project_id": "project_1",
                "issue_id": "issue_1",
                "is_important": True,
                "linked_at": NOW + 1 * DAY,
            }
        ],
    }
    return company


def held(table: str, columns: str = "*") -> list[tuple]:
    return sorted(query(f"select {columns} from linear.{table}"), key=str)


def there(table: str, columns: str) -> list[tuple]:
    """What is there as far as the last list of everything says."""
    sql = f"""
        select {columns} from linear.{table} as held
        where id in (select id from linear.listed where object_type = '{table}')
            or created_at >= (
                select max(listed_at) from linear.listed where object_type = '{table}'
            )
    """
    return sorted(query(sql), key=str)


def requests_of(vendors: Vendors) -> int:
    return int(vendors.control("requests")["by_vendor"].get("linear", 0))


def test_a_request_comes_with_its_customer_and_the_customers_keys(vendors: Vendors) -> None:
    load_now("linear")
    joined = query(
        "select name, body, need.priority from linear.customer_needs as need"
        " inner join linear.customers as customer on need.customer = customer.id order by all"
    )
    assert [(name, priority) for name, _, priority in joined] == [("Word 1", 0), ("Word 2", 0)]
    assert ADDRESS in joined[0][1].lower()
    keys = query("select key_type, value from linear.customer_keys")
    assert {kind for kind, _ in keys} <= {"domain", "external_id"}
    assert len(keys) > 0


def test_archived_and_binned_issues_are_there_with_their_flags(vendors: Vendors) -> None:
    vendors.at(NOW + 3 * DAY + HOUR)
    load_now("linear")
    assert held("issues", "title, archived_at is not null, trashed") == [
        ("Work 1", False, None),
        ("Work 2", True, None),
        ("Work 3", True, True),
        ("Work 4", False, None),
    ]
    assert held("issues", "distinct estimate") == [("0.5",)]


def test_later_nights_bring_what_changed(vendors: Vendors) -> None:
    load_now("linear")
    assert held("issues", "title, completed_at")[0] == ("Work 1", None)
    assert len(held("issues")) == 3
    vendors.at(NOW + 3 * DAY + HOUR)
    load_now("linear")
    [(completed,)] = query("select completed_at from linear.issues where title = 'Work 1'")
    assert completed == NOW + 2 * DAY
    # Archiving moved no time of a change.
    assert query("select archived_at from linear.issues where title = 'Work 2'") == [
        (NOW + 3 * DAY,)
    ]
    assert ("Wish 3",) in held("customer_needs", "body")
    linked = "select priority, project is not null from linear.customer_needs where body like 'A %'"
    assert query(linked) == [(1, True)]


def test_what_was_purged_is_missed_by_the_count_of_issues(vendors: Vendors) -> None:
    load_now("linear")
    assert ("Work 3",) in there("issues", "title")
    vendors.at(NOW + 3 * DAY + 5 * HOUR)
    load_now("linear")
    assert there("issues", "title") == [("Work 1",), ("Work 2",), ("Work 4",)]


def test_a_deleted_request_is_missed_within_a_week(vendors: Vendors) -> None:
    load_now("linear")
    vendors.at(NOW + 8 * DAY)
    load_now("linear")
    assert [body for (body,) in there("customer_needs", "body")][1:] == ["Wish 3"]


def test_nights_one_by_one_end_as_one_load(vendors: Vendors) -> None:
    for night in (0, 0.5, 1.5, 2.2, 3.1, 9, 17):
        vendors.at(NOW + night * DAY)
        load_now("linear")
    tables = ("issues", "customer_needs", "customers", "projects")
    columns = "* exclude (_dlt_load_id)"
    step_by_step = {table: there(table, columns) for table in tables}
    for name in ("dlt", "warehouse"):
        shutil.rmtree(data_dir() / name)
    load_now("linear")
    assert {table: there(table, columns) for table in tables} == step_by_step
    assert len(step_by_step["issues"]) == 3


def test_a_quiet_night_asks_little_and_changes_nothing(vendors: Vendors) -> None:
    load_now("linear")
    before = contents("linear")
    vendors.at(NOW + 20 * HOUR)
    vendors.forget_requests()
    report = load_now("linear")["linear"]
    assert contents("linear") == before
    assert set(report.rows) == {"source_counts"}
    assert requests_of(vendors) == len(QUERIES)


def test_loading_again_at_once_reads_nothing_twice(vendors: Vendors) -> None:
    vendors.at(NOW + 1 * DAY + timedelta(minutes=10))
    load_now("linear")
    before = contents("linear")
    assert set(load_now("linear")["linear"].rows) == {"source_counts"}
    assert contents("linear") == before


def test_what_appears_late_is_still_found(vendors: Vendors) -> None:
    load_now("linear")
    vendors.at(NOW + 1 * DAY + timedelta(minutes=30))
    vendors.break_with(vendor="linear", kind="late", times=-1)
    load_now("linear")
    vendors.mend()
    vendors.at(NOW + 1 * DAY + HOUR)
    load_now("linear")
    assert ("Work 4",) in held("issues", "title")
    assert ("Wish 3",) in held("customer_needs", "body")


def test_a_lost_state_goes_on_and_a_lost_warehouse_begins_anew(vendors: Vendors) -> None:
    load_now("linear")
    before = contents("linear")
    shutil.rmtree(data_dir() / "dlt")
    vendors.at(NOW + HOUR)
    vendors.forget_requests()
    load_now("linear")
    assert contents("linear") == before
    assert requests_of(vendors) == len(QUERIES)
    warehouse_path().unlink()
    load_now("linear")
    without_times = {name: len(rows) for name, rows in contents("linear").items()}
    assert without_times == {name: len(rows) for name, rows in before.items()}


def test_lists_are_read_to_their_end_and_counted(company: Company, serve: Serve) -> None:
    company.tables["business/issues"] = [issue(n, NOW - 60 * DAY + n * HOUR) for n in range(MANY)]
    vendors = serve(company)
    vendors.break_with(vendor="linear", kind="duplicate", times=-1)
    load_now("linear")
    assert query("select count(*), count(distinct identifier) from linear.issues") == [(MANY, MANY)]
    assert dict(query("select table_name, source_count from linear.source_counts")) == {
        kind.table.name: len(held(kind.table.name)) for kind in KINDS
    }


def test_a_customer_loses_the_keys_it_no_longer_has(company: Company, serve: Serve) -> None:
    """What a customer is known by is replaced together, not added to."""
    vendors = serve(company)
    load_now("linear")
    before = held("customer_keys", "customer, key_type, value")
    vendors.at(NOW + 8 * DAY)
    load_now("linear")
    assert set(before) <= set(held("customer_keys", "customer, key_type, value"))
    assert held("customer_keys", "distinct is_deleted") == [(None,)]


def test_the_address_of_somebody_erased_does_not_come_back(vendors: Vendors) -> None:
    forget_at_the_door(linear=[ADDRESS])
    load_now("linear")
    assert held("customer_needs", "body")[0] == ("A portal! Write to (erased), or call.",)


def test_who_is_named_in_a_request_alone_is_found(vendors: Vendors) -> None:
    load_now()
    with duckdb.connect(str(warehouse_path()), read_only=True) as connection:
        assert find(connection, ADDRESS).emails == {ADDRESS}
        with pytest.raises(UnknownPersonError):
            find(connection, ADDRESS.removeprefix("ann."))


@pytest.mark.parametrize("number", range(len(QUERIES)))
@pytest.mark.parametrize("drift", ["changed-type", "dropped-column"])
def test_a_changed_field_stops_its_table_alone(vendors: Vendors, number: int, drift: str) -> None:
    vendors.break_with(vendor="linear", kind="drift", request=number + 1, times=1, drift=drift)
    report = load_now("linear")["linear"]
    assert len(report.stopped) == 1
    [stopped] = report.stopped
    vendors.mend()
    vendors.at(NOW + HOUR)
    assert load_now("linear")["linear"].stopped == {}
    assert held(stopped) != []


def test_a_field_that_is_accepted_as_gone_is_asked_for_no_more(vendors: Vendors) -> None:
    vendors.break_with(vendor="linear", kind="drift", drift="dropped-column", times=-1)
    while stopped := load_now("linear")["linear"].stopped:
        for table, said in stopped.items():
            accept_column(said.split(" is gone")[0])
            assert table in said
    assert held("issues", "distinct estimate") == [(None,)]
    assert len(held("customer_needs")) == 2


@pytest.mark.parametrize("kind", ["429-no-retry-after", "500", "cut", "duplicate"])
def test_one_fault_is_got_over(vendors: Vendors, kind: str) -> None:
    vendors.break_with(vendor="linear", kind=kind, request=3, times=1)
    load_now("linear")
    assert len(held("issues")) == 3


def test_a_limit_that_stays_is_told_as_what_it_is(vendors: Vendors) -> None:
    vendors.break_with(vendor="linear", kind="429-no-retry-after", times=-1)
    with pytest.raises(IngestionError, match="tried 5 times; try again later; Rate limit"):
        load_now("linear")


def test_a_wrong_key_is_named_with_its_setting(
    vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__LINEAR__API_KEY", "wrong")
    with pytest.raises(IngestionError, match="SOURCES__LINEAR__API_KEY"):
        load_now("linear")
