"""The CRM as of a moment: deals, and what was open at the end of every day."""

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from simulator.truth.records import DAY, Records, day_text

WON, LOST = "closedwon", "closedlost"


@dataclass(frozen=True)
class Deal:
    """A deal's versions in order: from when, which stage, what amount."""

    key: str
    created: int
    versions: list[tuple[int, str, Decimal]]
    archived: bool
    merged: bool


def read_deals(records: Records, now: int) -> list[Deal]:
    columns = (
        "id",
        "created_at",
        "updated_at",
        "archived_at",
        "merged_into",
        "merged_at",
        "dealstage",
        "amount",
    )
    rows: dict[str, list[tuple]] = defaultdict(list)
    for row in records.rows("hubspot/deals", columns):
        key, created, updated, *rest = row
        # A stranger's export may lack either time; the one given stands for both.
        updated = updated if updated is not None else created or 0
        rows[key].append((created if created is not None else updated, updated, *rest))
    deals: list[Deal] = []
    for key, versions in rows.items():
        known = sorted((v for v in versions if v[1] <= now), key=lambda version: version[1])
        if not known or known[0][0] > now:
            continue
        archived = any(v[2] is not None and v[2] <= now for v in versions)
        merged = any(v[3] and v[4] is not None and v[4] <= now for v in versions)
        states = [(v[1], v[5] or "", Decimal(v[6] or "0")) for v in known]
        deals.append(Deal(key, known[0][0], states, archived, merged))
    return deals


def live_lost_deals(deals: list[Deal]) -> set[str]:
    """The ids of deals that are lost, neither archived nor merged away."""
    return {
        deal.key
        for deal in deals
        if not deal.archived and not deal.merged and deal.versions[-1][1] == LOST
    }


def count_deals(deals: list[Deal]) -> dict:
    live = [deal for deal in deals if not deal.archived and not deal.merged]
    final = [deal.versions[-1] for deal in live]
    won = [amount for _, stage, amount in final if stage == WON]
    lost = [amount for _, stage, amount in final if stage == LOST]
    still = [amount for _, stage, amount in final if stage not in (WON, LOST)]
    return {
        "count": len(live),
        "open": len(still),
        "won": len(won),
        "lost": len(lost),
        "won_amount": money(sum(won, Decimal(0))),
        "lost_amount": money(sum(lost, Decimal(0))),
        "open_amount": money(sum(still, Decimal(0))),
        "archived": sum(deal.archived and not deal.merged for deal in deals),
        "merged": sum(deal.merged for deal in deals),
    }


def money(amount: Decimal) -> str:
    return f"{amount:.2f}"


def count_pipeline(deals: list[Deal], now: int) -> dict:
    """Deals open at the end of each day that is over."""
    open_deals: dict[int, list[Decimal]] = defaultdict(list)
    for deal in deals:
        if deal.archived or deal.merged:
            continue
        position = 0
        for day in range(deal.created // DAY, now // DAY):
            end = (day + 1) * DAY
            while position + 1 < len(deal.versions) and deal.versions[position + 1][0] < end:
                position += 1
            _, stage, amount = deal.versions[position]
            if stage not in (WON, LOST):
                open_deals[day].append(amount)
    first = min((deal.created // DAY for deal in deals), default=now // DAY)
    return {
        day_text(day): {
            "deals": len(open_deals[day]),
            "amount": money(sum(open_deals[day], Decimal(0))),
        }
        for day in range(first, now // DAY)
    }
