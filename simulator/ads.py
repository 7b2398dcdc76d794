"""What marketing costs: three ad platforms' reports in their own shapes, and a sheet of the rest.

A company books its spend by month and channel; the platforms report the same months by campaign.
Paid search is all Google's; paid social is shared by LinkedIn and Meta, to the cent.
"""

import re
import zlib
from base64 import b64encode
from calendar import monthrange
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.company import Company
from simulator.faults import DRIFT_NAME, bend_rows, drifts
from simulator.wire import (
    Clock,
    Limit,
    Refusal,
    Row,
    answer,
    bearer,
    bends,
    json_body,
    known_keys,
    parameters,
    single,
    take,
    whole,
)

GOOGLE_TOKEN, LINKEDIN_TOKEN, META_TOKEN = "ya29.demo", "AQX-demo", "EAA-demo"
REFRESH_TOKEN = "1//refresh-demo"
OAUTH_CLIENT = ("client-demo.apps.googleusercontent.com", "GOCSPX-demo")
SHEETS_TOKEN, DEVELOPER_TOKEN = "ya29.sheets-demo", "dev-demo"
CUSTOMER, ACCOUNT, ACT, SHEET = "1234567890", "507404993", "1020304050", "costs-demo"
GOOGLE_PAGE, LARGEST_META_PAGE = 10_000, 500
LINKEDIN_SHARE = Decimal("0.6")
# Campaigns of a channel whose bookings name none.
CAMPAIGNS = {
    "google_ads": "brand-and-category",
    "linkedin_ads": "agency-owners",
    "meta_ads": "agency-owners-lookalike",
}
DAY_TEXT = re.compile(r"\d{4}-\d\d-\d\d")
GAQL = re.compile(
    r"SELECT (?P<fields>[a-z_., ]+) FROM campaign"
    r" WHERE segments\.date BETWEEN '(?P<since>[0-9-]+)' AND '(?P<until>[0-9-]+)'"
)
GAQL_FIELDS = {
    "campaign.id": ("campaign", "id"),
    "campaign.name": ("campaign", "name"),
    "customer.currency_code": ("customer", "currencyCode"),
    "segments.month": ("segments", "month"),
    "metrics.cost_micros": ("metrics", "costMicros"),
}
RESTLI_DATE = r"\(year:(\d{4}),month:(\d{1,2}),day:(\d{1,2})\)"
RESTLI_RANGE = re.compile(rf"\(start:{RESTLI_DATE},end:{RESTLI_DATE}\)")
RESTLI_ACCOUNTS = re.compile(r"List\(urn:li:sponsoredAccount:(\d+)\)")
LINKEDIN_FIELDS = ("costInUsd", "dateRange", "pivotValues")
META_FIELDS = ("account_currency", "campaign_id", "campaign_name", "spend")


@dataclass(frozen=True)
class Cost:
    """What one campaign cost in one month, as it is booked now."""

    month: date
    campaign: str
    amount: Decimal

    @property
    def number(self) -> int:
        """An id that stays the same for a name."""
        return 10_000_000 + zlib.crc32(self.campaign.encode()) % 90_000_000

    @property
    def last_day(self) -> date:
        return self.month.replace(day=monthrange(self.month.year, self.month.month)[1])


class Books:
    """A company's bookings, of which the latest that is recorded counts."""

    def __init__(self, company: Company, clock: Clock) -> None:
        self._rows = company.spend
        self._clock = clock

    def _booked(self) -> dict[tuple[date, str, str | None], Decimal]:
        recorded = [row for row in self._rows if row["recorded_at"] <= self._clock.now]
        recorded.sort(key=lambda row: row["recorded_at"])
        return {
            (row["month"], row["channel"], row["campaign"]): row["amount_usd"] for row in recorded
        }

    def costs(self, platform: str) -> list[Cost]:
        """The costs of a platform's campaigns, or of `other` channels in the place of campaigns."""
        found: dict[tuple[date, str], Decimal] = defaultdict(Decimal)
        for (month, channel, campaign), amount in self._booked().items():
            for owner, share in _shares(channel, amount).items():
                if owner == platform:
                    name = channel if owner == "other" else campaign or CAMPAIGNS[owner]
                    found[month, name] += share
        return [Cost(month, name, amount) for (month, name), amount in sorted(found.items())]


def _shares(channel: str, amount: Decimal) -> dict[str, Decimal]:
    if channel == "paid_search":
        return {"google_ads": amount}
    if channel == "paid_social":
        linkedin = (amount * LINKEDIN_SHARE).quantize(Decimal("0.01"))
        return {"linkedin_ads": linkedin, "meta_ads": amount - linkedin}
    return {"other": amount}


def _day(text: str, name: str, refuse: Callable[[str, str], Refusal]) -> date:
    try:
        if not DAY_TEXT.fullmatch(text):
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError as error:
        raise refuse(name, f"must be a day such as 2026-05-01, not {text!r}") from error


class Platform:
    """What the four have in common: one endpoint behind a token."""

    name: str
    token: ClassVar[str]
    path: ClassVar[str]
    method: ClassVar[str] = "GET"

    def __init__(self, books: Books) -> None:
        self._books = books
        self.limits: list[Limit] = []

    def owns(self, path: str) -> bool:
        pattern = re.sub(r"\{\w+\}", "[^/]+", self.path.replace(".", r"\."))
        return re.fullmatch(pattern, path) is not None

    def routes(self) -> list[Route]:
        return [Route(self.path, self.report, methods=[self.method])]

    def authorise(self, request: Request) -> None:
        if bearer(request) != self.token:
            raise self.refusal(401)

    def headers(self, path: str) -> dict[str, str]:
        return {}

    def refusal(self, status: int, detail: str = "", limit: str = "") -> Refusal:
        raise NotImplementedError

    def refuse(self, name: str, message: str) -> Refusal:
        return self.refusal(400, f"{name} {message}".strip())

    async def report(self, request: Request) -> Response:
        raise NotImplementedError

    def costs(self, request: Request, since: date, until: date) -> list[Cost]:
        """The costs of whole months that a range of days touches, after the faults in force."""
        every = [
            cost
            for cost in self._books.costs(self.name)
            if cost.last_day >= since and cost.month <= until
        ]
        return bend_rows(every, bends(request), lambda cost: cost.month)


def _drifted(rows: list[Row], request: Request, cost: Callable[[Row], Row], key: str) -> list[Row]:
    """The rows after the vendor changed their format without telling anyone."""
    kinds = drifts(bends(request))
    for row in rows:
        holder = cost(row)
        if "new-column" in kinds:
            row[DRIFT_NAME] = "new"
        if "changed-type" in kinds:
            holder[key] = {"value": holder[key]}
        if "dropped-column" in kinds:
            holder.pop(key, None)
    return rows


def _itself(row: Row) -> Row:
    return row


GOOGLE_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
}


def _google_refusal(status: int, detail: str) -> Refusal:
    message = detail or "The request could not be served."
    error = {"code": status, "message": message, "status": GOOGLE_STATUS.get(status, "INTERNAL")}
    return Refusal(status, {"error": error})


class GoogleOAuth(Platform):
    """oauth2.googleapis.com: an access token for a refresh token."""

    name, token, method = "google_oauth", REFRESH_TOKEN, "POST"
    path = "/token"

    def refusal(self, status: int, detail: str = "", limit: str = "") -> Refusal:
        return self._refusal(status, "invalid_request", detail or "Bad Request")

    def _refusal(self, status: int, error: str, detail: str) -> Refusal:
        return Refusal(status, {"error": error, "error_description": detail})

    def authorise(self, request: Request) -> None:
        login = b64encode(":".join(OAUTH_CLIENT).encode()).decode()
        if request.headers.get("Authorization") != f"Basic {login}":
            raise self._refusal(401, "invalid_client", "The OAuth client was not found.")

    async def report(self, request: Request) -> Response:
        parameters(request, (), self.refuse)
        fields = dict(parse_qsl((await request.body()).decode()))
        known_keys(fields, ("grant_type", "refresh_token"), self.refuse)
        if fields.get("grant_type") != "refresh_token":
            raise self._refusal(400, "unsupported_grant_type", "Invalid grant_type")
        if fields.get("refresh_token") != REFRESH_TOKEN:
            raise self._refusal(400, "invalid_grant", "Token has been expired or revoked.")
        return answer({"access_token": GOOGLE_TOKEN, "expires_in": 3599, "token_type": "Bearer"})


class GoogleAds(Platform):
    """googleads.googleapis.com: one query in Google's own language."""

    name, token, method = "google_ads", GOOGLE_TOKEN, "POST"
    path = "/v21/customers/{customer}/googleAds:search"

    def refusal(self, status: int, detail: str = "", limit: str = "") -> Refusal:
        return _google_refusal(status, detail)

    def authorise(self, request: Request) -> None:
        super().authorise(request)
        if request.headers.get("developer-token") != DEVELOPER_TOKEN:
            raise self.refusal(401, "The developer token is missing or not valid.")

    async def report(self, request: Request) -> Response:
        if request.path_params["customer"] != CUSTOMER:
            raise self.refusal(403, "The caller does not have permission")
        parameters(request, (), self.refuse)
        body = await json_body(request, self.refuse)
        known_keys(body, ("query", "pageToken"), self.refuse)
        query = GAQL.fullmatch(take(body, "query", str, self.refuse, required=True))
        if query is None:
            raise self.refuse("query", "is not of a form that is known here")
        fields = query["fields"].split(", ")
        for field in fields:
            if field not in GAQL_FIELDS:
                raise self.refuse(field, "is not a field of campaign that is known here")
        since, until = (_day(query[name], name, self.refuse) for name in ("since", "until"))
        token = take(body, "pageToken", str, self.refuse)
        start = whole(token, "pageToken", 0, (0, 10**9), self.refuse)
        costs = self.costs(request, since, until)
        page = [_google_row(cost, fields) for cost in costs[start : start + GOOGLE_PAGE]]
        found = _drifted(page, request, lambda row: row["metrics"], "costMicros")
        more = {"nextPageToken": str(start + GOOGLE_PAGE)} if costs[start + GOOGLE_PAGE :] else {}
        mask = ",".join(".".join(GAQL_FIELDS[field]) for field in fields)
        return answer({"results": found, **more, "fieldMask": mask})


def _google_row(cost: Cost, fields: list[str]) -> Row:
    told: Mapping[str, Any] = {
        "campaign.id": str(cost.number),
        "campaign.name": cost.campaign,
        "customer.currency_code": "USD",
        "segments.month": cost.month.isoformat(),
        "metrics.cost_micros": str(int(cost.amount * 1_000_000)),
    }
    row: Row = {
        "campaign": {"resourceName": f"customers/{CUSTOMER}/campaigns/{cost.number}"},
        "customer": {"resourceName": f"customers/{CUSTOMER}"},
        "metrics": {},
    }
    for field in fields:
        part, name = GAQL_FIELDS[field]
        row.setdefault(part, {})[name] = told[field]
    return row


class LinkedInAds(Platform):
    """api.linkedin.com: analytics in Rest.li's own query syntax."""

    name, token = "linkedin_ads", LINKEDIN_TOKEN
    path = "/rest/adAnalytics"
    asked = ("q", "pivot", "timeGranularity", "dateRange", "accounts", "fields")

    def refusal(self, status: int, detail: str = "", limit: str = "") -> Refusal:
        code = {401: "INVALID_ACCESS_TOKEN", 429: "TOO_MANY_REQUESTS"}.get(status, "ERROR")
        message = detail or "The request could not be served"
        return Refusal(status, {"status": status, "code": code, "message": message})

    async def report(self, request: Request) -> Response:
        if not re.fullmatch(r"20\d{4}", request.headers.get("linkedin-version", "")):
            raise self.refuse("LinkedIn-Version", "header is required, such as 202506")
        if request.headers.get("x-restli-protocol-version") != "2.0.0":
            raise self.refuse("X-Restli-Protocol-Version", "header must be 2.0.0")
        given = parameters(request, self.asked, self.refuse)
        query = {name: single(given, name, self.refuse) or "" for name in self.asked}
        for name, value in (("q", "analytics"), ("pivot", "CAMPAIGN")):
            if query[name] != value:
                raise self.refuse(name, f"must be {value} here")
        if query["timeGranularity"] != "MONTHLY":
            raise self.refuse("timeGranularity", "must be MONTHLY here")
        account = RESTLI_ACCOUNTS.fullmatch(query["accounts"])
        if account is None or account[1] != ACCOUNT:
            raise self.refusal(403, "Not enough permissions to access the account")
        span = RESTLI_RANGE.fullmatch(query["dateRange"])
        if span is None:
            raise self.refuse("dateRange", "must be (start:(year:…),end:(year:…))")
        fields = query["fields"].split(",")
        if unknown := [field for field in fields if field not in LINKEDIN_FIELDS]:
            raise self.refuse("fields", f"{unknown[0]!r} is not known here")
        year, month, day, *end = (int(part) for part in span.groups())
        costs = self.costs(request, date(year, month, day), date(*end))
        rows = [{field: _linkedin_row(cost)[field] for field in fields} for cost in costs]
        elements = _drifted(rows, request, _itself, "costInUsd")
        return answer({"paging": {"start": 0, "count": 10, "links": []}, "elements": elements})


def _linkedin_row(cost: Cost) -> Row:
    ends = {"start": cost.month, "end": cost.last_day}
    return {
        "costInUsd": str(cost.amount),
        "dateRange": {
            name: {"year": day.year, "month": day.month, "day": day.day}
            for name, day in ends.items()
        },
        "pivotValues": [f"urn:li:sponsoredCampaign:{cost.number}"],
    }


class MetaAds(Platform):
    """graph.facebook.com: insights, a page at a time."""

    name, token = "meta_ads", META_TOKEN
    path = "/v23.0/{act}/insights"
    asked = ("level", "fields", "time_increment", "time_range[since]", "time_range[until]")

    def refusal(self, status: int, detail: str = "", limit: str = "") -> Refusal:
        code = {401: 190, 403: 200, 429: 17}.get(status, 100 if status < 500 else 2)
        message = detail or "The request could not be served"
        error = {"message": message, "type": "OAuthException", "code": code}
        return Refusal(status, {"error": error})

    async def report(self, request: Request) -> Response:
        if request.path_params["act"] != f"act_{ACT}":
            raise self.refusal(403, "Missing permissions")
        given = parameters(request, (*self.asked, "limit", "after"), self.refuse)
        query = {name: single(given, name, self.refuse) for name in (*self.asked, "after")}
        for name, value in (("level", "campaign"), ("time_increment", "monthly")):
            if query[name] != value:
                raise self.refuse(name, f"must be {value} here")
        fields = (query["fields"] or "").split(",")
        if unknown := [field for field in fields if field not in META_FIELDS]:
            raise self.refuse("fields", f"{unknown[0]!r} is not known here")
        size_text = single(given, "limit", self.refuse)
        size = whole(size_text, "limit", 25, (1, LARGEST_META_PAGE), self.refuse)
        start = whole(query["after"], "after", 0, (0, 10**9), self.refuse)
        since, until = (
            _day(query[f"time_range[{end}]"] or "", end, self.refuse) for end in ("since", "until")
        )
        costs = self.costs(request, since, until)
        page = [_meta_row(cost, fields) for cost in costs[start : start + size]]
        cursors = {"before": str(start), "after": str(start + len(page))}
        paging: Row = {"cursors": cursors}
        if costs[start + size :]:
            paging["next"] = str(request.url)
        return answer({"data": _drifted(page, request, _itself, "spend"), "paging": paging})


def _meta_row(cost: Cost, fields: list[str]) -> Row:
    told = {
        "account_currency": "USD",
        "campaign_id": str(cost.number),
        "campaign_name": cost.campaign,
        "spend": str(cost.amount),
    }
    row: Row = {field: told[field] for field in fields}
    return row | {"date_start": cost.month.isoformat(), "date_stop": cost.last_day.isoformat()}


class Sheets(Platform):
    """sheets.googleapis.com: the sheet in which somebody keeps what no platform bills."""

    name, token = "google_sheets", SHEETS_TOKEN
    path = "/v4/spreadsheets/{sheet}/values/{range}"

    def authorise(self, request: Request) -> None:
        # A token that was made for both works for both.
        if bearer(request) not in (SHEETS_TOKEN, GOOGLE_TOKEN):
            raise self.refusal(401)

    def refusal(self, status: int, detail: str = "", limit: str = "") -> Refusal:
        return _google_refusal(status, detail)

    async def report(self, request: Request) -> Response:
        parameters(request, (), self.refuse)
        if request.path_params["sheet"] != SHEET or request.path_params["range"] != "costs":
            raise self.refusal(404, "Requested entity was not found.")
        costs = bend_rows(self._books.costs("other"), bends(request), lambda cost: cost.month)
        kinds = drifts(bends(request))
        header = ["month", "channel", "cost_usd"]
        rows: list[list[object]] = [
            [f"{cost.month:%Y-%m}", cost.campaign, str(cost.amount)] for cost in costs
        ]
        if "changed-type" in kinds:
            rows = [[month, channel, {"value": cost}] for month, channel, cost in rows]
        if "dropped-column" in kinds:
            header, rows = header[:2], [row[:2] for row in rows]
        if "new-column" in kinds:
            header, rows = [*header, DRIFT_NAME], [[*row, "new"] for row in rows]
        shape = f"costs!A1:{'ABCD'[len(header) - 1]}1000"
        return answer({"range": shape, "majorDimension": "ROWS", "values": [header, *rows]})


def platforms(company: Company, clock: Clock) -> tuple[Platform, ...]:
    books = Books(company, clock)
    google = GoogleOAuth(books), GoogleAds(books), Sheets(books)
    return (*google, LinkedInAds(books), MetaAds(books))


def environment(url: str) -> dict[str, str]:
    """What a connector needs to read these platforms instead of the real ones."""
    accounts = {
        "GOOGLE": (GOOGLE_TOKEN, "CUSTOMER_ID", CUSTOMER),
        "LINKEDIN": (LINKEDIN_TOKEN, "ACCOUNT_ID", ACCOUNT),
        "META": (META_TOKEN, "ACCOUNT_ID", ACT),
        "SHEETS": (SHEETS_TOKEN, "SPREADSHEET_ID", SHEET),
    }
    settings: dict[str, str] = {"SOURCES__ADS__GOOGLE_DEVELOPER_TOKEN": DEVELOPER_TOKEN}
    for name, (token, key, account) in accounts.items():
        settings |= {
            f"SOURCES__ADS__{name}_HOST": url,
            f"SOURCES__ADS__{name}_TOKEN": token,
            f"SOURCES__ADS__{name}_{key}": account,
        }
    return settings
