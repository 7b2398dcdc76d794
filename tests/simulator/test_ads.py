"""Ad platforms answer in their own shapes, for what they document and for nothing else."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
import requests

from simulator import ads
from simulator.server import serving
from tests.simulator.small_company import NOW, write, write_csv

GOOGLE = "/v21/customers/1234567890/googleAds:search"
QUERY = (
    "SELECT campaign.id, segments.month, metrics.cost_micros FROM campaign"
    " WHERE segments.date BETWEEN '2026-05-01' AND '2026-06-30'"
)
LINKEDIN = (
    "/rest/adAnalytics?q=analytics&pivot=CAMPAIGN&timeGranularity=MONTHLY"
    "&dateRange=(start:(year:2026,month:5,day:1),end:(year:2026,month:6,day:30))"
    "&accounts=List(urn%3Ali%3AsponsoredAccount%3A507404993)&fields=costInUsd,dateRange"
)
META = (
    "/v23.0/act_1020304050/insights?level=campaign&fields=campaign_id,spend&time_increment=monthly"
    "&time_range[since]=2026-05-01&time_range[until]=2026-06-30"
)
SHEET = "/v4/spreadsheets/costs-demo/values/costs"
HEADERS = {
    GOOGLE: {"Authorization": f"Bearer {ads.GOOGLE_TOKEN}", "developer-token": "dev-demo"},
    LINKEDIN: {
        "Authorization": f"Bearer {ads.LINKEDIN_TOKEN}",
        "LinkedIn-Version": "202511",
        "X-Restli-Protocol-Version": "2.0.0",
    },
    META: {"Authorization": f"Bearer {ads.META_TOKEN}"},
    SHEET: {"Authorization": f"Bearer {ads.SHEETS_TOKEN}"},
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = write(tmp_path_factory.mktemp("ads") / "company")
    booked = [
        ("2026-05-01", "paid_search", "100.00", "2026-06-01T01:00:00Z"),
        ("2026-05-01", "paid_search", "99.99", "2026-06-11T01:00:00Z"),
        ("2026-05-01", "paid_search", "1.00", "2026-07-11T01:00:00Z"),
        ("2026-04-01", "paid_search", "7.00", "2026-05-01T01:00:00Z"),
        ("2026-05-01", "paid_social", "0.99", "2026-06-01T01:00:00Z"),
        ("2026-05-01", "organic", "12.5", ""),
    ]
    names = ("month", "channel", "amount_usd", "recorded_at")
    rows = [dict(zip(names, row, strict=True)) for row in booked]
    write_csv(folder / "business" / "marketing_spend.csv", rows)
    with serving(folder, now=NOW) as served:
        yield served


def call(url: str, path: str, query: str = QUERY, **headers: str) -> requests.Response:
    given = HEADERS[path] | headers
    if path == GOOGLE:
        return requests.post(url + path, json={"query": query}, headers=given, timeout=5)
    return requests.get(url + path, headers=given, timeout=5)


def test_each_platform_writes_money_in_its_own_way(url: str) -> None:
    [google] = call(url, GOOGLE).json()["results"]
    assert google["metrics"] == {"costMicros": "99990000"}
    assert google["segments"] == {"month": "2026-05-01"}
    [linkedin] = call(url, LINKEDIN).json()["elements"]
    assert linkedin["dateRange"]["end"] == {"year": 2026, "month": 5, "day": 31}
    [meta] = call(url, META).json()["data"]
    assert (meta["date_start"], meta["date_stop"]) == ("2026-05-01", "2026-05-31")
    assert Decimal(linkedin["costInUsd"]) + Decimal(meta["spend"]) == Decimal("0.99")
    assert call(url, SHEET).json()["values"] == [
        ["month", "channel", "cost_usd"],
        ["2026-05", "organic", "12.50"],
    ]


@pytest.mark.parametrize("path", HEADERS)
def test_a_wrong_token_is_refused(url: str, path: str) -> None:
    assert call(url, path, Authorization="Bearer wrong").status_code == 401


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (GOOGLE, {"developer-token": "wrong"}),
        (LINKEDIN, {"LinkedIn-Version": "latest"}),
        (LINKEDIN, {"X-Restli-Protocol-Version": "1.0.0"}),
    ],
)
def test_the_headers_a_platform_wants_are_needed(
    url: str, path: str, headers: dict[str, str]
) -> None:
    assert call(url, path, **headers).status_code in (400, 401)


@pytest.mark.parametrize(
    "query",
    ["SELECT campaign.id FROM campaign", QUERY.replace("campaign.id", "campaign.budget"), ""],
)
def test_a_query_that_google_would_not_run_is_refused(url: str, query: str) -> None:
    answer = call(url, GOOGLE, query)
    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"
