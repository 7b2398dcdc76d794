"""Marketing costs: every month as last restated, in each platform's own words."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from ingestion.errors import IngestionError
from simulator import ads
from tests.ingestion.company import DAY, NOW, Company, Vendors, contents, load_now, query
from tests.ingestion.conftest import Serve

MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)
TOTALS = {
    "google_costs": "sum(cast(cost_micros as hugeint)) / 1000000",
    "linkedin_costs": "sum(cast(cost_in_usd as decimal(18, 2)))",
    "meta_costs": "sum(cast(spend as decimal(18, 2)))",
    "other_costs": "sum(cast(cost_usd as decimal(18, 2)))",
}


def booking(month: date, channel: str, amount: str, days_ago: float) -> dict:
    return {
        "month": month,
        "channel": channel,
        "campaign": None,
        "amount_usd": Decimal(amount),
        "recorded_at": NOW - days_ago * DAY,
    }


@pytest.fixture
def company(company: Company) -> Company:
    company.tables["business/marketing_spend"] = [
        booking(MAY, "paid_search", "1000.01", 29),
        # Restated an hour after the clock starts.
        booking(MAY, "paid_search", "990.07", -1 / 24),
        booking(MAY, "paid_social", "333.33", 29),
        booking(MAY, "webinar", "250.00", 29),
        booking(MAY, "partner", "66.60", 29),
    ]
    return company


def totals() -> dict[str, float]:
    return {
        table: float(query(f"select coalesce({total}, 0) from ads.{table}")[0][0])
        for table, total in TOTALS.items()
    }


def test_every_platform_tells_its_part_to_the_cent(vendors: Vendors) -> None:
    load_now("ads")
    assert totals() == {
        "google_costs": 1000.01,
        "linkedin_costs": 200.0,
        "meta_costs": 133.33,
        "other_costs": 316.6,
    }
    assert query("select channel from ads.other_costs order by 1") == [("partner",), ("webinar",)]
    assert query("select month, currency_code from ads.google_costs") == [(MAY, "USD")]


def test_a_restated_month_replaces_the_first_figure(vendors: Vendors) -> None:
    load_now("ads")
    vendors.at(NOW + DAY)
    load_now("ads")
    assert totals()["google_costs"] == 990.07
    assert query("select count(*) from ads.google_costs") == [(1,)]


def test_nights_one_by_one_end_as_one_load(company: Company, serve: Serve) -> None:
    company.tables["business/marketing_spend"] += [
        booking(JUNE, "paid_search", "500", -2),
        booking(JUNE, "paid_search", "510", -12),
        booking(JUNE, "webinar", "10", -2),
    ]
    vendors = serve(company)
    for night in (0, 1, 3, 13, 40):
        vendors.at(NOW + night * DAY)
        load_now("ads")
    held = {table: query(f"select * exclude (_dlt_load_id) from ads.{table}") for table in TOTALS}
    assert totals()["google_costs"] == 1500.07
    assert len(held["google_costs"]) == 2


def test_what_the_platform_counts_is_what_was_loaded(vendors: Vendors) -> None:
    load_now("ads")
    counted = query("select table_name, sum(source_count) from ads.source_counts group by 1")
    assert {table: int(count) for table, count in counted} == {
        table: query(f"select count(*) from ads.{table}")[0][0] for table in TOTALS
    }


def test_loading_again_changes_nothing(vendors: Vendors) -> None:
    load_now("ads")
    before = contents("ads")
    load_now("ads")
    assert contents("ads") == before


def test_a_platform_without_a_token_is_left_out(
    vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GOOGLE", "META", "SHEETS"):
        monkeypatch.delenv(f"SOURCES__ADS__{name}_TOKEN")
    load_now("ads")
    assert totals()["linkedin_costs"] == 200.0
    assert totals()["google_costs"] == 0
    monkeypatch.delenv("SOURCES__ADS__LINKEDIN_TOKEN")
    with pytest.raises(IngestionError, match="SOURCES__ADS__GOOGLE_TOKEN"):
        load_now("ads")


def test_a_wrong_token_is_named_with_its_setting(
    vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__ADS__META_TOKEN", "wrong")
    with pytest.raises(IngestionError, match="SOURCES__ADS__META_TOKEN"):
        load_now("ads")


@pytest.mark.parametrize(
    ("platform", "table", "column"),
    [
        ("google_ads", "google_costs", "cost_micros"),
        ("linkedin_ads", "linkedin_costs", "cost_in_usd"),
        ("meta_ads", "meta_costs", "spend"),
        ("google_sheets", "other_costs", "cost_usd"),
    ],
)
def test_a_changed_column_stops_its_table_alone(
    vendors: Vendors, platform: str, table: str, column: str
) -> None:
    load_now("ads")
    vendors.at(NOW + timedelta(days=1))
    vendors.break_with(vendor=platform, kind="drift", times=-1, drift="changed-type")
    report = load_now("ads")["ads"]
    assert set(report.stopped) == {table}
    assert column in report.stopped[table]
    vendors.mend()
    assert load_now("ads")["ads"].stopped == {}
    assert totals()["google_costs"] == 990.07


@pytest.mark.parametrize("kind", ["429", "500", "cut", "duplicate"])
def test_one_fault_is_got_over(vendors: Vendors, kind: str) -> None:
    for platform in ("google_ads", "linkedin_ads", "meta_ads", "google_sheets"):
        vendors.break_with(vendor=platform, kind=kind, times=2 if kind == "duplicate" else 1)
    load_now("ads")
    assert totals()["other_costs"] == 316.6
    assert totals()["google_costs"] == 1000.01


REFRESHED = {
    "SOURCES__ADS__GOOGLE_REFRESH_TOKEN": ads.REFRESH_TOKEN,
    "SOURCES__ADS__GOOGLE_CLIENT_ID": ads.OAUTH_CLIENT[0],
    "SOURCES__ADS__GOOGLE_CLIENT_SECRET": ads.OAUTH_CLIENT[1],
}


@pytest.fixture
def refreshed(vendors: Vendors, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The settings of who has a refresh token and no access token."""
    monkeypatch.setenv("SOURCES__ADS__GOOGLE_OAUTH_HOST", vendors.url)
    for name, value in REFRESHED.items():
        monkeypatch.setenv(name, value)
    for name in ("GOOGLE_TOKEN", "SHEETS_TOKEN"):
        monkeypatch.delenv(f"SOURCES__ADS__{name}")
    return monkeypatch


def test_an_access_token_of_google_is_made_for_each_load(refreshed: pytest.MonkeyPatch) -> None:
    load_now("ads")
    assert totals()["google_costs"] == 1000.01
    assert totals()["other_costs"] == 316.6


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("REFRESH_TOKEN", "1//withdrawn", "expired or revoked"),
        ("CLIENT_SECRET", "GOCSPX-of-another", "OAuth client was not found"),
        ("CLIENT_ID", "", "SOURCES__ADS__GOOGLE_CLIENT_ID is empty"),
    ],
)
def test_a_refresh_token_that_is_not_taken_is_named(
    setting: str, value: str, said: str, refreshed: pytest.MonkeyPatch
) -> None:
    refreshed.setenv(f"SOURCES__ADS__GOOGLE_{setting}", value)
    with pytest.raises(IngestionError, match=said) as raised:
        load_now("ads")
    assert "SOURCES__ADS__GOOGLE_" in str(raised.value)
    for secret in (*REFRESHED.values(), value):
        assert not secret or secret not in str(raised.value)
