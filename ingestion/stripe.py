"""Stripe: customers, subscriptions and items, invoices and lines, credit notes, prices.

readings (some objects of one kind) → customers, subscriptions, subscription_items, invoices,
invoice_lines, credit_notes, prices, source_counts. Try it alone: `python -m ingestion stripe`.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import dlt
from dlt.extract import DltResource

from ingestion.checking import can_be_checked
from ingestion.http import Api, Limiter
from ingestion.privacy import Pseudonyms
from ingestion.tables import BIGINT, BOOL, TEXT, TIME, Row, Table, from_unix, source_counts

# Amounts are whole cents as Stripe sends them; prices may have fractions of a cent and stay text.
CUSTOMERS = Table(
    "stripe",
    "customers",
    {
        "id": TEXT,
        "email": TEXT,
        "name": TEXT,
        "metadata": TEXT,
        "currency": TEXT,
        "delinquent": BOOL,
        "created": TIME,
        "is_deleted": BOOL,
    },
    primary_key=("id",),
    personal=("email", "name", "metadata"),
)
SUBSCRIPTIONS = Table(
    "stripe",
    "subscriptions",
    {
        "id": TEXT,
        "customer": TEXT,
        "status": TEXT,
        "currency": TEXT,
        "created": TIME,
        "start_date": TIME,
        "trial_end": TIME,
        "cancel_at": TIME,
        "canceled_at": TIME,
        "ended_at": TIME,
    },
    primary_key=("id",),
)
ITEMS = Table(
    "stripe",
    "subscription_items",
    {
        "id": TEXT,
        "subscription": TEXT,
        "price": TEXT,
        "quantity": BIGINT,
        "created": TIME,
        "current_period_start": TIME,
        "current_period_end": TIME,
    },
    primary_key=("subscription", "id"),
    merge_key=("subscription",),
)
INVOICES = Table(
    "stripe",
    "invoices",
    {
        "id": TEXT,
        "customer": TEXT,
        "subscription": TEXT,
        "number": TEXT,
        "status": TEXT,
        "billing_reason": TEXT,
        "currency": TEXT,
        "subtotal": BIGINT,
        "total": BIGINT,
        "amount_due": BIGINT,
        "amount_paid": BIGINT,
        "amount_remaining": BIGINT,
        "period_start": TIME,
        "period_end": TIME,
        "created": TIME,
        "finalized_at": TIME,
        "paid_at": TIME,
        "is_deleted": BOOL,
    },
    primary_key=("id",),
)
LINES = Table(
    "stripe",
    "invoice_lines",
    {
        "id": TEXT,
        "invoice": TEXT,
        "subscription": TEXT,
        "subscription_item": TEXT,
        "price": TEXT,
        "quantity": BIGINT,
        "unit_amount_decimal": TEXT,
        "amount": BIGINT,
        "currency": TEXT,
        "is_proration": BOOL,
        "period_start": TIME,
        "period_end": TIME,
        "is_deleted": BOOL,
    },
    primary_key=("invoice", "id"),
    merge_key=("invoice",),
    deleted_flag="is_deleted",
)
CREDIT_NOTES = Table(
    "stripe",
    "credit_notes",
    {
        "id": TEXT,
        "invoice": TEXT,
        "customer": TEXT,
        "status": TEXT,
        "reason": TEXT,
        "currency": TEXT,
        "total": BIGINT,
        "created": TIME,
    },
    primary_key=("id",),
)
PRICES = Table(
    "stripe",
    "prices",
    {
        "id": TEXT,
        "product": TEXT,
        "nickname": TEXT,
        "currency": TEXT,
        "unit_amount_decimal": TEXT,
        "interval": TEXT,
        "interval_count": BIGINT,
        "usage_type": TEXT,
        "active": BOOL,
        "created": TIME,
    },
    primary_key=("id",),
)
COUNTS = source_counts("stripe")
TABLES = (CUSTOMERS, SUBSCRIPTIONS, ITEMS, INVOICES, LINES, CREDIT_NOTES, PRICES, COUNTS)

PAGE = 100
ONE_DAY = timedelta(days=1)
# Events are kept for thirty days. A day less, so that none is lost while they are read.
EVENTS_KEPT = timedelta(days=29)
# Stripe lists what happened with a delay at times; what was seen is remembered and not read twice.
OVERLAP = timedelta(hours=1)
# Stripe takes twenty at most. What is left out names no object that is loaded here.
EVENT_TYPES = (
    *(f"customer.{what}" for what in ("created", "updated", "deleted")),
    *(
        f"customer.subscription.{what}"
        for what in ("created", "updated", "deleted", "paused", "resumed")
    ),
    *(f"invoice.{what}" for what in ("created", "deleted", "finalized", "marked_uncollectible")),
    *(f"invoice.{what}" for what in ("paid", "updated", "voided")),
    *(f"credit_note.{what}" for what in ("created", "updated", "voided")),
    *(f"price.{what}" for what in ("created", "updated")),
)
# An ended subscription can still be asked for; these cannot, and their event shows them last.
GONE = ("customer.deleted", "invoice.deleted")
# Every table that is listed, and what Stripe calls its objects. A subscription's are asked for all,
# since ended ones are left out otherwise.
KINDS = {
    "customers": "customer",
    "prices": "price",
    "subscriptions": "subscription",
    "invoices": "invoice",
    "credit_notes": "credit_note",
}
LISTED: Mapping[str, Mapping[str, str | int]] = {"subscriptions": {"status": "all"}}

Item = dict[str, Any]


@dataclass(frozen=True)
class Reading:
    """Some objects of one kind, and how many Stripe listed by the day of their creation."""

    kind: str
    items: Sequence[Item] = ()
    counted: Mapping[date, int] = field(default_factory=dict)


@dlt.source(name="stripe", section="stripe", max_table_nesting=0)
def stripe(
    host: str = "https://api.stripe.com",
    api_key: str = dlt.secrets.value,
    api_version: str = "2025-09-30.clover",
    # What a test account grants; a live one grants four times as many.
    requests_per_second: int = 25,
    stopped: Sequence[str] = (),
) -> Iterable[DltResource]:
    """Load the billing of one Stripe account, but for the tables in `stopped`."""
    scopes = "read access to customers, subscriptions, invoices, credit notes, prices and events"
    limiter = Limiter(requests_per_second)
    headers = {"Stripe-Version": api_version}
    api = Api("stripe", host, api_key, "api_key", scopes, limiter, headers=headers)
    can_be_checked(*(partial(api.get, f"/v1/{kind}", {"limit": 1}) for kind in ("events", *KINDS)))
    people = Pseudonyms("stripe")
    parent = dlt.resource(lambda: _readings(api, stopped), name="readings", selected=False)

    def of(kind: str, rows: Callable[[Item], Iterator[Row]]) -> Callable[[Reading], Any]:
        return partial(_rows_of, kind, rows)

    return (
        CUSTOMERS.transformer(parent, of("customers", partial(customer_rows, people))),
        SUBSCRIPTIONS.transformer(parent, of("subscriptions", _subscription)),
        ITEMS.transformer(parent, of("subscriptions", partial(_items, api))),
        INVOICES.transformer(parent, of("invoices", _invoice)),
        LINES.transformer(parent, of("invoices", partial(_lines, api))),
        CREDIT_NOTES.transformer(parent, of("credit_notes", _credit_note)),
        PRICES.transformer(parent, of("prices", _price)),
        COUNTS.transformer(parent, lambda reading: iter([_counts(reading, api.now)])),
    )


def _readings(api: Api, stopped: Sequence[str]) -> Iterator[Reading]:
    state = dlt.current.source_state()
    # All tables are read together: what was left out is read again with the rest.
    if any(table not in stopped for table in state.get("stopped", {})):
        state.pop("read_until", None)
    kinds = [kind for kind in KINDS if kind not in stopped]
    # The answer is not needed, but its time is: whether events reach back far enough hangs on it.
    api.get("/v1/events", {"limit": 1})
    before = state.get("read_until")
    until = datetime.fromisoformat(before) if before else None
    fresh: set[str] = set()
    if until is None or api.now - until > EVENTS_KEPT:
        yield from _everything(api, kinds, fresh)
    else:
        yield from _changes(api, kinds, until, set(state.get("seen", ())), fresh)
    state["read_until"] = state["vendor_now"] = api.now.isoformat()
    state["seen"] = sorted(fresh)


def _everything(api: Api, kinds: Sequence[str], fresh: set[str]) -> Iterator[Reading]:
    # Before the lists, which then hold what these events tell: the next load need not follow them.
    _named(api, api.now - OVERLAP, set(), fresh)
    for kind in kinds:
        days: dict[str, date] = {}
        for page in _pages(api, f"/v1/{kind}", LISTED.get(kind, {})):
            days |= {item["id"]: _day(item) for item in page}
            fresh.update(_fresh(api, page))
            yield Reading(kind, page)
        yield Reading(kind, counted=Counter(days.values()))


def _changes(
    api: Api, kinds: Sequence[str], until: datetime, seen: set[str], fresh: set[str]
) -> Iterator[Reading]:
    """What was created since the load before, and what the events since then name."""
    since = until - OVERLAP
    named = _named(api, since, seen, fresh)
    for kind in kinds:
        found: dict[str, Item] = {}
        whole_days = {**LISTED.get(kind, {}), "created[gte]": _unix(_midnight(until))}
        for page in _pages(api, f"/v1/{kind}", whole_days):
            found |= {item["id"]: item for item in page}
        fresh.update(_fresh(api, found.values()))
        events = named.get(KINDS[kind], {})
        new = {
            key: item
            for key, item in found.items()
            if key in events or (item["created"] >= _unix(since) and key not in seen)
        }
        changed = (
            {**event["data"]["object"], "deleted": True}
            if event["type"] in GONE
            else api.get(f"/v1/{kind}/{key}")
            for key, event in events.items()
            if key not in new
        )
        yield Reading(kind, [*new.values(), *changed], _by_day(found.values(), until, api.now))


def _named(
    api: Api, since: datetime, seen: set[str], fresh: set[str]
) -> dict[str, dict[str, Item]]:
    """By kind of object and its id, the newest event that was not seen before."""
    types = "&".join(f"types[]={name}" for name in EVENT_TYPES)
    named: dict[str, dict[str, Item]] = {}
    for page in _pages(api, f"/v1/events?{types}", {"created[gte]": _unix(since)}):
        fresh.update(_fresh(api, page))
        for event in page:
            about = event["data"]["object"]
            if event["id"] not in seen:
                named.setdefault(about["object"], {}).setdefault(about["id"], event)
    return named


def _fresh(api: Api, items: Iterable[Item]) -> Iterator[str]:
    """Ids so new that the next load meets them again."""
    return (item["id"] for item in items if item["created"] >= _unix(api.now - OVERLAP))


def _pages(api: Api, path: str, asked: Mapping[str, str | int]) -> Iterator[list[Item]]:
    page = api.get(path, {**asked, "limit": PAGE})
    while page["data"]:
        yield page["data"]
        if not page["has_more"]:
            return
        after = page["data"][-1]["id"]
        page = api.get(path, {**asked, "limit": PAGE, "starting_after": after})


def _all(api: Api, listed: Item) -> Iterator[Item]:
    """All of a list within an object, which shows the first of them."""
    yield from listed["data"]
    if listed["has_more"]:
        after = {"starting_after": listed["data"][-1]["id"]}
        for page in _pages(api, listed["url"], after):
            yield from page


def _unix(moment: datetime) -> int:
    return int(moment.timestamp())


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _day(item: Item) -> date:
    return datetime.fromtimestamp(item["created"], UTC).date()


def _by_day(items: Iterable[Item], first: datetime, last: datetime) -> dict[date, int]:
    counted = Counter(map(_day, items))
    days = (last.date() - first.date()).days
    return {day: counted[day] for day in (first.date() + ONE_DAY * n for n in range(days + 1))}


def _rows_of(
    kind: str, rows: Callable[[Item], Iterator[Row]], reading: Reading
) -> Iterator[Sequence[Row]]:
    if reading.kind == kind and reading.items:
        yield [row for item in reading.items for row in rows(item)]


def customer_rows(people: Pseudonyms, item: Item) -> Iterator[Row]:
    """The row of a customer, without what names somebody who was erased here."""
    email = item["email"]
    is_erased = isinstance(email, str) and people.erased([email.strip().lower()])
    yield {
        "id": item["id"],
        "email": None if is_erased else email,
        "name": None if is_erased else item["name"],
        # Typed by hand: an address may stand anywhere in it.
        "metadata": people.without_erased(json.dumps(item["metadata"], sort_keys=True)),
        "currency": item.get("currency"),
        "delinquent": item.get("delinquent"),
        "created": from_unix(item["created"]),
        "is_deleted": item.get("deleted", False),
    }


def _subscription(item: Item) -> Iterator[Row]:
    yield {
        "id": item["id"],
        "customer": item["customer"],
        "status": item["status"],
        "currency": item["currency"],
        "created": from_unix(item["created"]),
        "start_date": from_unix(item["start_date"]),
        "trial_end": from_unix(item["trial_end"]),
        "cancel_at": from_unix(item["cancel_at"]),
        "canceled_at": from_unix(item["canceled_at"]),
        "ended_at": from_unix(item["ended_at"]),
    }


def _items(api: Api, subscription: Item) -> Iterator[Row]:
    for item in _all(api, subscription["items"]):
        yield {
            "id": item["id"],
            "subscription": subscription["id"],
            "price": item["price"]["id"],
            # What is metered has no quantity.
            "quantity": item.get("quantity"),
            "created": from_unix(item["created"]),
            "current_period_start": from_unix(item["current_period_start"]),
            "current_period_end": from_unix(item["current_period_end"]),
        }


def _invoice(item: Item) -> Iterator[Row]:
    moved = item["status_transitions"]
    yield {
        "id": item["id"],
        "customer": item["customer"],
        "subscription": _details(item, "subscription_details").get("subscription"),
        "number": item.get("number"),
        "status": item["status"],
        "billing_reason": item["billing_reason"],
        "currency": item["currency"],
        "subtotal": item["subtotal"],
        "total": item["total"],
        "amount_due": item["amount_due"],
        "amount_paid": item["amount_paid"],
        "amount_remaining": item["amount_remaining"],
        "period_start": from_unix(item["period_start"]),
        "period_end": from_unix(item["period_end"]),
        "created": from_unix(item["created"]),
        "finalized_at": from_unix(moved["finalized_at"]),
        "paid_at": from_unix(moved["paid_at"]),
        "is_deleted": item.get("deleted", False),
    }


def _details(item: Item, kind: str) -> Item:
    """What an invoice or a line of one came from, as far as it is a subscription."""
    found: Item = (item["parent"] or {}).get(kind) or {}
    return found


def _lines(api: Api, invoice: Item) -> Iterator[Row]:
    # An id of its own for what empties an invoice, for one without lines must lose those it had.
    yield {"id": "", "invoice": invoice["id"], "is_deleted": True}
    for line in _all(api, invoice["lines"]):
        details = _details(line, "subscription_item_details")
        pricing = line["pricing"] or {}
        yield {
            "id": line["id"],
            "invoice": invoice["id"],
            "subscription": details.get("subscription"),
            "subscription_item": details.get("subscription_item"),
            "price": (pricing.get("price_details") or {}).get("price"),
            "quantity": line["quantity"],
            "unit_amount_decimal": pricing.get("unit_amount_decimal"),
            "amount": line["amount"],
            "currency": line["currency"],
            "is_proration": details.get("proration", False),
            "period_start": from_unix(line["period"]["start"]),
            "period_end": from_unix(line["period"]["end"]),
        }


def _credit_note(item: Item) -> Iterator[Row]:
    yield {
        "id": item["id"],
        "invoice": item["invoice"],
        "customer": item["customer"],
        "status": item["status"],
        "reason": item["reason"],
        "currency": item["currency"],
        "total": item["total"],
        "created": from_unix(item["created"]),
    }


def _price(item: Item) -> Iterator[Row]:
    # Prices of one-off sales do not recur.
    recurring = item["recurring"] or {}
    yield {
        "id": item["id"],
        "product": item["product"],
        "nickname": item.get("nickname"),
        "currency": item["currency"],
        "unit_amount_decimal": item["unit_amount_decimal"],
        "interval": recurring.get("interval"),
        "interval_count": recurring.get("interval_count"),
        "usage_type": recurring.get("usage_type"),
        "active": item["active"],
        "created": from_unix(item["created"]),
    }


def _counts(reading: Reading, now: datetime) -> Sequence[Row]:
    """Stripe tells no totals, so what it listed is counted by the day of its creation."""
    return [
        {
            "table_name": reading.kind,
            "scope": day.isoformat(),
            "source_count": count,
            "counted_at": now,
        }
        for day, count in sorted(reading.counted.items())
    ]
