"""Faults strike the requests they are scripted for, as the vendor would fail, and no others."""

import json
import time
from collections.abc import Callable

import pyarrow as pa
import pytest
import requests

from simulator.server import running
from tests.simulator.conftest import MakeApp
from tests.simulator.small_company import HUBSPOT, POSTHOG, SURVEYMONKEY, TYPEFORM
from tests.simulator.test_posthog import EXPORTS, count, create, parquet, poll

CALLS = {
    "posthog": ("/api/projects/1/surveys/", POSTHOG, "results"),
    "hubspot": ("/crm/objects/2026-09/contacts?limit=20", HUBSPOT, "results"),
    "typeform": ("/forms/npsForm/responses?page_size=20", TYPEFORM, "items"),
    "surveymonkey": ("/v3/surveys/901/responses/bulk?per_page=20", SURVEYMONKEY, "data"),
}
each_vendor = pytest.mark.parametrize("vendor", CALLS)


def call(url: str, vendor: str) -> requests.Response:
    path, token, _ = CALLS[vendor]
    return requests.get(url + path, headers=token)


def rows(answer: requests.Response, vendor: str) -> list[dict]:
    found: list[dict] = answer.json()[CALLS[vendor][2]]
    return found


def arm(url: str, vendor: str, kind: str, **more: object) -> None:
    fault = {"vendor": vendor, "kind": kind, **more}
    assert requests.post(f"{url}/__sim/faults", json=[fault]).json() == {"armed": 1}


def move_clock(url: str, now: str) -> None:
    assert requests.post(f"{url}/__sim/clock", json={"now": now}).status_code == 200


@each_vendor
def test_a_429_says_when_to_come_back_and_then_it_works(own_vendors: str, vendor: str) -> None:
    arm(own_vendors, vendor, "429", request=2, times=2, retry_after=3)
    answers = [call(own_vendors, vendor) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 429, 429, 200]
    assert answers[1].headers["Retry-After"] == "3"


@each_vendor
def test_a_429_may_come_without_a_hint(own_vendors: str, vendor: str) -> None:
    arm(own_vendors, vendor, "429-no-retry-after")
    answer = call(own_vendors, vendor)
    assert (answer.status_code, "Retry-After" in answer.headers) == (429, False)


def test_a_429_has_the_vendors_body(own_vendors: str) -> None:
    for vendor in CALLS:
        arm(own_vendors, vendor, "429")
    posthog, hubspot, typeform, surveymonkey = (
        call(own_vendors, vendor).json() for vendor in CALLS
    )
    assert posthog["type"] == "throttled_error"
    assert (hubspot["category"], hubspot["policyName"]) == ("RATE_LIMITS", "TEN_SECONDLY_ROLLING")
    assert typeform["code"] == "TOO_MANY_REQUESTS"
    assert surveymonkey["error"]["id"] == "1040"


@each_vendor
def test_a_500_strikes_the_numbered_request_only(own_vendors: str, vendor: str) -> None:
    arm(own_vendors, vendor, "500", request=3)
    assert [call(own_vendors, vendor).status_code for _ in range(4)] == [200, 200, 500, 200]


@each_vendor
def test_a_cut_answer_announces_more_than_it_sends(own_vendors: str, vendor: str) -> None:
    arm(own_vendors, vendor, "cut")
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        call(own_vendors, vendor)
    assert call(own_vendors, vendor).status_code == 200


def test_a_cut_file_announces_more_than_it_sends(own_vendors: str) -> None:
    run = create(own_vendors).json()["id"]
    poll(own_vendors, run)
    arm(own_vendors, "posthog", "cut", path="^/posthog-batch-exports/")
    path = f"{own_vendors}{EXPORTS}{run}/download/"
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        requests.get(path, headers=POSTHOG)
    assert requests.get(path, headers=POSTHOG).content[-4:] == b"PAR1"


@each_vendor
def test_a_timeout_keeps_the_reader_waiting(own_vendors: str, vendor: str) -> None:
    arm(own_vendors, vendor, "timeout", seconds=0.3)
    began = time.monotonic()
    status = call(own_vendors, vendor).status_code
    assert (status, time.monotonic() - began > 0.3) == (500, True)


def test_the_server_answers_others_while_one_waits_and_gives_up_on_the_gone(
    own_vendors: str,
) -> None:
    arm(own_vendors, "hubspot", "timeout", seconds=30)
    path, token, _ = CALLS["hubspot"]
    began = time.monotonic()
    with pytest.raises(requests.Timeout):
        requests.get(own_vendors + path, headers=token, timeout=0.2)
    assert call(own_vendors, "hubspot").status_code == 200
    assert time.monotonic() - began < 5


@each_vendor
def test_an_expired_token_stays_expired_until_the_fault_is_cleared(
    own_vendors: str, vendor: str
) -> None:
    arm(own_vendors, vendor, "expired-token", request=2)
    before = [call(own_vendors, vendor).status_code for _ in range(4)]
    requests.delete(f"{own_vendors}/__sim/faults")
    assert (before, call(own_vendors, vendor).status_code) == ([200, 401, 401, 401], 200)


@each_vendor
def test_a_duplicate_delivers_every_row_of_the_page_twice(own_vendors: str, vendor: str) -> None:
    once = rows(call(own_vendors, vendor), vendor)
    arm(own_vendors, vendor, "duplicate")
    twice = rows(call(own_vendors, vendor), vendor)
    assert twice == [row for row in once for _ in range(2)]


@each_vendor
def test_a_drop_loses_a_tenth_of_the_page(own_vendors: str, vendor: str) -> None:
    before = rows(call(own_vendors, vendor), vendor)
    arm(own_vendors, vendor, "drop")
    lost = {"posthog": 1}.get(vendor, 2)
    assert rows(call(own_vendors, vendor), vendor) == before[:-lost]


@each_vendor
def test_late_rows_are_the_newest_and_come_when_the_clock_moves(
    own_vendors: str, vendor: str
) -> None:
    before = rows(call(own_vendors, vendor), vendor)
    arm(own_vendors, vendor, "late", times=-1)
    held = rows(call(own_vendors, vendor), vendor)
    move_clock(own_vendors, "2026-06-30T12:00:01Z")
    after = rows(call(own_vendors, vendor), vendor)
    assert len(before) - len(held) == {"posthog": 1}.get(vendor, 2)
    assert after == before
    if vendor == "hubspot":
        missing = [row["updatedAt"] for row in before if row not in held]
        assert min(missing) >= max(row["updatedAt"] for row in held)


def test_a_duplicated_export_holds_every_event_twice(own_vendors: str) -> None:
    once = parquet(own_vendors)["uuid"].to_pylist()
    arm(own_vendors, "posthog", "duplicate", path="file_download_batch_exports/$")
    twice = parquet(own_vendors)["uuid"].to_pylist()
    assert sorted(twice) == sorted(once * 2)


def test_a_fault_in_the_download_bends_the_file_too(own_vendors: str) -> None:
    arm(own_vendors, "posthog", "drop", path="/download")
    assert parquet(own_vendors).num_rows == 61 - 7


def test_late_events_leave_their_interval_and_arrive_in_the_next(own_vendors: str) -> None:
    whole = set(parquet(own_vendors)["uuid"].to_pylist())
    arm(own_vendors, "posthog", "late", path="file_download_batch_exports/$", method="POST")
    held = set(parquet(own_vendors)["uuid"].to_pylist())
    counted_before = sum(count(own_vendors, "2026-06-01").values())
    move_clock(own_vendors, "2026-06-30T13:00:00Z")
    following = parquet(
        own_vendors,
        data_interval_start="2026-06-30T00:00:00Z",
        data_interval_end="2026-06-30T13:00:00Z",
    )
    again = set(parquet(own_vendors)["uuid"].to_pylist())
    assert len(whole - held) in (6, 7)
    assert set(following["uuid"].to_pylist()) == whole - held
    assert {at.hour for at in following["_inserted_at"].to_pylist()} == {12}
    assert again == held
    assert (counted_before, sum(count(own_vendors, "2026-06-01").values())) == (
        len(held),
        len(whole),
    )


def has_extra_column(table: pa.Table) -> bool:
    return "surprise_field" in table.column_names


def has_times_as_text(table: pa.Table) -> bool:
    return table.schema.field("timestamp").type == pa.string()


def lacks_elements(table: pa.Table) -> bool:
    return "elements_chain" not in table.column_names


PARQUET_DRIFTS: dict[str, Callable[[pa.Table], bool]] = {
    "new-column": has_extra_column,
    "changed-type": has_times_as_text,
    "dropped-column": lacks_elements,
}


@pytest.mark.parametrize("kind", PARQUET_DRIFTS)
def test_an_export_drifts(own_vendors: str, kind: str) -> None:
    drifted = PARQUET_DRIFTS[kind]
    before = parquet(own_vendors)
    arm(own_vendors, "posthog", "drift", drift=kind, path="file_download_batch_exports/$")
    after = parquet(own_vendors)
    assert (drifted(before), drifted(after)) == (False, True)
    assert after.num_rows == before.num_rows


def test_hubspot_drifts(own_vendors: str) -> None:
    for kind in ("new-column", "changed-type", "dropped-column"):
        arm(own_vendors, "hubspot", "drift", drift=kind, times=-1)
    row = rows(call(own_vendors, "hubspot"), "hubspot")[0]
    names = requests.get(f"{own_vendors}/crm/properties/2026-09/contacts", headers=HUBSPOT).json()
    assert row["properties"]["surprise_field"] == "new"
    assert row["properties"]["hs_object_id"] == 1000
    assert "updatedAt" not in row
    assert "surprise_field" in {row["name"] for row in names["results"]}


def test_typeform_drifts(own_vendors: str) -> None:
    for kind in ("new-column", "changed-type", "dropped-column"):
        arm(own_vendors, "typeform", "drift", drift=kind, times=-1)
    row = rows(call(own_vendors, "typeform"), "typeform")[0]
    assert row["surprise_field"] == "new"
    assert row["answers"][0]["number"] == "5"
    assert "submitted_at" not in row


def test_surveymonkey_drifts(own_vendors: str) -> None:
    for kind in ("new-column", "changed-type", "dropped-column"):
        arm(own_vendors, "surveymonkey", "drift", drift=kind, times=-1)
    row = rows(call(own_vendors, "surveymonkey"), "surveymonkey")[0]
    assert (row["surprise_field"], row["total_time"]) == ("new", "0 s")
    assert "response_status" not in row


def test_a_fault_counts_only_the_requests_it_is_meant_for(own_vendors: str) -> None:
    arm(own_vendors, "hubspot", "500", path="/deals", method="GET", request=2)
    paths = ["contacts", "deals", "contacts", "deals", "deals"]
    statuses = [
        requests.get(f"{own_vendors}/crm/objects/2026-09/{path}", headers=HUBSPOT).status_code
        for path in paths
    ]
    assert statuses == [200, 200, 200, 500, 200]


@pytest.mark.parametrize(
    "script",
    [
        {},
        ["429"],
        [{"vendor": "salesforce", "kind": "429"}],
        [{"vendor": "hubspot", "kind": "418"}],
        [{"vendor": "hubspot", "kind": "drift", "drift": "renamed"}],
        [{"vendor": "hubspot", "kind": "429", "request": 0}],
        [{"vendor": "hubspot", "kind": "429", "time": 1}],
        [{"vendor": "hubspot", "kind": "429", "times": True}],
        [{"vendor": "hubspot", "kind": "429", "path": "("}],
    ],
    ids=json.dumps,
)
def test_a_script_that_cannot_be_carried_out_is_refused(vendors: str, script: object) -> None:
    answer = requests.post(f"{vendors}/__sim/faults", json=script)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


def test_requests_are_counted_by_vendor_and_path(own_vendors: str) -> None:
    for vendor in ("hubspot", "hubspot", "typeform"):
        call(own_vendors, vendor)
    create(own_vendors)
    counted = requests.get(f"{own_vendors}/__sim/requests").json()
    requests.delete(f"{own_vendors}/__sim/requests")
    assert counted == {
        "total": 4,
        "by_vendor": {"hubspot": 2, "typeform": 1, "posthog": 1},
        "by_path": {
            "/crm/objects/2026-09/contacts": 2,
            "/forms/npsForm/responses": 1,
            EXPORTS: 1,
        },
    }
    assert requests.get(f"{own_vendors}/__sim/requests").json()["total"] == 0


def test_rate_limits_are_off_unless_asked_for(own_vendors: str) -> None:
    assert {call(own_vendors, "typeform").status_code for _ in range(20)} == {200}


def test_rate_limits_refuse_as_each_vendor_does(make_app: MakeApp) -> None:
    searches = "/crm/objects/2026-09/deals/search"
    with running(make_app(rate_limits=True)) as url:
        typeform = [call(url, "typeform") for _ in range(3)]
        hubspot = [requests.post(url + searches, json={}, headers=HUBSPOT) for _ in range(6)]
        assert [answer.status_code for answer in typeform] == [200, 200, 429]
        assert [answer.status_code for answer in hubspot] == [200] * 5 + [429]
        assert hubspot[-1].json()["policyName"] == "SECONDLY"
        assert int(typeform[-1].headers["Retry-After"]) == 1
        time.sleep(1.0)
        assert call(url, "typeform").status_code == 200


def test_the_ten_second_limit_counts_down_in_the_headers(make_app: MakeApp) -> None:
    with running(make_app(rate_limits=True)) as url:
        answers = [call(url, "hubspot") for _ in range(101)]
    remaining = [int(answer.headers["X-HubSpot-RateLimit-Remaining"]) for answer in answers[:3]]
    assert [answer.status_code for answer in answers] == [200] * 100 + [429]
    assert remaining == [99, 98, 97]
