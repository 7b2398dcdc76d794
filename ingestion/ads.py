"""What marketing costs by month: Google, LinkedIn and Meta by campaign, a sheet by channel.

months (what is new at one platform) → google_costs, linkedin_costs, meta_costs, other_costs,
source_counts. Try it alone: `python -m ingestion ads`.
"""

from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, partial

import dlt
from dlt.extract import DltResource

from ingestion.checking import can_be_checked
from ingestion.errors import SettingError, VendorError
from ingestion.http import Api
from ingestion.tables import BOOL, DATE, TEXT, Row, Table, source_counts

# A month of an account is the unit that is replaced: a campaign that is gone from its month goes
# from the table. Costs stay as text, as sent: three platforms write money in three ways.
GOOGLE = Table(
    "ads",
    "google_costs",
    {
        "customer_id": TEXT,
        "month": DATE,
        "campaign_id": TEXT,
        "campaign_name": TEXT,
        "currency_code": TEXT,
        "cost_micros": TEXT,
        "is_deleted": BOOL,
    },
    primary_key=("customer_id", "month", "campaign_id"),
    merge_key=("customer_id", "month"),
    deleted_flag="is_deleted",
)
LINKEDIN = Table(
    "ads",
    "linkedin_costs",
    {
        "account_id": TEXT,
        "month": DATE,
        "campaign_urn": TEXT,
        "cost_in_usd": TEXT,
        "is_deleted": BOOL,
    },
    primary_key=("account_id", "month", "campaign_urn"),
    merge_key=("account_id", "month"),
    deleted_flag="is_deleted",
)
META = Table(
    "ads",
    "meta_costs",
    {
        "account_id": TEXT,
        "month": DATE,
        "campaign_id": TEXT,
        "campaign_name": TEXT,
        "account_currency": TEXT,
        "spend": TEXT,
        "is_deleted": BOOL,
    },
    primary_key=("account_id", "month", "campaign_id"),
    merge_key=("account_id", "month"),
    deleted_flag="is_deleted",
)
OTHER = Table(
    "ads",
    "other_costs",
    {
        "spreadsheet_id": TEXT,
        "month": DATE,
        "channel": TEXT,
        "cost_usd": TEXT,
        "is_deleted": BOOL,
    },
    primary_key=("spreadsheet_id", "month", "channel"),
    merge_key=("spreadsheet_id", "month"),
    deleted_flag="is_deleted",
)
COUNTS = source_counts("ads")
COSTS = (GOOGLE, LINKEDIN, META, OTHER)
TABLES = (*COSTS, COUNTS)

TOKENS = ("google_token", "google_refresh_token", "linkedin_token", "meta_token", "sheets_token")
# Platforms take clicks back for up to thirty days; a day more for their clocks.
RESTATED = timedelta(days=31)
# Meta's insights reach back 37 months and refuse what is older.
HISTORY_MONTHS = 36
# LinkedIn retires a version of its API after a year.
LINKEDIN_VERSION = "202511"
META_PAGE = 500
QUERY = (
    "SELECT customer.currency_code, campaign.id, campaign.name, segments.month,"
    " metrics.cost_micros FROM campaign WHERE segments.date BETWEEN '{since}' AND '{until}'"
)


@dataclass(frozen=True)
class Platform:
    """One account at one platform: where its rows go and how they are read."""

    table: Table
    account: str
    api: Api
    read: Callable[["Platform", date, date], Iterator[Row]]

    def today(self) -> date:
        """The platform's own day, which any answer tells; how far to read depends on it."""
        any_day = date.today()  # noqa: DTZ011 - decides nothing
        list(self.read(self, any_day, any_day))
        return self.api.now.date()


@dataclass(frozen=True)
class Months:
    """Every cost of a platform in some whole months."""

    platform: Platform
    months: Sequence[date]
    rows: Sequence[Row]


@dlt.source(name="ads", section="ads", max_table_nesting=0)
def ads(
    google_host: str = "https://googleads.googleapis.com",
    google_token: str | None = None,
    google_developer_token: str | None = None,
    google_customer_id: str | None = None,
    google_oauth_host: str = "https://oauth2.googleapis.com",
    google_client_id: str | None = None,
    google_client_secret: str | None = None,
    google_refresh_token: str | None = None,
    linkedin_host: str = "https://api.linkedin.com",
    linkedin_token: str | None = None,
    linkedin_account_id: str | None = None,
    meta_host: str = "https://graph.facebook.com",
    meta_token: str | None = None,
    meta_account_id: str | None = None,
    sheets_host: str = "https://sheets.googleapis.com",
    sheets_token: str | None = None,
    sheets_spreadsheet_id: str | None = None,
    stopped: Sequence[str] = (),
) -> Iterable[DltResource]:
    """Load the costs of every platform there is a token for, but for the tables in `stopped`.

    Google's access tokens last an hour; with a refresh token and the client that it was given to a
    new one is made for each load, for Google Ads and for Sheets.
    """
    has_google = google_token or google_refresh_token
    accounts = (
        (has_google, google_customer_id),
        (linkedin_token, linkedin_account_id),
        (meta_token, meta_account_id),
        (sheets_token or google_refresh_token, sheets_spreadsheet_id),
    )
    if not any(token and account for token, account in accounts):
        raise SettingError(
            "ads: neither SOURCES__ADS__GOOGLE_TOKEN nor SOURCES__ADS__GOOGLE_REFRESH_TOKEN is set,"
            " nor is another platform's token with its account; set one in .env and run again"
        )

    # Asked for when it is read: sources are set up one at a time, and Google may be slow.
    @cache
    def fresh() -> str:
        client = (google_client_id or "", google_client_secret or "")
        return _fresh_google_token(google_refresh_token or "", client, google_oauth_host)

    @cache
    def platforms() -> list[Platform]:
        found = []
        if has_google and google_customer_id:
            developer_token = google_developer_token or ""
            token = google_token or fresh()
            found.append(_google(token, google_customer_id, google_host, developer_token))
        if linkedin_token and linkedin_account_id:
            found.append(_linkedin(linkedin_token, linkedin_account_id, linkedin_host))
        if meta_token and meta_account_id:
            found.append(_meta(meta_token, meta_account_id, meta_host))
        if (sheets_token or google_refresh_token) and sheets_spreadsheet_id:
            found.append(_sheet(sheets_token or fresh(), sheets_spreadsheet_id, sheets_host))
        return found

    can_be_checked(lambda: [platform.today() for platform in platforms()])
    parent = dlt.resource(lambda: _months(platforms(), stopped), name="months", selected=False)
    return (
        *(table.transformer(parent, partial(_cost_rows, table)) for table in COSTS),
        COUNTS.transformer(parent, _count_rows),
    )


def _months(platforms: Sequence[Platform], stopped: Sequence[str]) -> Iterator[Months]:
    """What each platform can still have changed since it was last read, in whole months."""
    state = dlt.current.source_state()
    read_until: dict[str, str] = state.setdefault("read_until", {})
    # All tables are read together: what was left out is read again from its beginning.
    for table in [table for table in state.get("stopped", {}) if table not in stopped]:
        for account in [each for each in read_until if each.startswith(f"{table}:")]:
            del read_until[account]
    for platform in platforms:
        if platform.table.name in stopped:
            continue
        account = f"{platform.table.name}:{platform.account}"
        before = read_until.get(account)
        today, rows = _read(platform, date.fromisoformat(before) if before else None)
        yield rows
        read_until[account] = today.isoformat()
        state["vendor_now"] = platform.api.now.isoformat()


def _read(platform: Platform, before: date | None) -> tuple[date, Months]:
    """The months from the last that may have been restated to that of the platform's today."""
    today = platform.today()
    since = _month(before - RESTATED) if before else _months_before(today, HISTORY_MONTHS)
    rows = list(platform.read(platform, since, today))
    # A sheet is read whole, whatever is asked for.
    found = [row["month"] for row in rows if isinstance(row["month"], date)]
    months = _span(min([since, *found]), max([today, *found]))
    return today, Months(platform, months, rows)


def _month(day: date) -> date:
    return day.replace(day=1)


def _months_before(day: date, count: int) -> date:
    years, month = divmod(day.year * 12 + day.month - 1 - count, 12)
    return date(years, month + 1, 1)


def _span(first: date, last: date) -> list[date]:
    """Every month from that of one day to that of another."""
    count = (last.year - first.year) * 12 + last.month - first.month
    return [_months_before(last, back) for back in range(count, -1, -1)]


def _fresh_google_token(refresh_token: str, client: tuple[str, str], host: str) -> str:
    """Return an access token for the next hour (RFC 6749, section 6)."""
    for name, value in zip(("CLIENT_ID", "CLIENT_SECRET"), client, strict=True):
        if not value:
            raise SettingError(
                f"ads: SOURCES__ADS__GOOGLE_{name} is empty; a refresh token needs the OAuth client"
                " that it was given to; set it in .env"
            )
    login = {"Authorization": f"Basic {b64encode(':'.join(client).encode()).decode()}"}
    scopes = "adwords or spreadsheets.readonly"
    field, host_field = "google_refresh_token", "google_oauth_host"
    api = Api("ads", host, refresh_token, field, scopes, None, host_field, login)
    try:
        answer = api.form("/token", {"grant_type": "refresh_token", "refresh_token": refresh_token})
    except VendorError as error:
        raise VendorError(
            f"{error}; Google gave no access token for SOURCES__ADS__GOOGLE_REFRESH_TOKEN: check it"
            " and SOURCES__ADS__GOOGLE_CLIENT_ID and _SECRET, or have a new one made"
        ) from error
    return str(answer["access_token"])


def _google(token: str, account: str, host: str, developer_token: str) -> Platform:
    headers = {"developer-token": developer_token}
    api = Api("ads", host, token, "google_token", "adwords", None, "google_host", headers)
    return Platform(GOOGLE, account, api, _google_rows)


def _google_rows(platform: Platform, since: date, until: date) -> Iterator[Row]:
    path = f"/v21/customers/{platform.account}/googleAds:search"
    body = {"query": QUERY.format(since=since, until=until)}
    while True:
        page = platform.api.post(path, body)
        for item in page.get("results", ()):
            yield {
                "customer_id": platform.account,
                "month": date.fromisoformat(item["segments"]["month"]),
                "campaign_id": item["campaign"]["id"],
                "campaign_name": item["campaign"]["name"],
                "currency_code": item["customer"]["currencyCode"],
                "cost_micros": item["metrics"]["costMicros"],
            }
        if not page.get("nextPageToken"):
            return
        body = {**body, "pageToken": page["nextPageToken"]}


def _linkedin(token: str, account: str, host: str) -> Platform:
    headers = {"LinkedIn-Version": LINKEDIN_VERSION, "X-Restli-Protocol-Version": "2.0.0"}
    scopes = "r_ads_reporting"
    api = Api("ads", host, token, "linkedin_token", scopes, None, "linkedin_host", headers)
    return Platform(LINKEDIN, account, api, _linkedin_rows)


def _linkedin_rows(platform: Platform, since: date, until: date) -> Iterator[Row]:
    # Rest.li wants its own brackets as they are, so the query is no parameter that gets encoded.
    span = f"(start:{_restli(since)},end:{_restli(until)})"
    page = platform.api.get(
        "/rest/adAnalytics?q=analytics&pivot=CAMPAIGN&timeGranularity=MONTHLY"
        f"&dateRange={span}&accounts=List(urn%3Ali%3AsponsoredAccount%3A{platform.account})"
        "&fields=costInUsd,dateRange,pivotValues"
    )
    for item in page["elements"]:
        start = item["dateRange"]["start"]
        yield {
            "account_id": platform.account,
            "month": date(start["year"], start["month"], 1),
            "campaign_urn": item["pivotValues"][0],
            "cost_in_usd": item["costInUsd"],
        }


def _restli(day: date) -> str:
    return f"(year:{day.year},month:{day.month},day:{day.day})"


def _meta(token: str, account: str, host: str) -> Platform:
    api = Api("ads", host, token, "meta_token", "ads_read", None, "meta_host")
    return Platform(META, account, api, _meta_rows)


def _meta_rows(platform: Platform, since: date, until: date) -> Iterator[Row]:
    asked: dict[str, str | int] = {
        "level": "campaign",
        "fields": "account_currency,campaign_id,campaign_name,spend",
        "time_increment": "monthly",
        "time_range[since]": since.isoformat(),
        "time_range[until]": until.isoformat(),
        "limit": META_PAGE,
    }
    while True:
        page = platform.api.get(f"/v23.0/act_{platform.account}/insights", asked)
        for item in page["data"]:
            yield {
                "account_id": platform.account,
                "month": _month(date.fromisoformat(item["date_start"])),
                "campaign_id": item["campaign_id"],
                "campaign_name": item["campaign_name"],
                "account_currency": item["account_currency"],
                "spend": item["spend"],
            }
        paging = page.get("paging", {})
        if not paging.get("next"):
            return
        asked["after"] = paging["cursors"]["after"]


def _sheet(token: str, account: str, host: str) -> Platform:
    scopes = "spreadsheets.readonly"
    api = Api("ads", host, token, "sheets_token", scopes, None, "sheets_host")
    return Platform(OTHER, account, api, _sheet_rows)


def _sheet_rows(platform: Platform, since: date, until: date) -> Iterator[Row]:
    """Rows of the sheet `costs`, whose first line names month, channel and cost_usd."""
    page = platform.api.get(f"/v4/spreadsheets/{platform.account}/values/costs")
    header, *lines = page.get("values") or [["month", "channel", "cost_usd"]]
    for line in lines:
        cells = dict(zip(header, line, strict=False))
        yield {
            "spreadsheet_id": platform.account,
            "month": date.fromisoformat(f"{cells['month']}-01"),
            "channel": cells["channel"],
            "cost_usd": cells["cost_usd"],
        }


def _cost_rows(table: Table, found: Months) -> Iterator[Sequence[Row]]:
    if found.platform.table is not table:
        return
    account, _, name = table.primary_key
    # A name of its own for what empties a month, for dlt keeps one row a key before it deletes.
    gone = [
        {account: found.platform.account, "month": month, name: "", "is_deleted": True}
        for month in found.months
    ]
    yield [*gone, *found.rows]


def _count_rows(found: Months) -> Iterator[Sequence[Row]]:
    counted = Counter(row["month"] for row in found.rows)
    yield [
        {
            "table_name": found.platform.table.name,
            "scope": f"{found.platform.account} {month:%Y-%m}",
            "source_count": counted[month],
            "counted_at": found.platform.api.now,
        }
        for month in found.months
    ]
