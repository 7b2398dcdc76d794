"""What customers pay: subscriptions in versions of seats, and the invoices for them."""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from simulator.lanternfish import tables
from simulator.lanternfish.accounts import PLANS, PRICES
from simulator.lanternfish.journeys import World
from simulator.lanternfish.tables import Row
from simulator.lanternfish.timeline import DAY, DAYS, END_US, HOUR, START_US

NEGATIVE_INVOICES = 14
_MONTH_DAYS = 30
SUBSCRIPTIONS = tables.schema(
    subscription_id="text",
    account_id="text",
    plan="text",
    seats="int",
    unit_price="money",
    mrr="money",
    started_at="moment",
    ended_at="moment",
    end_reason="text",
)
INVOICES = tables.schema(
    invoice_id="text",
    account_id="text",
    issued_at="moment",
    period_start="moment",
    period_end="moment",
    amount="money",
    currency="text",
    status="text",
)


@dataclass(frozen=True)
class Term:
    """An account's subscription while its seats stay the same."""

    account: int
    seats: int
    price: int
    started: int
    ended: int | None
    reason: str | None


def terms(world: World) -> list[Term]:
    """Seats grow in 3 % of months and shrink in 1.2 %."""
    rng, accounts = world.rng("seats"), world.accounts
    found: list[Term] = []
    for account in accounts.customers().tolist():
        day, seats = int(accounts.paid[account]), int(accounts.seats[account])
        price = PRICES[accounts.plan[account]]
        churned = int(accounts.churned[account])
        last = min(churned, DAYS)
        began = day
        for month in range(max(day, 0) + _MONTH_DAYS, last, _MONTH_DAYS):
            luck = rng.random()
            grown = seats + max(1, round(seats * rng.uniform(0.10, 0.25)))
            shrunk = max(1, seats - max(1, round(seats * rng.uniform(0.10, 0.25))))
            changed = grown if luck < 0.03 else shrunk if luck < 0.042 else seats
            if changed != seats:
                found.append(Term(account, seats, price, began, month, "seats changed"))
                began, seats = month, changed
        ended = churned if churned < DAYS else None
        found.append(Term(account, seats, price, began, ended, "cancelled" if ended else None))
    return found


def _at(day: int) -> int:
    return START_US + day * DAY + 12 * HOUR


def subscription_rows(world: World, found: list[Term]) -> list[Row]:
    accounts = world.accounts
    return [
        {
            "subscription_id": f"sub_{accounts.account_id[term.account][5:]}",
            "account_id": accounts.account_id[term.account],
            "plan": PLANS[accounts.plan[term.account]],
            "seats": term.seats,
            "unit_price": Decimal(term.price),
            "mrr": Decimal(term.price * term.seats),
            "started_at": _at(term.started),
            "ended_at": None if term.ended is None else _at(term.ended),
            "end_reason": term.reason,
        }
        for term in found
    ]


def invoice_rows(world: World, found: list[Term]) -> list[Row]:
    """A monthly invoice for each subscription; 14 were keyed in with the wrong sign."""
    rows: list[dict[str, object]] = []
    for term in found:
        ends = DAYS if term.ended is None else term.ended
        first = term.started
        if first < 0:
            first += -(first // _MONTH_DAYS) * _MONTH_DAYS
        for day in range(first, ends, _MONTH_DAYS):
            rows.append(
                {
                    "invoice_id": f"in_{world.replica}_{len(rows) + 1:06d}",
                    "account_id": world.accounts.account_id[term.account],
                    "issued_at": _at(day),
                    "period_start": _at(day),
                    "period_end": _at(day + _MONTH_DAYS),
                    "amount": Decimal(term.price * term.seats),
                    "currency": "USD",
                    "status": "open" if _at(day) > END_US - 14 * DAY else "paid",
                }
            )
    chosen = world.rng("negative invoices").choice(len(rows), NEGATIVE_INVOICES, replace=False)
    for number in np.sort(chosen).tolist():
        amount = rows[number]["amount"]
        assert isinstance(amount, Decimal)
        rows[number]["amount"] = -amount
    return list(rows)
