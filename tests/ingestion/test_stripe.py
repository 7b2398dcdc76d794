"""Billing: everything once, then what events name, and everything again after a month away."""

import json
import shutil
from datetime import datetime, timedelta
from typing import Any

import pytest

from ingestion import stripe
from ingestion.errors import IngestionError
from ingestion.pipeline import data_dir, warehouse_path
from ingestion.privacy import Pseudonyms, forget_at_the_door
from tests.ingestion.company import DAY, HOUR, NOW, Company, Vendors, contents, load_now, query
from tests.ingestion.conftest import Serve

KINDS = ("customers", "subscriptions", "invoices", "credit_notes", "prices")
MANY = 250


def term(number: int, seats: int, started: datetime, ended: datetime | None = None) -> Any:
    return {
        "subscription_id": f"sub_{number}",
        "account_id": f"acct_{number}",
        "plan": "team",
        "seats": seats,
        "unit_price": "55.00",
        "started_at": started,
        "ended_at": ended,
    }


def invoice(number: int, issued: datetime, amount: str, **others: Any) -> Any:
    return {
        "invoice_id": f"in_{number}_{issued:%Y%m%d}",
        "account_id": f"acct_{number}",
        "issued_at": issued,
        "amount": amount,
        "status": "paid",
    } | others


@pytest.fixture
def company(company: Company) -> Company:
    """Three customers: one grows in two days, one stops, one comes; one bill is a slip."""
    company.tables |= {
        "business/accounts": [
            {"account_id": f"acct_{n}", "name": f"Word {n}", "domain": f"word{n}.example"}
            for n in range(4)
        ],
        "business/subscriptions": [
            term(0, 5, NOW - 100 * DAY, NOW + 2 * DAY),
            term(0, 8, NOW + 2 * DAY),
            term(1, 3, NOW - 50 * DAY, NOW + 3 * DAY),
            term(2, 1, NOW - 20 * DAY),
            term(3, 2, NOW + 1 * DAY),
        ],
        "business/invoices": [
            invoice(0, NOW - 100 * DAY, "275.00"),
            invoice(0, NOW - 40 * DAY, "-275.00"),
            invoice(1, NOW - 50 * DAY, "165.00"),
            invoice(2, NOW - 5 * DAY, "55.00", status="open"),
            invoice(0, NOW + 2 * DAY, "440.00"),
            invoice(3, NOW + 1 * DAY, "110.00"),
        ],
        "business/credit_notes": [
            {
                "credit_note_id": "cn_1",
                "invoice_id": f"in_1_{NOW - 50 * DAY:%Y%m%d}",
                "amount": "15.00",
                "issued_at": NOW - 30 * DAY,
            }
        ],
    }
    return company


def held(table: str, columns: str = "*") -> list[tuple]:
    return sorted(query(f"select {columns} from stripe.{table}"), key=str)


def requests_of(vendors: Vendors) -> int:
    return int(vendors.control("requests")["by_vendor"].get("stripe", 0))


def test_money_arrives_in_whole_cents_with_the_sign_it_was_billed_with(vendors: Vendors) -> None:
    load_now("stripe")
    assert query("select sum(total), min(total) from stripe.invoices") == [(22000, -27500)]
    assert query("select sum(amount), sum(quantity) from stripe.invoice_lines") == [(22000, 14)]
    assert held("invoice_lines", "unit_amount_decimal")[0] == ("5500",)
    assert held("credit_notes", "total, invoice") == [(1500, f"in_1_{NOW - 50 * DAY:%Y%m%d}")]
    assert held("prices", "interval, interval_count") == [("month", 1)]


def test_a_subscription_comes_with_its_items(vendors: Vendors) -> None:
    load_now("stripe")
    assert held("subscription_items", "subscription, quantity") == [
        ("sub_0", 5),
        ("sub_1", 3),
        ("sub_2", 1),
    ]


def test_later_nights_bring_what_changed(vendors: Vendors) -> None:
    load_now("stripe")
    assert held("subscriptions", "distinct status") == [("active",)]
    vendors.at(NOW + 2 * DAY + HOUR)
    load_now("stripe")
    assert held("subscription_items", "subscription, quantity")[0] == ("sub_0", 8)
    assert ("sub_3", "active") in held("subscriptions", "id, status")
    vendors.at(NOW + 10 * DAY)
    load_now("stripe")
    assert ("sub_1", "canceled") in held("subscriptions", "id, status")
    # Issued before the first load, paid after it.
    late = f"in_2_{NOW - 5 * DAY:%Y%m%d}"
    assert query(f"select status, amount_remaining from stripe.invoices where id = '{late}'") == [
        ("paid", 0)
    ]


def test_nights_one_by_one_end_as_one_load(vendors: Vendors, company: Company) -> None:
    for night in (0, 0.5, 1.5, 2.2, 3.1, 9, 12):
        vendors.at(NOW + night * DAY)
        load_now("stripe")
    step_by_step = contents("stripe")
    for name in ("dlt", "warehouse"):
        shutil.rmtree(data_dir() / name)
    load_now("stripe")
    assert contents("stripe") == step_by_step
    assert len(step_by_step["stripe.invoices"]) == 6


def test_a_quiet_night_asks_little_and_changes_nothing(vendors: Vendors) -> None:
    load_now("stripe")
    before = contents("stripe")
    vendors.at(NOW + 20 * HOUR)
    vendors.forget_requests()
    report = load_now("stripe")["stripe"]
    assert contents("stripe") == before
    assert set(report.rows) == {"source_counts"}
    # The clock, the events, and what was created since, once for each kind.
    assert requests_of(vendors) == 2 + len(KINDS)


def test_loading_again_at_once_reads_nothing_twice(vendors: Vendors, company: Company) -> None:
    vendors.at(NOW + 1 * DAY + timedelta(minutes=10))
    load_now("stripe")
    before = contents("stripe")
    assert set(load_now("stripe")["stripe"].rows) == {"source_counts"}
    assert contents("stripe") == before


def test_an_event_that_appears_late_is_still_found(vendors: Vendors) -> None:
    load_now("stripe")
    vendors.at(NOW + 2 * DAY + timedelta(minutes=30))
    vendors.break_with(vendor="stripe", path="events|subscriptions", kind="late", times=-1)
    load_now("stripe")
    vendors.mend()
    vendors.at(NOW + 2 * DAY + HOUR)
    load_now("stripe")
    assert held("subscription_items", "subscription, quantity")[0] == ("sub_0", 8)


def test_after_thirty_days_everything_is_read_again(vendors: Vendors) -> None:
    load_now("stripe")
    vendors.at(NOW + 45 * DAY)
    load_now("stripe")
    assert ("sub_1", "canceled") in held("subscriptions", "id, status")
    assert held("subscription_items", "subscription, quantity")[0] == ("sub_0", 8)
    assert len(held("invoices")) == 6


def test_a_lost_state_goes_on_and_a_lost_warehouse_begins_anew(vendors: Vendors) -> None:
    load_now("stripe")
    before = contents("stripe")
    shutil.rmtree(data_dir() / "dlt")
    vendors.at(NOW + HOUR)
    vendors.forget_requests()
    load_now("stripe")
    assert contents("stripe") == before
    assert requests_of(vendors) <= 2 + len(KINDS)
    warehouse_path().unlink()
    load_now("stripe")
    assert contents("stripe") == before


def test_lists_are_read_to_their_end(company: Company, serve: Serve) -> None:
    company.tables["business/subscriptions"] = [
        term(number, 1, NOW - 60 * DAY + number * HOUR) for number in range(MANY)
    ]
    company.tables["business/invoices"] = []
    vendors = serve(company)
    vendors.break_with(vendor="stripe", path="subscriptions", kind="duplicate", times=-1)
    load_now("stripe")
    assert query("select count(*), count(distinct customer) from stripe.subscriptions") == [
        (MANY, MANY)
    ]


def test_stripes_lists_are_counted_by_day(vendors: Vendors) -> None:
    for night in (0, 1.5, 3):
        vendors.at(NOW + night * DAY)
        load_now("stripe")
    counted = "select table_name, scope, source_count from stripe.source_counts"
    created = "cast(created at time zone 'UTC' as date)"
    rows = {(table, day): count for table, day, count in query(counted) if count}
    assert rows == {
        (table, str(day)): count
        for table in KINDS
        for day, count in query(f"select {created}, count(*) from stripe.{table} group by 1")
    }


def test_a_deleted_customer_stays_as_it_last_was(company: Company, serve: Serve) -> None:
    company.tables["business/accounts"][1]["closed_at"] = NOW + 4 * DAY
    for account in company.tables["business/accounts"]:
        account.setdefault("closed_at", None)
    vendors = serve(company)
    load_now("stripe")
    vendors.at(NOW + 5 * DAY)
    load_now("stripe")
    assert ("Word 1", True) in held("customers", "name, is_deleted")
    assert len(held("customers")) == 4


def test_the_address_of_somebody_erased_does_not_come_back(vendors: Vendors) -> None:
    forget_at_the_door(stripe=["billing@word1.example"])
    load_now("stripe")
    assert {email for (email,) in held("customers", "email")} == {
        None,
        "billing@word0.example",
        "billing@word2.example",
    }


def test_nor_does_it_in_what_was_typed_beside_it(vendors: Vendors) -> None:
    forget_at_the_door(stripe=["billing@word1.example"])
    notes = {"note": "Ask <Billing@word1.example>", "owner": "billing@word2.example"}
    item = {"id": "cus_1", "email": None, "name": "Word", "created": 0, "metadata": notes}
    [row] = stripe.customer_rows(Pseudonyms("stripe"), item)
    assert json.loads(row["metadata"]) == {
        "note": "Ask <(erased)>",
        "owner": "billing@word2.example",
    }


DRIFTS = [
    ("customers", "customers", "email"),
    ("subscriptions", "subscriptions", "status"),
    ("invoices", "invoices", "total"),
    ("prices", "prices", "unit_amount_decimal"),
]


@pytest.mark.parametrize(("path", "table", "column"), DRIFTS)
@pytest.mark.parametrize("drift", ["changed-type", "dropped-column"])
def test_a_changed_column_stops_its_table_alone(
    vendors: Vendors, path: str, table: str, column: str, drift: str
) -> None:
    vendors.break_with(vendor="stripe", path=path, kind="drift", times=-1, drift=drift)
    report = load_now("stripe")["stripe"]
    assert set(report.stopped) == {table}
    assert column in report.stopped[table]
    vendors.mend()
    vendors.at(NOW + HOUR)
    assert load_now("stripe")["stripe"].stopped == {}
    assert held(table) != []


@pytest.mark.parametrize("kind", ["429", "500", "cut", "duplicate"])
def test_one_fault_is_got_over(vendors: Vendors, kind: str) -> None:
    vendors.break_with(vendor="stripe", kind=kind, request=3, times=1)
    load_now("stripe")
    assert query("select sum(total) from stripe.invoices") == [(22000,)]


def test_a_wrong_key_is_named_with_its_setting(
    vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__STRIPE__API_KEY", "wrong")
    with pytest.raises(IngestionError, match="SOURCES__STRIPE__API_KEY"):
        load_now("stripe")
