"""Stripe answers in its own shapes, for what it documents and for nothing else."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from simulator import stripe
from simulator.server import create_app, running
from tests.simulator.small_company import NOW, write, write_csv

BEARER = {"Authorization": f"Bearer {stripe.TOKEN}"}
DAY = 86_400
JUNE = "2026-06-{:02d}T12:00:00Z"
SUBSCRIPTIONS = [
    ("sub_1", "acct_1", "team", 5, "55.00", "2026-04-30T12:00:00Z", JUNE.format(10)),
    ("sub_1", "acct_1", "team", 7, "55.00", JUNE.format(10), ""),
    ("sub_2", "acct_2", "starter", 3, "29", "2026-06-01T12:00:00Z", JUNE.format(20)),
    ("sub_3", "acct_3", "starter", 1, "29", JUNE.format(25), ""),
    ("sub_4", "acct_4", "starter", 1, "29", "2026-07-02T12:00:00Z", ""),
]
INVOICES = [
    ("in_1", "acct_1", "2026-04-30T12:00:00Z", "275.00", "paid"),
    ("in_2", "acct_1", JUNE.format(10), "-385.00", "paid"),
    ("in_3", "acct_2", "2026-06-01T12:00:00Z", "87", "paid"),
    ("in_4", "acct_3", JUNE.format(25), "29", "open"),
]
ACCOUNTS = [("acct_1", "Acme", "acme.example", ""), ("acct_2", "Beta", "", JUNE.format(29))]
TABLES = {
    "subscriptions": (
        ("subscription_id", "account_id", "plan", "seats", "unit_price", "started_at", "ended_at"),
        SUBSCRIPTIONS,
    ),
    "invoices": (("invoice_id", "account_id", "issued_at", "amount", "status"), INVOICES),
    "accounts": (("account_id", "name", "domain", "closed_at"), ACCOUNTS),
    "credit_notes": (
        ("credit_note_id", "invoice_id", "amount", "issued_at"),
        [("cn_1", "in_3", "20.00", JUNE.format(5))],
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write(tmp_path_factory.mktemp("stripe") / "company")
    for name, (columns, rows) in TABLES.items():
        listed = [dict(zip(columns, row, strict=True)) for row in rows]
        write_csv(folder / "business" / f"{name}.csv", listed)
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
    return requests.get(f"{url}/v1/{path}", headers=BEARER | headers, timeout=5)


def get(url: str, path: str) -> Any:
    answer = call(url, path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(url: str, path: str) -> list[str]:
    return [row["id"] for row in get(url, path)["data"]]


def test_a_list_says_what_it_is_and_comes_newest_first(url: str) -> None:
    listed = get(url, "invoices")
    assert {key: listed[key] for key in ("object", "url", "has_more")} == {
        "object": "list",
        "url": "/v1/invoices",
        "has_more": False,
    }
    assert [row["id"] for row in listed["data"]] == ["in_4", "in_2", "in_3", "in_1"]


def test_pages_meet_without_a_gap_in_both_directions(url: str) -> None:
    first = get(url, "invoices?limit=3")
    assert first["has_more"]
    assert ids(url, "invoices?limit=3&starting_after=in_3") == ["in_1"]
    assert ids(url, "invoices?limit=2&ending_before=in_3") == ["in_4", "in_2"]
    back = get(url, "invoices?limit=1&ending_before=in_1")
    assert ([row["id"] for row in back["data"]], back["has_more"]) == (["in_3"], True)


def test_created_bounds_are_to_the_second(url: str) -> None:
    at = get(url, "invoices/in_2")["created"]
    assert ids(url, f"invoices?created={at}") == ["in_2"]
    assert ids(url, f"invoices?created[gt]={at}") == ["in_4"]
    assert ids(url, f"invoices?created[lt]={at}&created[gte]={at - 9 * DAY}") == ["in_3"]


def test_a_subscription_shows_the_present_on_its_item(url: str) -> None:
    found = get(url, "subscriptions/sub_1")
    [item] = found["items"]["data"]
    assert (found["status"], found["ended_at"], item["quantity"]) == ("active", None, 7)
    assert item["price"]["unit_amount"] == 5500
    assert item["price"]["recurring"]["interval"] == "month"
    assert item["current_period_end"] - item["current_period_start"] == 30 * DAY
    assert "current_period_start" not in found


def test_ended_subscriptions_are_listed_on_request(url: str) -> None:
    assert ids(url, "subscriptions") == ["sub_3", "sub_1"]
    assert ids(url, "subscriptions?status=all") == ["sub_3", "sub_2", "sub_1"]
    assert ids(url, "subscriptions?status=ended") == ["sub_2"]
    assert get(url, "subscriptions/sub_2")["ended_at"] is not None


def test_a_line_tells_the_seats_of_its_period_and_a_slip_keeps_its_sign(url: str) -> None:
    found = get(url, "invoices/in_2")
    assert (found["total"], found["amount_due"]) == (-38500, 0)
    [line] = found["lines"]["data"]
    assert (line["quantity"], line["amount"]) == (7, -38500)
    assert line["pricing"]["unit_amount_decimal"] == "5500"
    details = line["parent"]["subscription_item_details"]
    assert (details["subscription"], details["proration"]) == ("sub_1", False)
    assert get(url, "invoices/in_1")["lines"]["data"][0]["quantity"] == 5
    assert get(url, "invoices/in_2/lines")["data"] == found["lines"]["data"]
    assert ids(url, "invoices?subscription=sub_1") == ["in_2", "in_1"]


def test_a_credit_note_names_its_invoice(url: str) -> None:
    [note] = get(url, "credit_notes?invoice=in_3")["data"]
    assert (note["total"], note["customer"]) == (2000, get(url, "invoices/in_3")["customer"])


def test_events_reach_back_thirty_days_and_show_what_was_then(url: str) -> None:
    events = get(url, "events?limit=100")["data"]
    told = [(event["type"], event["data"]["object"]["id"]) for event in events]
    assert ("customer.subscription.deleted", "sub_2") in told
    assert ("invoice.created", "in_1") not in told
    [updated] = get(url, "events?types[]=customer.subscription.updated")["data"]
    assert updated["data"]["object"]["items"]["data"][0]["quantity"] == 7
    assert call(url, f"events/{updated['id']}").status_code == 200


def test_a_deleted_customer_is_a_stub_and_its_event_the_whole(url: str) -> None:
    [event] = get(url, "events?type=customer.deleted")["data"]
    gone = event["data"]["object"]
    assert gone["name"] == "Beta"
    assert gone["id"] not in ids(url, "customers")
    assert get(url, f"customers/{gone['id']}") == {
        "id": gone["id"],
        "object": "customer",
        "deleted": True,
    }


def test_an_open_invoice_is_paid_as_time_goes_by(own_url: str) -> None:
    assert get(own_url, "invoices/in_4")["status"] == "open"
    assert call(own_url, "subscriptions/sub_4").status_code == 404
    requests.post(f"{own_url}/__sim/clock", json={"now": "2026-07-10T00:00:00Z"}, timeout=5)
    assert get(own_url, "invoices/in_4")["status"] == "paid"
    assert get(own_url, "invoices/in_4")["amount_remaining"] == 0
    assert "sub_4" in ids(own_url, "subscriptions")


REFUSED = [
    ("invoices?limit=0", 400, "parameter_invalid", "limit"),
    ("invoices?limit=101", 400, "parameter_invalid", "limit"),
    ("invoices?limit=ten", 400, "parameter_invalid", "limit"),
    ("invoices?page=2", 400, "parameter_unknown", "page"),
    ("invoices?created[from]=1", 400, "parameter_unknown", "created[from]"),
    ("invoices?starting_after=in_9", 400, "resource_missing", "starting_after"),
    ("invoices?starting_after=in_1&ending_before=in_3", 400, "parameter_invalid", "ending_before"),
    ("subscriptions?status=over", 400, "parameter_invalid", "status"),
    ("subscriptions/sub_9", 404, "resource_missing", "id"),
    ("customers/cus_9", 404, "resource_missing", "id"),
]


@pytest.mark.parametrize(("path", "status", "code", "parameter"), REFUSED)
def test_what_stripe_does_not_know_is_refused(
    url: str, path: str, status: int, code: str, parameter: str
) -> None:
    answer = call(url, path)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (status, code, parameter)
    assert error["type"] == "invalid_request_error"


def test_a_key_comes_as_bearer_or_as_basic_user(url: str) -> None:
    basic = base64.b64encode(f"{stripe.TOKEN}:".encode()).decode()
    assert call(url, "prices", Authorization=f"Basic {basic}").status_code == 200
    for wrong in ("Bearer wrong", "Basic wrong", "Basic d3Jvbmc6"):
        answer = call(url, "prices", Authorization=wrong)
        assert (answer.status_code, answer.json()["error"]["type"]) == (
            401,
            "invalid_request_error",
        )


@pytest.mark.parametrize(("version", "status"), [("2025-09-30.clover", 200), ("2024-06-20", 400)])
def test_older_versions_had_another_shape(url: str, version: str, status: int) -> None:
    answer = call(url, "prices", **{"Stripe-Version": version})
    assert answer.status_code == status
    assert answer.headers["Stripe-Version"] == stripe.VERSION


Drifted = Callable[[dict[str, Any]], bool]
DRIFTS: list[tuple[str, Drifted]] = [
    ("new-column", lambda row: row["surprise_field"] == "new"),
    ("changed-type", lambda row: isinstance(row["total"], dict)),
    ("dropped-column", lambda row: "total" not in row),
]


@pytest.mark.parametrize(("drift", "is_so"), DRIFTS)
def test_drift_is_in_lists_and_in_single_objects(own_url: str, drift: str, is_so: Drifted) -> None:
    fault = {"vendor": "stripe", "path": "invoices", "kind": "drift", "times": -1, "drift": drift}
    requests.post(f"{own_url}/__sim/faults", json=[fault], timeout=5)
    assert all(map(is_so, get(own_url, "invoices")["data"]))
    assert is_so(get(own_url, "invoices/in_1"))


def test_too_many_requests_say_so(own_url: str) -> None:
    fault = {"vendor": "stripe", "kind": "429", "retry_after": 2}
    requests.post(f"{own_url}/__sim/faults", json=[fault], timeout=5)
    answer = call(own_url, "customers")
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limit")
    assert answer.headers["Retry-After"] == "2"


def test_most_customers_name_their_company_and_some_only_have_an_address(url: str) -> None:
    found = {row["name"]: row for row in get(url, "customers")["data"]}
    assert found["Acme"]["email"] == "billing@acme.example"
    assert found["Acme"]["metadata"] in ({"hubspot_company_id": "9001"}, {"domain": "acme.example"})
    assert found["acct_3"]["metadata"] == {}
