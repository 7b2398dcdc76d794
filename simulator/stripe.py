"""Stripe: customers, subscriptions, invoices and the events of the last thirty days.

The shapes are those of versions since 2025-03-31: periods are on a subscription's items, and a line
of an invoice names its price without repeating it.
"""

import base64
import binascii
import hashlib
import re
import zlib
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.company import Company, crm_ids
from simulator.faults import DRIFT_NAME, bend_rows, drifts
from simulator.wire import (
    Clock,
    Limit,
    Refusal,
    Row,
    answer,
    bearer,
    bends,
    parameters,
    single,
    whole,
)

TOKEN = "rk_test_demo"
VERSION = "2025-09-30.clover"
LARGEST_PAGE = 100
# An invoice shows so many of its lines; the rest are asked for by its id.
LINES_SHOWN = 10
EVENTS_KEPT = timedelta(days=30)
PERIOD = timedelta(days=30)
# Who has not paid at once does so in this time, as far as the folder does not say.
PAYMENT_TERM = timedelta(days=14)
MICROSECOND = timedelta(microseconds=1)
BOUNDS = ("created", "created[gt]", "created[gte]", "created[lt]", "created[lte]")
PAGING = ("limit", "starting_after", "ending_before")
FILTERS = {
    "customers": ("email",),
    "subscriptions": ("status", "customer", "price"),
    "invoices": ("status", "customer", "subscription"),
    "credit_notes": ("customer", "invoice"),
    "events": ("type", "types[]"),
    "prices": ("active", "product", "currency"),
}
STATUSES = {
    "subscriptions": (
        *("active", "all", "canceled", "ended", "incomplete", "incomplete_expired"),
        *("past_due", "paused", "trialing", "unpaid"),
    ),
    "invoices": ("draft", "open", "paid", "uncollectible", "void"),
}
OVER = ("canceled", "incomplete_expired")
# A field of each object that a drift of the vendor's changes or takes away.
DRIFTING = {
    "customer": "email",
    "subscription": "status",
    "invoice": "total",
    "credit_note": "total",
    "price": "unit_amount_decimal",
    "event": "type",
}


def refuse(name: str, message: str, code: str = "parameter_invalid", status: int = 400) -> Refusal:
    return Refusal(status, _error("invalid_request_error", message, code, name))


def _error(kind: str, message: str, code: str = "", param: str = "") -> Row:
    more = {name: value for name, value in (("code", code), ("param", param)) if value}
    return {"error": {"type": kind, "message": message, **more}}


def _refuse_parameter(name: str, message: str) -> Refusal:
    if message.startswith("is not a parameter"):
        return refuse(name, f"Received unknown parameter: {name}", "parameter_unknown")
    return refuse(name, f"{name} {message}")


def _id(kind: str, *parts: object) -> str:
    text = ":".join(map(str, parts))
    return f"{kind}_{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _unix(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _listed(url: str, data: Sequence[Row], has_more: bool = False) -> Row:
    return {"object": "list", "url": url, "has_more": has_more, "data": list(data)}


@dataclass(frozen=True)
class Entry:
    """One object: since when it is there, and how it looks at a moment (None: it is gone)."""

    created: datetime
    id: str
    told: Callable[[datetime], Row | None]

    @property
    def second(self) -> int:
        return int(self.created.timestamp())


class Shelf:
    """All objects of a kind in the order of their creation."""

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = sorted(entries, key=lambda entry: (entry.created, entry.id))
        self._seconds = [entry.second for entry in self._entries]
        self._place = {entry.id: place for place, entry in enumerate(self._entries)}

    def get(self, identifier: str, now: datetime) -> Entry | None:
        place = self._place.get(identifier)
        entry = None if place is None else self._entries[place]
        return entry if entry and entry.created <= now else None

    def newest_first(self, low: int, high: int, before: str | None) -> Iterator[Entry]:
        """Entries created from one second to another, or of them those older than `before`."""
        end = bisect_right(self._seconds, high)
        end = end if before is None else min(end, self._place[before])
        start = bisect_left(self._seconds, low)
        return (self._entries[place] for place in range(end - 1, start - 1, -1))

    def oldest_first(self, low: int, high: int, after: str) -> Iterator[Entry]:
        """Entries newer than `after`."""
        start = max(bisect_left(self._seconds, low), self._place[after] + 1)
        return (self._entries[place] for place in range(start, bisect_right(self._seconds, high)))


@dataclass(frozen=True)
class Price:
    """What one seat of a plan costs for a period."""

    plan: str
    cents: int
    currency: str
    interval: str

    @property
    def id(self) -> str:
        return _id("price", self.plan, self.cents, self.currency, self.interval)

    def told(self, created: datetime) -> Row:
        recurring = {"interval": self.interval, "interval_count": 1, "usage_type": "licensed"}
        return {
            "id": self.id,
            "object": "price",
            "active": True,
            "billing_scheme": "per_unit",
            "created": _unix(created),
            "currency": self.currency,
            "livemode": False,
            "lookup_key": self.plan,
            "metadata": {},
            "nickname": self.plan.title(),
            "product": f"prod_{self.plan}",
            "recurring": recurring,
            "type": "recurring",
            "unit_amount": self.cents,
            "unit_amount_decimal": str(self.cents),
        }


@dataclass(frozen=True)
class Term:
    """A subscription while its seats and its price stay the same."""

    seats: int
    price: Price
    started: datetime
    ended: datetime | None


@dataclass
class Subscription:
    """One item, through all its terms and the periods it was invoiced for."""

    id: str
    customer: str
    terms: list[Term] = field(default_factory=list)
    invoices: list[Row] = field(default_factory=list)

    @property
    def started(self) -> datetime:
        return self.terms[0].started

    @property
    def item(self) -> str:
        return f"si_{self.id.removeprefix('sub_')}"

    def term(self, at: datetime) -> Term:
        past = [term for term in self.terms if term.started <= at]
        return past[-1] if past else self.terms[0]

    def period(self, at: datetime) -> tuple[datetime, datetime]:
        """The period that is paid for: as last invoiced, else counted from the start."""
        issued = [row for row in self.invoices if row["issued_at"] <= at]
        if issued:
            return issued[-1]["period_start"], issued[-1]["period_end"]
        begin = self.started + (at - self.started) // PERIOD * PERIOD
        return begin, begin + PERIOD

    def told(self, at: datetime) -> Row:
        term = self.term(at)
        ended = term.ended if term.ended and term.ended <= at else None
        begin, end = self.period(at)
        issued = [row["invoice_id"] for row in self.invoices if row["issued_at"] <= at]
        item = {
            "id": self.item,
            "object": "subscription_item",
            "created": _unix(self.started),
            "current_period_start": _unix(begin),
            "current_period_end": _unix(end),
            "metadata": {},
            "price": term.price.told(self.started),
            "quantity": term.seats,
            "subscription": self.id,
        }
        return {
            "id": self.id,
            "object": "subscription",
            "billing_cycle_anchor": _unix(term.started),
            "cancel_at": None,
            "cancel_at_period_end": False,
            "canceled_at": _unix(ended),
            "collection_method": "charge_automatically",
            "created": _unix(self.started),
            "currency": term.price.currency,
            "customer": self.customer,
            "ended_at": _unix(ended),
            "items": _listed(f"/v1/subscription_items?subscription={self.id}", [item]),
            "latest_invoice": issued[-1] if issued else None,
            "livemode": False,
            "metadata": {},
            "start_date": _unix(self.started),
            "status": "canceled" if ended else "active",
            "trial_end": None,
            "trial_start": None,
        }


class Ledger:
    """A company's billing as Stripe would keep it."""

    def __init__(self, company: Company) -> None:
        self._now = company.now
        self._accounts = {row["account_id"]: row for row in company.accounts}
        self._crm = crm_ids(company)
        self.prices: dict[str, tuple[Price, datetime]] = {}
        self._by_account: dict[str, list[Subscription]] = defaultdict(list)
        self.subscriptions = self._read_subscriptions(company.subscriptions)
        self.invoices = self._read_invoices(company.invoices)
        self.notes = company.credit_notes

    def _read_subscriptions(self, rows: list[Row]) -> dict[str, Subscription]:
        found: dict[str, Subscription] = {}
        for row in sorted(rows, key=lambda each: each["started_at"]):
            if row["subscription_id"] not in found:
                made = Subscription(row["subscription_id"], _id("cus", row["account_id"]))
                found[made.id] = made
                self._by_account[row["account_id"]].append(made)
            price = Price(row["plan"], row["unit_price"], row["currency"], row["interval"])
            self.prices.setdefault(price.id, (price, row["started_at"]))
            term = Term(row["seats"], price, row["started_at"], row["ended_at"])
            found[row["subscription_id"]].terms.append(term)
        return found

    def _read_invoices(self, rows: list[Row]) -> dict[str, Row]:
        found: dict[str, Row] = {}
        for row in sorted(rows, key=lambda each: (each["issued_at"], each["invoice_id"])):
            subscription = self._subscription_of(row)
            if subscription:
                subscription.invoices.append(row)
            found[row["invoice_id"]] = {**row, "subscription": subscription}
        return found

    def _subscription_of(self, row: Row) -> Subscription | None:
        if row["subscription_id"]:
            return self.subscriptions.get(row["subscription_id"])
        of_account = self._by_account.get(row["account_id"], [])
        begun = [each for each in of_account if each.started <= row["period_start"]]
        return begun[-1] if begun else next(iter(of_account), None)

    def customers(self) -> Iterator[Entry]:
        """Accounts become customers with their first subscription or invoice."""
        first: dict[str, datetime] = {}
        for account, subscriptions in self._by_account.items():
            first[account] = min(each.started for each in subscriptions)
        for row in self.invoices.values():
            first.setdefault(row["account_id"], row["issued_at"])
        for account, created in first.items():
            yield Entry(created, _id("cus", account), self._customer(account, created))

    def closed_at(self, account: str) -> datetime | None:
        closed: datetime | None = self._accounts.get(account, {}).get("closed_at")
        return closed

    def closings(self) -> Iterator[tuple[str, datetime]]:
        for account, row in self._accounts.items():
            if row["closed_at"]:
                yield _id("cus", account), row["closed_at"]

    def _customer(self, account: str, created: datetime) -> Callable[[datetime], Row | None]:
        row = self._accounts.get(account, {})
        domain, closed = row.get("domain"), self.closed_at(account)
        email = row.get("billing_email") or (f"billing@{domain}" if domain else None)
        body = {
            "id": _id("cus", account),
            "object": "customer",
            "balance": 0,
            "created": _unix(created),
            "currency": "usd",
            "delinquent": False,
            "description": None,
            "email": email,
            "livemode": False,
            "metadata": self._metadata(account, domain),
            "name": row.get("name") or account,
        }
        return lambda at: None if closed and closed <= at else body

    def _metadata(self, account: str, domain: str | None) -> dict[str, str]:
        """What people wrote there: most the CRM's id or a domain, every tenth nothing."""
        habit = zlib.crc32(account.encode()) % 20
        if habit < 9 and domain in self._crm:
            return {"hubspot_company_id": self._crm[domain]}
        return {"domain": domain} if domain and habit < 18 else {}

    def paid_at(self, row: Row) -> datetime | None:
        """When an invoice is paid; one that is open now may be after now."""
        if row["paid_at"] or row["status"] not in ("open", "paid"):
            given: datetime | None = row["paid_at"]
            return given
        issued: datetime = row["issued_at"]
        due = issued + PAYMENT_TERM
        if row["status"] == "open":
            return due if due > self._now else None
        return min(due, max(self._now, issued))

    def invoice(self, row: Row, at: datetime) -> Row:
        paid = self.paid_at(row)
        paid = paid if paid and paid <= at else None
        status = row["status"] if row["status"] not in ("open", "paid") else "open"
        status = "paid" if paid else status
        total, owed = row["amount"], max(row["amount"], 0)
        subscription: Subscription | None = row["subscription"]
        url = f"/v1/invoices/{row['invoice_id']}/lines"
        lines = self.lines(row)
        parent = subscription and {
            "type": "subscription_details",
            "quote_details": None,
            "subscription_details": {"metadata": {}, "subscription": subscription.id},
        }
        return {
            "id": row["invoice_id"],
            "object": "invoice",
            "amount_due": owed,
            "amount_paid": owed if paid else 0,
            "amount_remaining": 0 if paid else owed,
            "billing_reason": _reason(row, subscription),
            "created": _unix(row["issued_at"]),
            "currency": row["currency"],
            "customer": _id("cus", row["account_id"]),
            "ending_balance": min(total, 0),
            "lines": _listed(url, lines[:LINES_SHOWN], len(lines) > LINES_SHOWN),
            "livemode": False,
            "metadata": {},
            "number": row["invoice_id"].upper(),
            "parent": parent,
            "period_start": _unix(row["period_start"]),
            "period_end": _unix(row["period_end"]),
            "starting_balance": 0,
            "status": status,
            "status_transitions": {
                "finalized_at": _unix(row["issued_at"]),
                "marked_uncollectible_at": None,
                "paid_at": _unix(paid),
                "voided_at": None,
            },
            "subtotal": total,
            "total": total,
        }

    def lines(self, row: Row) -> list[Row]:
        subscription: Subscription | None = row["subscription"]
        details, pricing, seats = None, None, 1
        if subscription:
            term = subscription.term(row["period_start"])
            seats = term.seats
            details = {
                "invoice_item": None,
                "proration": False,
                "proration_details": None,
                "subscription": subscription.id,
                "subscription_item": subscription.item,
            }
            pricing = {
                "type": "price_details",
                "price_details": {"price": term.price.id, "product": f"prod_{term.price.plan}"},
                "unit_amount_decimal": str(term.price.cents),
            }
        kind = "subscription_item_details" if details else "invoice_item_details"
        parent = {"type": kind, "invoice_item_details": None, "subscription_item_details": details}
        line = {
            "id": f"il_{row['invoice_id'].removeprefix('in_')}",
            "object": "line_item",
            # The sign of a slip is on what was billed, never on what was sold.
            "amount": row["amount"],
            "currency": row["currency"],
            "description": None,
            "discount_amounts": [],
            "invoice": row["invoice_id"],
            "livemode": False,
            "metadata": {},
            "parent": parent,
            "period": {"start": _unix(row["period_start"]), "end": _unix(row["period_end"])},
            "pricing": pricing,
            "quantity": seats,
        }
        return [line]

    def note(self, row: Row) -> Row:
        invoice = self.invoices.get(row["invoice_id"])
        return {
            "id": row["credit_note_id"],
            "object": "credit_note",
            "amount": row["amount"],
            "created": _unix(row["issued_at"]),
            "currency": invoice["currency"] if invoice else "usd",
            "customer": _id("cus", invoice["account_id"]) if invoice else None,
            "invoice": row["invoice_id"],
            "livemode": False,
            "metadata": {},
            "reason": row["reason"],
            "status": "issued",
            "subtotal": row["amount"],
            "total": row["amount"],
            "type": "post_payment",
        }


def _reason(row: Row, subscription: Subscription | None) -> str:
    if subscription is None:
        return "manual"
    starts = [term.started for term in subscription.terms]
    if row["issued_at"] == starts[0]:
        return "subscription_create"
    return "subscription_update" if row["issued_at"] in starts else "subscription_cycle"


def _shelves(ledger: Ledger) -> dict[str, Shelf]:
    entries: dict[str, list[Entry]] = {
        "customers": list(ledger.customers()),
        "subscriptions": [
            Entry(each.started, each.id, each.told) for each in ledger.subscriptions.values()
        ],
        "invoices": [
            Entry(row["issued_at"], key, _at(ledger.invoice, row))
            for key, row in ledger.invoices.items()
        ],
        "credit_notes": [
            Entry(row["issued_at"], row["credit_note_id"], _always(ledger.note(row)))
            for row in ledger.notes
        ],
        "prices": [
            Entry(created, key, _always(price.told(created)))
            for key, (price, created) in ledger.prices.items()
        ],
    }
    by_id = {kind: {entry.id: entry for entry in found} for kind, found in entries.items()}
    entries["events"] = [
        _event(by_id[kind][key], name, at) for kind, key, name, at in _happenings(ledger, entries)
    ]
    return {kind: Shelf(found) for kind, found in entries.items()}


def _at(told: Callable[[Row, datetime], Row], row: Row) -> Callable[[datetime], Row]:
    return lambda at: told(row, at)


def _always(row: Row) -> Callable[[datetime], Row]:
    return lambda at: dict(row)


def _happenings(
    ledger: Ledger, entries: dict[str, list[Entry]]
) -> Iterator[tuple[str, str, str, datetime]]:
    """(kind, id, name, moment) of everything that Stripe would tell."""
    for kind, name in (
        ("customers", "customer.created"),
        ("subscriptions", "customer.subscription.created"),
        ("invoices", "invoice.created"),
        ("credit_notes", "credit_note.created"),
        ("prices", "price.created"),
    ):
        for entry in entries[kind]:
            yield kind, entry.id, name, entry.created
    customers = {entry.id for entry in entries["customers"]}
    for customer, closed in ledger.closings():
        if customer in customers:
            yield "customers", customer, "customer.deleted", closed
    for each in ledger.subscriptions.values():
        renewed = {term.started for term in each.terms} | {r["issued_at"] for r in each.invoices}
        for moment in sorted(renewed - {each.started}):
            yield "subscriptions", each.id, "customer.subscription.updated", moment
        if each.terms[-1].ended:
            yield "subscriptions", each.id, "customer.subscription.deleted", each.terms[-1].ended
    for key, row in ledger.invoices.items():
        if paid := ledger.paid_at(row):
            yield "invoices", key, "invoice.paid", paid


def _event(entry: Entry, name: str, moment: datetime) -> Entry:
    key = _id("evt", name, entry.id, moment)
    # Of what was deleted an event shows the last that was there.
    shown = moment - MICROSECOND if name == "customer.deleted" else moment

    def told(at: datetime) -> Row:
        return {
            "id": key,
            "object": "event",
            "api_version": VERSION,
            "created": _unix(moment),
            "data": {"object": entry.told(shown)},
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": None, "idempotency_key": None},
            "type": name,
        }

    return Entry(moment, key, told)


class Stripe:
    """The part of the server that answers as api.stripe.com."""

    name = "stripe"

    def __init__(self, company: Company, clock: Clock) -> None:
        self._clock = clock
        self._company = company
        self.limits = [Limit("read", 100, 1.0, re.compile(""))]

    # Not before it is asked: a large company that nobody bills should start no later.
    @cached_property
    def _ledger(self) -> Ledger:
        return Ledger(self._company)

    @cached_property
    def _shelves(self) -> dict[str, Shelf]:
        return _shelves(self._ledger)

    def owns(self, path: str) -> bool:
        return re.match(rf"/v1/({'|'.join(FILTERS)})(/|$)", path) is not None

    def routes(self) -> list[Route]:
        return [
            *(Route(f"/v1/{kind}", self._listing(kind)) for kind in FILTERS),
            *(Route(f"/v1/{kind}/{{id}}", self._retrieval(kind)) for kind in FILTERS),
            Route("/v1/invoices/{id}/lines", self.lines),
        ]

    def authorise(self, request: Request) -> None:
        given = bearer(request) or _basic(request)
        if given != TOKEN:
            raise self.refusal(401)
        version = request.headers.get("stripe-version", VERSION)
        if not re.fullmatch(r"20\d\d-\d\d-\d\d(\.[a-z]+)?", version) or version < "2025-03-31":
            raise refuse("", f"Invalid Stripe API version: {version}", "")

    def headers(self, path: str) -> dict[str, str]:
        return {"Stripe-Version": VERSION}

    def refusal(self, status: int, detail: str = "", limit: str = "") -> Refusal:
        kind, code = "invalid_request_error", ""
        message = detail or "Unrecognized request URL."
        if status == 401:
            message = "Invalid API Key provided: rk_test_***"
        elif status == 429:
            message, code = detail or "Request rate limit exceeded.", "rate_limit"
        elif status >= 500:
            kind, message = "api_error", detail or "An unknown error occurred."
        return Refusal(status, _error(kind, message, code))

    def _listing(self, kind: str) -> Callable[[Request], Any]:
        async def listing(request: Request) -> Response:
            asked = parameters(request, (*PAGING, *BOUNDS, *FILTERS[kind]), _refuse_parameter)
            types = asked.pop("types[]", [])
            query = {name: single(asked, name, _refuse_parameter) for name in asked}
            found, has_more = self._page(kind, query, types)
            return answer(_listed(f"/v1/{kind}", self._bent(found, request), has_more))

        return listing

    def _retrieval(self, kind: str) -> Callable[[Request], Any]:
        async def retrieval(request: Request) -> Response:
            parameters(request, (), _refuse_parameter)
            entry = self._existing(kind, request.path_params["id"])
            row = entry.told(self._clock.now)
            if row is None:
                return answer({"id": entry.id, "object": "customer", "deleted": True})
            return answer(_drifted(row, request))

        return retrieval

    async def lines(self, request: Request) -> Response:
        asked = parameters(request, ("limit",), _refuse_parameter)
        size = _limit(single(asked, "limit", _refuse_parameter))
        entry = self._existing("invoices", request.path_params["id"])
        lines = self._ledger.lines(self._ledger.invoices[entry.id])
        return answer(_listed(f"/v1/invoices/{entry.id}/lines", lines[:size], len(lines) > size))

    def _existing(self, kind: str, identifier: str) -> Entry:
        entry = self._shelves[kind].get(identifier, self._clock.now)
        is_over = kind == "events" and entry and entry.created < self._clock.now - EVENTS_KEPT
        if entry is None or is_over:
            message = f"No such {kind.removesuffix('s')}: '{identifier}'"
            raise refuse("id", message, "resource_missing", 404)
        return entry

    def _page(
        self, kind: str, query: dict[str, str | None], types: list[str]
    ) -> tuple[list[Row], bool]:
        size, shelf, now = _limit(query.get("limit")), self._shelves[kind], self._clock.now
        low, high = _span(query)
        high = min(high, int(now.timestamp()))
        if kind == "events":
            low = max(low, int((now - EVENTS_KEPT).timestamp()))
        after, before = query.get("starting_after"), query.get("ending_before")
        for name, cursor in (("starting_after", after), ("ending_before", before)):
            if cursor is not None and shelf.get(cursor, now) is None:
                message = f"No such {kind.removesuffix('s')}: '{cursor}'"
                raise refuse(name, message, "resource_missing")
        if after is not None and before is not None:
            raise refuse("ending_before", "Give one of starting_after and ending_before.")
        if before is not None:
            entries = shelf.oldest_first(low, high, before)
        else:
            entries = shelf.newest_first(low, high, after)
        wanted = _wanted(kind, query, types)
        told = (entry.told(now) for entry in entries if entry.created <= now)
        rows = (row for row in told if row is not None and wanted(row))
        found = list(islice(rows, size + 1))
        page = found[:size] if before is None else found[:size][::-1]
        return page, len(found) > size

    def _bent(self, rows: list[Row], request: Request) -> list[Row]:
        bent = bend_rows(rows, bends(request), lambda row: row["created"])
        return [_drifted(row, request) for row in bent]


def _basic(request: Request) -> str | None:
    """The user of basic authentication, which is how Stripe's own examples send a key."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    try:
        user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return user if scheme.lower() == "basic" and not password else None


def _limit(text: str | None) -> int:
    return whole(text, "limit", 10, (1, LARGEST_PAGE), _refuse_parameter)


def _span(query: dict[str, str | None]) -> tuple[int, int]:
    """The seconds that `created` allows, both included."""
    low, high = 0, 10**11
    for name in BOUNDS:
        if (text := query.get(name)) is None:
            continue
        second = whole(text, name, 0, (0, 10**11), _refuse_parameter)
        if name in ("created", "created[gte]", "created[gt]"):
            low = max(low, second + (name == "created[gt]"))
        if name in ("created", "created[lte]", "created[lt]"):
            high = min(high, second - (name == "created[lt]"))
    return low, high


def _wanted(kind: str, query: dict[str, str | None], types: list[str]) -> Callable[[Row], bool]:
    """Whether a row passes the filters of a request."""
    given = {name: query[name] for name in FILTERS[kind] if query.get(name) is not None}
    status = given.get("status")
    if status is not None and status not in STATUSES[kind]:
        raise refuse("status", f"Invalid status: must be one of {', '.join(STATUSES[kind])}")
    if len(types) > 20 or (types and "type" in given):
        raise refuse("types", "Give up to 20 types, or one type.")
    if kind == "subscriptions" and status in (None, "all", "ended"):
        given.pop("status", None)
        is_over = {None: False, "ended": True}.get(status)
        return lambda row: (
            (is_over is None or (row["status"] in OVER) is is_over) and _matches(row, given)
        )
    return lambda row: (not types or row["type"] in types) and _matches(row, given)


def _matches(row: Row, given: dict[str, str | None]) -> bool:
    return all(_value(row, name) == value for name, value in given.items())


def _value(row: Row, name: str) -> object:
    if name == "subscription":
        return row["parent"] and row["parent"]["subscription_details"]["subscription"]
    if name == "price":
        return row["items"]["data"][0]["price"]["id"]
    return "true" if row[name] is True else row[name]


def _drifted(row: Row, request: Request) -> Row:
    """The row after the vendor changed their format without telling anyone."""
    kinds, name = drifts(bends(request)), DRIFTING[row["object"]]
    if "new-column" in kinds:
        row = {**row, DRIFT_NAME: "new"}
    if "changed-type" in kinds:
        row = {**row, name: {"value": row[name]}}
    if "dropped-column" in kinds:
        row = {key: value for key, value in row.items() if key != name}
    return row
