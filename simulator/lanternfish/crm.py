"""What sales keeps in HubSpot: companies, contacts and deals as versions, and who belongs where."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from simulator.lanternfish import feedback, tables
from simulator.lanternfish.accounts import INSTALLED, INTERNAL, PRICES
from simulator.lanternfish.journeys import World
from simulator.lanternfish.tables import Row
from simulator.lanternfish.timeline import (
    DAY,
    DAYS,
    END_US,
    HOUR,
    SECOND,
    START_US,
    at_day,
    day_of,
    iso,
)

DUPLICATES, MERGED_DUPLICATES = 41, 19
ALIASED = 0.03
LEADS = 600
COMPETITOR_SINCE = at_day(day_of("2026-04-02") + 0.35)
STAGES = (
    ("appointmentscheduled", "Appointment scheduled", "0.2"),
    ("qualifiedtobuy", "Qualified to buy", "0.4"),
    ("presentationscheduled", "Presentation scheduled", "0.6"),
    ("decisionmakerboughtin", "Decision maker bought in", "0.8"),
    ("contractsent", "Contract sent", "0.9"),
    ("closedwon", "Closed won", "1.0"),
    ("closedlost", "Closed lost", "0.0"),
)
LOST_LABELS = tables.schema(
    deal_id="text", account_id="text", lost_at="moment", theme="text", severity_weight="int"
)
# Of lost deals: for how many there is a reason, and how many are lost for want of something.
_WITH_REASON, _FOR_WANT = 0.6, 0.25
_REASONS = (
    *("Too expensive for them.", "No budget this year.", "Went with a competitor."),
    *("The champion left.", "No decision after the trial."),
)
_COMPETITORS = ("Basecamp", "Monday", "Asana", "Productive", "Teamwork")
# Contacts, companies and deals of a replica get numbers of their own range.
_ID_SPACE = 1_000_000
_CONTACT_BASE, _COMPANY_BASE, _DEAL_BASE = 50_000_000, 9_100_000_000, 23_000_000_000
_OWNERS = ("71000001", "71000002", "71000003", "71000004")

PROPERTIES: dict[str, dict[str, tuple[str, str]]] = {
    "contacts": {
        "email": ("string", "text"),
        "firstname": ("string", "text"),
        "lastname": ("string", "text"),
        "lifecyclestage": ("enumeration", "radio"),
        "createdate": ("datetime", "date"),
        "lastmodifieddate": ("datetime", "date"),
        "hs_additional_emails": ("enumeration", "checkbox"),
        "hs_analytics_source": ("enumeration", "select"),
    },
    "companies": {
        "name": ("string", "text"),
        "domain": ("string", "text"),
        "industry": ("enumeration", "select"),
        "numberofemployees": ("number", "number"),
        "lifecyclestage": ("enumeration", "radio"),
        "createdate": ("datetime", "date"),
        "hs_lastmodifieddate": ("datetime", "date"),
    },
    "deals": {
        "dealname": ("string", "text"),
        "amount": ("number", "number"),
        "dealstage": ("enumeration", "radio"),
        "pipeline": ("enumeration", "select"),
        "closedate": ("datetime", "date"),
        "createdate": ("datetime", "date"),
        "hubspot_owner_id": ("enumeration", "select"),
        "hs_lastmodifieddate": ("datetime", "date"),
        "competitor": ("string", "text"),
        "closed_lost_reason": ("string", "textarea"),
    },
}
_MOMENTS = ("created_at", "updated_at", "archived_at", "merged_at")
OWNER_SCHEMA = tables.schema(
    id="text",
    email="text",
    first_name="text",
    last_name="text",
    user_id="text",
    created_at="moment",
    updated_at="moment",
    archived_at="moment",
)
STAGE_SCHEMA = tables.schema(
    object_type="text",
    pipeline_id="text",
    pipeline_label="text",
    stage_id="text",
    stage_label="text",
    display_order="int",
    probability="text",
    is_closed="text",
    created_at="moment",
)
ASSOCIATION_SCHEMA = tables.schema(
    from_type="text",
    from_id="text",
    to_type="text",
    to_id="text",
    type_id="text",
    label="text",
    created_at="moment",
    removed_at="moment",
)
PROPERTY_SCHEMA = tables.schema(
    object_type="text",
    name="text",
    label="text",
    type="text",
    field_type="text",
    created_at="moment",
)


def object_schema(kind: str) -> tables.pa.Schema:
    return tables.text_schema(_MOMENTS, ("id", "merged_into", *PROPERTIES[kind]))


@dataclass
class Record:
    """One CRM object: its properties change over time; it may be archived or merged away."""

    kind: str
    id: str
    created: int
    properties: dict[str, str | None]
    changes: list[tuple[int, dict[str, str | None]]] = field(default_factory=list)
    archived: int | None = None
    merged_into: str | None = None
    merged: int | None = None

    def last_change(self) -> int:
        return max([self.created, *(at for at, _ in self.changes)])

    def versions(self) -> Iterable[Row]:
        """A full row for each version, oldest first."""
        modified = "lastmodifieddate" if self.kind == "contacts" else "hs_lastmodifieddate"
        state = dict(self.properties)
        for at, change in [(self.created, {}), *sorted(self.changes, key=lambda each: each[0])]:
            state |= change
            yield {
                "id": self.id,
                "created_at": _whole(self.created),
                "updated_at": _whole(at),
                "archived_at": _whole(self.archived),
                "merged_into": self.merged_into,
                "merged_at": _whole(self.merged),
                **state,
                "createdate": iso(self.created),
                modified: iso(at),
            }


def _whole(at: int | None) -> int | None:
    """HubSpot keeps milliseconds."""
    return None if at is None else at // 1_000 * 1_000


@dataclass
class Crm:
    """Everything HubSpot holds of one replica."""

    companies: list[Record] = field(default_factory=list)
    contacts: list[Record] = field(default_factory=list)
    deals: list[Record] = field(default_factory=list)
    associations: list[dict[str, object]] = field(default_factory=list)
    # What deals that were lost for want of something wanted; no vendor serves it.
    lost_labels: list[Row] = field(default_factory=list)

    def relate(self, source: Record, target: Record, type_id: str, at: int) -> None:
        self.associations.append(
            {
                "from_type": source.kind,
                "from_id": source.id,
                "to_type": target.kind,
                "to_id": target.id,
                "type_id": type_id,
                "label": None,
                "created_at": _whole(at),
                "removed_at": None,
            }
        )

    def rows(self, kind: str) -> list[Row]:
        records: list[Record] = getattr(self, kind)
        found = [row for record in records for row in record.versions()]
        return sorted(found, key=lambda row: (row["updated_at"], row["id"]))


def nights() -> tuple[int, int, int]:
    """Mornings of the last three days, each of which must bring some of every change."""
    return tuple(END_US - back * DAY + 9 * HOUR for back in (3, 2, 1))  # type: ignore[return-value]


def build(world: World) -> Crm:
    crm = Crm()
    companies = _companies(world, crm)
    contacts = _contacts(world, crm, companies)
    _leads(world, crm, companies)
    _deals(world, crm, companies, contacts)
    _duplicate_companies(world, crm, companies)
    _merge_contacts(world, crm)
    _archive(world, crm)
    _move_contacts(world, crm)
    return crm


def _numbered(base: int, world: World, number: int) -> str:
    return str(base + world.replica * _ID_SPACE + number)


def _companies(world: World, crm: Crm) -> dict[int, Record]:
    """One company an account, known to sales within a day."""
    rng, accounts = world.rng("companies"), world.accounts
    found: dict[int, Record] = {}
    for account in np.flatnonzero(accounts.kind != INTERNAL).tolist():
        begin = at_day(float(accounts.start[account]) + rng.uniform(0.3, 0.9))
        customer = accounts.paid[account] < DAYS
        installed = accounts.kind[account] == INSTALLED
        record = Record(
            "companies",
            _numbered(_COMPANY_BASE, world, account + 1),
            begin,
            {
                "name": accounts.name[account],
                "domain": accounts.domain[account],
                "industry": accounts.industry[account],
                "numberofemployees": str(int(accounts.seats[account] * rng.uniform(1.2, 3)) + 1),
                "lifecyclestage": "customer" if installed else "opportunity",
            },
        )
        if customer and not installed:
            at = min(at_day(float(accounts.paid[account]) + 0.6), END_US - HOUR)
            record.changes.append((max(at, begin + HOUR), {"lifecyclestage": "customer"}))
        found[account] = record
        crm.companies.append(record)
    return found


def _contacts(world: World, crm: Crm, companies: Mapping[int, Record]) -> dict[int, list[Record]]:
    """One contact for each user seen; some under another address than they log in with."""
    rng, people = world.rng("contacts"), world.people
    first = world.first_opened()
    found: dict[int, list[Record]] = {}
    users = np.flatnonzero(world.activity.seen() & world.outside(np.arange(len(people))))
    for user in users.tolist():
        account = int(people.account[user])
        created = min(int(first[user]) + int(rng.uniform(60, 3_000)) * SECOND, END_US - 60 * SECOND)
        email, more = people.email[user], None
        if rng.random() < ALIASED:
            email, more = _alias(world, user, rng)
        record = Record(
            "contacts",
            _numbered(_CONTACT_BASE, world, len(crm.contacts) + 1),
            created,
            {
                "email": email,
                "firstname": people.first_name[user],
                "lastname": people.last_name[user],
                "lifecyclestage": "opportunity",
                "hs_additional_emails": more,
                "hs_analytics_source": "DIRECT_TRAFFIC",
            },
        )
        if rng.random() < 0.06:
            later = created + int(rng.uniform(0.05, 1) * (END_US - created))
            record.changes.append((later, {"lifecyclestage": "customer"}))
        crm.contacts.append(record)
        crm.relate(record, companies[account], "279", created)
        found.setdefault(account, []).append(record)
    return found


def _alias(world: World, user: int, rng: np.random.Generator) -> tuple[str, str]:
    """Sales knows an older address; the one used in the product stands among the others."""
    people = world.people
    domain = world.accounts.domain[people.account[user]]
    initial = f"{people.first_name[user][0]}.{people.last_name[user]}".lower()
    email = f"{initial}{people.ids[user]}@{domain}"
    product = people.email[user]
    if rng.random() < 0.3:
        return email, f"old.{initial}{people.ids[user]}@{domain};{product}"
    return email, product


def _leads(world: World, crm: Crm, companies: Mapping[int, Record]) -> None:
    """Contacts who came to a webinar or filled in a form and never used the product."""
    rng = world.rng("leads")
    owners = list(companies)
    for number in range(LEADS):
        at = START_US + int(rng.uniform(0.01, 0.999) * DAYS * DAY)
        account = owners[int(rng.integers(0, len(owners)))]
        domain = companies[account].properties["domain"]
        record = Record(
            "contacts",
            _numbered(_CONTACT_BASE, world, len(crm.contacts) + 1),
            at,
            {
                "email": f"lead{world.replica * LEADS + number + 1}@{domain}",
                "firstname": "Lead",
                "lastname": f"Number {number + 1}",
                "lifecyclestage": "lead",
                "hs_additional_emails": None,
                "hs_analytics_source": "OFFLINE" if number % 2 else "ORGANIC_SEARCH",
            },
        )
        crm.contacts.append(record)
        if at > companies[account].created:
            crm.relate(record, companies[account], "279", at)


def _deals(
    world: World,
    crm: Crm,
    companies: Mapping[int, Record],
    contacts: Mapping[int, list[Record]],
) -> None:
    """A won deal for each new customer; of the other trials some more than half were worked."""
    rng, why, accounts = world.rng("deals"), world.rng("lost deals"), world.accounts
    for account in np.flatnonzero(accounts.start > 0).tolist():
        paid = int(accounts.paid[account])
        worked = rng.random() < 0.55
        signed = at_day(float(accounts.start[account]) + 0.5)
        if paid < DAYS:
            closed = at_day(paid + 0.5 + rng.uniform(0, 0.2))
            created = signed + int(rng.uniform(0.5, 5) * DAY)
            outcome = "closedwon"
        elif worked:
            created = signed + int(rng.uniform(1, 20) * DAY)
            closed = created + int(rng.uniform(15, 95) * DAY)
            outcome = "closedlost"
        else:
            continue
        if created >= END_US - HOUR:
            continue
        deal = _deal(world, crm, account, created, closed, outcome, rng)
        if outcome == "closedlost":
            _explain(world, crm, account, deal, why)
        crm.deals.append(deal)
        crm.relate(deal, companies[account], "341", created)
        for contact in _buyers(
            world, crm, companies[account], contacts.get(account, []), created, rng
        ):
            crm.relate(deal, contact, "3", max(created, contact.created))
    _last_deals(world, crm, companies, rng)
    _stir(crm)


def _explain(world: World, crm: Crm, account: int, deal: Record, rng: np.random.Generator) -> None:
    """Write down why a deal was lost: for want of something, for another reason, or not at all."""
    said, variant, severe = rng.random(), int(rng.integers(0, 2)), int(rng.integers(0, 3))
    reason = _REASONS[int(rng.integers(0, len(_REASONS)))]
    lost = next(
        (at for at, change in deal.changes if change.get("dealstage") == "closedlost"), None
    )
    if lost is None or said >= _WITH_REASON:
        return
    if said < _FOR_WANT:
        plan, day = world.accounts.plan[[account]], np.array([(lost - START_US) // DAY])
        theme = int(feedback.themes(plan, day, rng)[0])
        reason = feedback.words(theme, severe, variant)
        severity = feedback.severity_name(severe)
        crm.lost_labels.append(
            {
                "deal_id": deal.id,
                "account_id": world.accounts.account_id[account],
                "lost_at": lost,
                "theme": feedback.NAMES[theme],
                "severity_weight": feedback.SEVERITY_WEIGHT[severity],
            }
        )
    for at, change in deal.changes:
        if at == lost:
            change["closed_lost_reason"] = reason


def _last_deals(
    world: World, crm: Crm, companies: Mapping[int, Record], rng: np.random.Generator
) -> None:
    """A new deal and two changed companies in each of the last three nights."""
    dealt = {row["to_id"] for row in crm.associations if row["from_type"] == "deals"}
    young = [
        account
        for account, record in companies.items()
        if record.id not in dealt and END_US - 60 * DAY < record.created < END_US - 4 * DAY
    ]
    for account, at in zip(young, nights(), strict=False):
        deal = _deal(world, crm, account, at + 6 * HOUR, at + 66 * DAY, "closedlost", rng)
        crm.deals.append(deal)
        crm.relate(deal, companies[account], "341", deal.created)
    for number, account in enumerate(list(companies)[:6]):
        at = nights()[number % 3] + 7 * HOUR
        companies[account].changes.append((at, {"numberofemployees": str(60 + number)}))


def _buyers(
    world: World,
    crm: Crm,
    company: Record,
    users: list[Record],
    at: int,
    rng: np.random.Generator,
) -> list[Record]:
    """The deal's contacts: the first user, and in two deals of three a buyer beside him."""
    known = [users[0]] if users else []
    if rng.random() < 0.67:
        number = len(crm.contacts) + 1
        buyer = Record(
            "contacts",
            _numbered(_CONTACT_BASE, world, number),
            at - int(rng.uniform(60, 7_200)) * SECOND,
            {
                "email": f"buyer{number}@{company.properties['domain']}",
                "firstname": "Buyer",
                "lastname": f"Number {number}",
                "lifecyclestage": "opportunity",
                "hs_additional_emails": None,
                "hs_analytics_source": "OFFLINE",
            },
        )
        crm.contacts.append(buyer)
        crm.relate(buyer, company, "279", buyer.created)
        known.append(buyer)
    return known


def _deal(
    world: World,
    crm: Crm,
    account: int,
    created: int,
    closed: int,
    outcome: str,
    rng: np.random.Generator,
) -> Record:
    """A deal walks up the stages to its outcome; its amount is revised up to three times."""
    accounts = world.accounts
    final = int(accounts.seats[account]) * PRICES[accounts.plan[account]] * 12
    revisions = int(rng.integers(0, 4))
    first = f"{final}" if revisions == 0 else _rough(final, rng)
    owner = _OWNERS[int(rng.integers(0, 3 if created > at_day(day_of("2025-10-01")) else 4))]
    deal = Record(
        "deals",
        _numbered(_DEAL_BASE, world, len(crm.deals) + 1),
        created,
        {
            "dealname": f"{accounts.name[account]} - {int(accounts.seats[account])} seats",
            "amount": first,
            "dealstage": STAGES[0][0],
            "pipeline": "default",
            "closedate": iso(created + 30 * DAY),
            "hubspot_owner_id": owner,
            "competitor": None,
            "closed_lost_reason": None,
        },
    )
    span = closed - created
    reached = 5 if outcome == "closedwon" else int(rng.integers(1, 6))
    steps = [stage for stage, _, _ in STAGES[1:reached] if rng.random() < 0.75]
    for share, stage in zip(np.sort(rng.uniform(0.05, 0.95, len(steps))), steps, strict=True):
        at = created + int(share * span)
        deal.changes.append((at, {"dealstage": stage, "closedate": iso(at + 30 * DAY)}))
    for number, share in enumerate(np.sort(rng.uniform(0.1, 0.98, revisions)), start=1):
        amount = f"{final}" if number == revisions else _rough(final, rng)
        deal.changes.append((created + int(share * span), {"amount": amount}))
    deal.changes.append((closed, {"dealstage": outcome, "closedate": iso(closed)}))
    if outcome == "closedlost" and rng.random() < 0.03:
        deal.changes.append((closed + 9 * DAY, {"dealstage": STAGES[1][0]}))
    if rng.random() < 0.5:
        at = max(created + int(rng.uniform(0.1, 0.9) * span), COMPETITOR_SINCE + HOUR)
        if at < closed:
            name = _COMPETITORS[int(rng.integers(0, len(_COMPETITORS)))]
            deal.changes.append((at, {"competitor": name}))
    deal.changes = [change for change in deal.changes if change[0] < END_US]
    return deal


def _rough(final: int, rng: np.random.Generator) -> str:
    """An earlier idea of the amount, sometimes with cents from a percentage discount."""
    amount = final * rng.uniform(0.7, 1.35)
    return f"{amount:.2f}" if rng.random() < 0.3 else f"{round(amount)}"


def _stir(crm: Crm) -> None:
    """Make each of the last three days bring changed stages and amounts."""
    closed = {"closedwon", "closedlost"}
    still = [
        deal
        for deal in crm.deals
        if deal.created < END_US - 6 * DAY
        and not any(change.get("dealstage") in closed for _, change in deal.changes)
    ]
    for number, deal in enumerate(still[:12]):
        at = nights()[number % 3] + number * 600 * SECOND
        if number % 2:
            deal.changes.append((at, {"amount": str(4_800 + 120 * number)}))
        else:
            deal.changes.append((at, {"dealstage": "contractsent", "closedate": iso(at + 9 * DAY)}))


def _duplicate_companies(world: World, crm: Crm, companies: Mapping[int, Record]) -> None:
    """The same company entered twice; 19 of 41 pairs were merged, three in the last nights."""
    rng = world.rng("duplicate companies")
    eligible = [n for n, record in companies.items() if record.created < END_US - 30 * DAY]
    for number, account in enumerate(rng.permutation(eligible)[:DUPLICATES].tolist()):
        original = companies[account]
        name, domain = original.properties["name"] or "", original.properties["domain"] or ""
        begin = max(original.created, START_US) + DAY
        created = begin + int(rng.uniform(0, 0.6) * (END_US - 12 * DAY - begin))
        twin = Record(
            "companies",
            _numbered(_COMPANY_BASE, world, len(companies) + number + 1),
            created,
            {
                **original.properties,
                "name": (name.upper(), f"{name} Ltd", name.lower())[number % 3],
                "domain": f"www.{domain}" if number % 2 else domain.upper(),
                "numberofemployees": None,
                "lifecyclestage": "lead",
            },
        )
        if number < MERGED_DUPLICATES:
            twin.merged_into = original.id
            later = created + DAY + int(rng.uniform(0, 1) * (END_US - 4 * DAY - created))
            twin.merged = nights()[number] + HOUR if number < 3 else min(later, END_US - 5 * DAY)
        crm.companies.append(twin)


def _merge_contacts(world: World, crm: Crm) -> None:
    """A few people were entered twice; the survivor keeps the other address as an additional."""
    rng = world.rng("merged contacts")
    plain = [c for c in crm.contacts if not c.properties["hs_additional_emails"]]
    for number, index in enumerate(rng.choice(len(plain), 12, replace=False).tolist()):
        winner = plain[index]
        if winner.created > END_US - 20 * DAY:
            continue
        local, domain = (winner.properties["email"] or "").split("@")
        created = winner.created + int(rng.uniform(0.1, 0.5) * (END_US - 6 * DAY - winner.created))
        at = created + int(rng.uniform(0.1, 0.9) * (END_US - 5 * DAY - created))
        loser = Record(
            "contacts",
            _numbered(_CONTACT_BASE, world, len(crm.contacts) + 1),
            created,
            {**winner.properties, "email": f"{local}.private@{domain}"},
            merged_into=winner.id,
            merged=nights()[number] + 2 * HOUR if number < 3 else at,
        )
        address: dict[str, str | None] = {"hs_additional_emails": loser.properties["email"]}
        winner.changes.append((loser.merged or at, address))
        crm.contacts.append(loser)
    _merge_deals(world, crm)


def _merge_deals(world: World, crm: Crm) -> None:
    rng = world.rng("merged deals")
    old = [deal for deal in crm.deals if deal.created < END_US - 60 * DAY]
    for number, index in enumerate(rng.choice(len(old), 5, replace=False).tolist()):
        winner = old[index]
        created = winner.created + DAY
        merged = nights()[number] + 3 * HOUR if number < 2 else created + (20 + number) * DAY
        crm.deals.append(
            Record(
                "deals",
                _numbered(_DEAL_BASE, world, len(crm.deals) + 1),
                created,
                dict(winner.properties),
                merged_into=winner.id,
                merged=merged,
            )
        )


def _archive(world: World, crm: Crm) -> None:
    """One and a half per cent of contacts and deals are archived, some in each last night."""
    rng = world.rng("archive")
    lost = {"closedlost"}
    for records, needed in ((crm.contacts, 0.015), (crm.deals, 0.02)):
        free = [
            record
            for record in records
            if record.merged is None
            and record.last_change() < END_US - 6 * DAY
            and (record.kind == "contacts" or _ended(record) in lost)
        ]
        winners = {record.merged_into for record in records}
        free = [record for record in free if record.id not in winners]
        count = round(needed * len(records))
        for number, index in enumerate(rng.permutation(len(free))[:count].tolist()):
            record = free[index]
            begin = record.last_change() + HOUR
            later = begin + int(rng.uniform(0, 1) * (END_US - 5 * DAY - begin))
            record.archived = nights()[number] + 4 * HOUR if number < 3 else later


def _ended(record: Record) -> str | None:
    return record.changes[-1][1].get("dealstage") if record.changes else None


def _move_contacts(world: World, crm: Crm) -> None:
    """Three people changed employer in the last nights: one association goes, another comes."""
    rng = world.rng("moved contacts")
    settled = [
        row
        for row in crm.associations
        if row["from_type"] == "contacts" and _at(row) < END_US - 90 * DAY
    ]
    for number, index in enumerate(rng.choice(len(settled), 3, replace=False).tolist()):
        at = nights()[number] + 5 * HOUR
        settled[index]["removed_at"] = at
        company = crm.companies[int(rng.integers(0, 100))]
        crm.associations.append(
            {**settled[index], "to_id": company.id, "created_at": at, "removed_at": None}
        )


def _at(row: Mapping[str, object]) -> int:
    at = row["created_at"]
    assert isinstance(at, int)
    return at


def owner_rows() -> list[Row]:
    names = (("Mona", "Keller"), ("Jasper", "Holt"), ("Ines", "Duarte"), ("Rolf", "Brandt"))
    return [
        {
            "id": owner,
            "email": f"{first}.{last}@lanternfish.example".lower(),
            "first_name": first,
            "last_name": last,
            "user_id": str(4_400_001 + number),
            "created_at": START_US - 300 * DAY,
            "updated_at": START_US - 300 * DAY if number < 3 else at_day(day_of("2025-10-01")),
            "archived_at": None if number < 3 else at_day(day_of("2025-10-01")),
        }
        for number, (owner, (first, last)) in enumerate(zip(_OWNERS, names, strict=True))
    ]


def stage_rows() -> list[Row]:
    return [
        {
            "object_type": "deals",
            "pipeline_id": "default",
            "pipeline_label": "Sales pipeline",
            "stage_id": stage,
            "stage_label": label,
            "display_order": order,
            "probability": probability,
            "is_closed": "true" if stage.startswith("closed") else "false",
            "created_at": START_US - 300 * DAY,
        }
        for order, (stage, label, probability) in enumerate(STAGES)
    ]


def property_rows() -> list[Row]:
    """Property definitions; the vendor knows `competitor` only from the day it was added."""
    return [
        {
            "object_type": kind,
            "name": name,
            "label": name.removeprefix("hs_").replace("_", " ").capitalize(),
            "type": value_type,
            "field_type": field_type,
            "created_at": COMPETITOR_SINCE if name == "competitor" else START_US - 800 * DAY,
        }
        for kind, columns in PROPERTIES.items()
        for name, (value_type, field_type) in columns.items()
    ]
