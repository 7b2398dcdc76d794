"""One walk over the events: who was active when, who used what, and the single moments."""

import json
from collections import defaultdict
from dataclasses import dataclass, field

from simulator.truth.persons import FREE_MAIL, Persons
from simulator.truth.records import DAY, HOUR, Records, at, day_text

PASSIVE = {
    "$identify",
    "$groupidentify",
    "$set",
    "$create_alias",
    "$feature_flag_called",
    "survey shown",
    "survey dismissed",
    "email_opened",
    "email_delivered",
}
FEATURE_OF = {
    "project_created": "projects",
    "task_completed": "tasks",
    "comment_added": "comments",
    "dashboard_viewed": "dashboards",
    "integration_connected": "integrations",
    "export_run": "export",
    "automation_run": "automations",
    "client_portal_opened": "client_portal",
    "sso_login": "sso_scim",
    "ai_summary_generated": "ai_summaries",
    "mobile_opened": "mobile",
    "gantt_viewed": "gantt",
}
GOALS = {"onboarding_completed", "search_used"}
MISSING_DAY, DOUBLE_DAY = at("2025-09-14") // DAY, at("2026-01-20") // DAY


def week_of(day: int) -> int:
    """The Monday of a day's week; 1970-01-01 was a Thursday."""
    return day - (day + 3) % 7


def channel_of(page: dict) -> str:
    """The channel of a visit, from the tags its link carried."""
    mediums = {
        "event": "webinar",
        "cpc": "paid_search",
        "paid_social": "paid_social",
        "partner": "partner",
        "outbound_email": "outbound",
    }
    medium = page.get("utm_medium")
    if medium:
        return mediums.get(medium, "other")
    return "organic" if "google." in str(page.get("$referring_domain")) else "direct"


@dataclass
class Uses:
    accounts: set[str] = field(default_factory=set)
    unplaced: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    count: int = 0


@dataclass(frozen=True)
class Moment:
    """A single event of a kind counted singly; the account as the event told it."""

    at: int
    person: str
    account: str | None
    properties: dict


@dataclass
class Product:
    """What one walk over the visible events found."""

    delivered: int = 0
    seen: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    using: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    visiting: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    uses: dict[tuple[str, int], Uses] = field(default_factory=lambda: defaultdict(Uses))
    moments: dict[str, list[Moment]] = field(default_factory=lambda: defaultdict(list))
    told_account: dict[str, tuple[int, str]] = field(default_factory=dict)
    account_of: dict[str, str] = field(default_factory=dict)
    late: int = 0
    very_late: int = 0
    backfilled: int = 0
    twice: int = 0

    def active(self, day: int) -> set[str]:
        return self.using.get(day, set()) | self.visiting.get(day, set())

    def active_between(self, first: int, last: int) -> set[str]:
        found: set[str] = set()
        for day in range(first, last + 1):
            found |= self.active(day)
        return found

    def account(self, moment: Moment) -> str | None:
        return moment.account or self.account_of.get(moment.person)


SINGLE = {
    "$pageview",
    "signed_up",
    "user_invited",
    "integration_connected",
    "$feature_flag_called",
    "sso_login",
    *GOALS,
}


def walk(records: Records, persons: Persons, now: int) -> Product:
    """Read every event once."""
    product = Product()
    columns = ("uuid", "event", "distinct_id", "timestamp", "inserted_at", "properties")
    number = 0
    for uuid, event, distinct_id, at_, inserted, text in records.rows("posthog/events", columns):
        number += 1
        if (at_ if inserted is None else inserted) > now:
            continue
        product.delivered += 1
        key = uuid or f"row {number}"
        if key in product.seen:
            product.twice += at_ // DAY == DOUBLE_DAY
            continue
        product.seen.add(key)
        if inserted is not None and inserted - at_ >= HOUR:
            _count_late(product, at_, inserted)
        person = persons.person_of.get(distinct_id, distinct_id)
        if person is not None and person not in persons.internal:
            _count_event(product, event, person, at_, text)
    _place(records, product, persons)
    return product


def _count_late(product: Product, at_: int, inserted: int) -> None:
    if at_ // DAY == MISSING_DAY:
        product.backfilled += 1
    elif inserted - at_ <= 72 * HOUR:
        product.late += 1
    elif inserted - at_ <= 7 * DAY:
        product.very_late += 1


def _count_event(product: Product, event: str, person: str, at_: int, text: str | None) -> None:
    product.people.add(person)
    day = at_ // DAY
    if event == "$pageview":
        product.visiting[day].add(person)
    elif event not in PASSIVE:
        product.using[day].add(person)
    properties: dict | None = None
    account: str | None = None
    if text and ("$group" in text or event in SINGLE):
        properties = json.loads(text)
        groups = properties.get("$groups") or {}
        account = groups.get("account") or properties.get("$group_0")
        if account and (
            person not in product.told_account or at_ >= product.told_account[person][0]
        ):
            product.told_account[person] = (at_, account)
    feature = FEATURE_OF.get(event)
    if feature:
        found = product.uses[feature, week_of(day)]
        found.people.add(person)
        found.count += 1
        if account:
            found.accounts.add(account)
        else:
            found.unplaced.add(person)
    if event in SINGLE:
        product.moments[event].append(Moment(at_, person, account, properties or {}))


def _place(records: Records, product: Product, persons: Persons) -> None:
    """Give people whose events name no account the one of their company's e-mail domain."""
    columns = ("account_id", "domain")
    known = {domain: account for account, domain in records.rows("business/accounts", columns)}
    votes: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for person, (_, account) in product.told_account.items():
        domain = persons.email.get(person, "@").split("@")[1]
        if domain and domain not in FREE_MAIL:
            votes[domain][account] += 1
    for person, email in persons.email.items():
        domain = email.split("@")[1]
        if person in product.told_account:
            product.account_of[person] = product.told_account[person][1]
        elif domain in votes:
            ranked = sorted(votes[domain].items(), key=lambda each: (-each[1], each[0]))
            product.account_of[person] = ranked[0][0]
        elif domain not in FREE_MAIL:
            product.account_of[person] = known.get(domain, f"domain:{domain}")
    for person, (_, account) in product.told_account.items():
        product.account_of.setdefault(person, account)


def count_events(product: Product) -> dict:
    return {
        "delivered": product.delivered,
        "distinct": len(product.seen),
        "distinct_people": len(product.people),
    }


def count_daily_active_people(product: Product) -> dict:
    days = sorted(set(product.using) | set(product.visiting))
    return {day_text(day): len(product.active(day)) for day in days}


def count_feature_adoption(product: Product) -> dict:
    weekly: dict[str, dict[str, dict[str, int]]] = {name: {} for name in FEATURE_OF.values()}
    for (feature, week), found in sorted(product.uses.items()):
        placed = {product.account_of[p] for p in found.unplaced if p in product.account_of}
        weekly[feature][day_text(week)] = {
            "accounts": len(found.accounts | placed),
            "people": len(found.people),
            "uses": found.count,
        }
    return weekly


@dataclass(frozen=True)
class Visit:
    at: int
    channel: str
    campaign: str | None


def visits(product: Product) -> dict[str, list[Visit]]:
    """Each person's visits to the site in order; a session is one visit."""
    found: dict[str, list[Visit]] = defaultdict(list)
    sessions: set[tuple[str, str]] = set()
    for page in sorted(product.moments["$pageview"], key=lambda each: each.at):
        session = (page.person, page.properties.get("$session_id") or str(page.at))
        if session not in sessions:
            sessions.add(session)
            campaign = page.properties.get("utm_campaign")
            found[page.person].append(Visit(page.at, channel_of(page.properties), campaign))
    return found


def first_sign_ups(product: Product) -> dict[str, Moment]:
    found: dict[str, Moment] = {}
    for each in sorted(product.moments["signed_up"], key=lambda each: each.at):
        found.setdefault(each.person, each)
    return found


def count_sign_ups(product: Product) -> dict:
    """One sign-up a person, by the channel of the person's first visit."""
    by_channel: dict[str, int] = defaultdict(int)
    by_month: dict[str, int] = defaultdict(int)
    touched = visits(product)
    found = first_sign_ups(product)
    for person, signed in found.items():
        first = touched.get(person)
        by_channel[first[0].channel if first else "unknown"] += 1
        by_month[day_text(signed.at // DAY)[:7]] += 1
    return {
        "total": len(found),
        "by_channel": dict(sorted(by_channel.items())),
        "by_month": dict(sorted(by_month.items())),
    }
