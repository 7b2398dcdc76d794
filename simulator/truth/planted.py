"""The planted truths T1 to T15 as the records realise them."""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from statistics import median

from simulator.truth.product import Moment, Product, Visit, first_sign_ups, visits, week_of
from simulator.truth.records import DAY, Records, at, day_text, micros
from simulator.truth.sales import live_lost_deals, money, read_deals
from simulator.truth.surveys import Answer, nps

ROLLOUT = at("2026-01-13") // DAY
BASE_WEEK = at("2025-03-03") // DAY
SSO_GA = at("2026-02-17")
CAMPAIGN = "startup-50"
BAD_WAVE, WAVE_BEFORE, WAVE_AFTER = "2025-Q4", "2025-Q3", "2026-Q1"
HALF_YEAR = 182 * DAY
# A trial decides within 45 days of its start; after 60 it has decided.
MATURE = 60 * DAY
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")


@dataclass(frozen=True)
class Term:
    seats: int
    mrr: Decimal
    started: int
    ended: int | None


@dataclass(frozen=True)
class Known:
    """What was counted once and several truths need."""

    records: Records
    product: Product
    waves: dict[str, list[Answer]]
    now: int

    @cached_property
    def terms(self) -> dict[str, list[Term]]:
        """Each account's subscription terms in order, those begun by now."""
        columns = ("account_id", "seats", "mrr", "started_at", "ended_at")
        found: dict[str, list[Term]] = defaultdict(list)
        for account, seats, mrr, started, ended in self.records.rows(
            "business/subscriptions", columns
        ):
            if started <= self.now:
                known_end = ended if ended is not None and ended <= self.now else None
                found[account].append(Term(int(seats), Decimal(mrr), started, known_end))
        for terms in found.values():
            terms.sort(key=lambda term: term.started)
        return found

    @cached_property
    def visits(self) -> dict[str, list[Visit]]:
        return visits(self.product)

    @cached_property
    def sign_ups(self) -> dict[str, Moment]:
        """The first sign-up of each account that began inside the window."""
        found: dict[str, Moment] = {}
        for signed in first_sign_ups(self.product).values():
            account = self.product.account(signed)
            if account is not None:
                found.setdefault(account, signed)
        return found

    def mrr(self, account: str, moment: int) -> Decimal:
        for term in self.terms.get(account, []):
            if term.started <= moment and (term.ended is None or moment < term.ended):
                return term.mrr
        return Decimal(0)

    def churned(self, account: str) -> int | None:
        return self.terms[account][-1].ended


def difference(treated: list[tuple[str, bool]], control: list[tuple[str, bool]]) -> dict:
    """Difference of two shares, with an interval that lets people of an account be alike."""
    rate = [sum(kept for _, kept in arm) / len(arm) for arm in (treated, control)]
    clusters: dict[str, float] = defaultdict(float)
    for sign, share, arm in ((1, rate[0], treated), (-1, rate[1], control)):
        for account, kept in arm:
            clusters[account] += sign * (kept - share) / len(arm)
    error = math.sqrt(sum(value * value for value in clusters.values()))
    effect = rate[0] - rate[1]
    return {
        "treated": len(treated),
        "control": len(control),
        "treated_rate": round(rate[0], 6),
        "control_rate": round(rate[1], 6),
        "effect": round(effect, 6),
        "ci_low": round(effect - 1.96 * error, 6),
        "ci_high": round(effect + 1.96 * error, 6),
    }


def _share(hits: Iterable[bool]) -> float | None:
    values = list(hits)
    return round(sum(values) / len(values), 6) if values else None


def automations(known: Known) -> dict:
    """T1: the user rollout of Automations, by assignment and (misleadingly) by adoption.

    Population: people whose first call of the flag falls in the first 14 days. Retained:
    active in days 77 to 83 after the rollout. Adopters: used it in the weeks of the first 28.
    """
    first: dict[str, Moment] = {}
    for call in sorted(known.product.moments["$feature_flag_called"], key=lambda each: each.at):
        if call.properties.get("$feature_flag") == "automations-rollout":
            first.setdefault(call.person, call)
    population = {
        person: call for person, call in first.items() if 0 <= call.at // DAY - ROLLOUT < 14
    }
    if not population:
        return {}
    retained = known.product.active_between(ROLLOUT + 77, ROLLOUT + 83)
    adopters: set[str] = set()
    for week in range(4):
        adopters |= known.product.uses["automations", week_of(ROLLOUT) + 7 * week].people
    arms: dict[bool, list[tuple[str, bool]]] = {True: [], False: []}
    by_use: dict[bool, list[tuple[str, bool]]] = {True: [], False: []}
    for person, call in population.items():
        outcome = (known.product.account_of.get(person, person), person in retained)
        arms[bool(call.properties.get("$feature_flag_response"))].append(outcome)
        by_use[person in adopters].append(outcome)
    treated = [
        person
        for person, call in population.items()
        if call.properties.get("$feature_flag_response")
    ]
    adoption = _share(person in adopters for person in treated) or 0.0
    itt = difference(arms[True], arms[False])
    naive = difference(by_use[True], by_use[False])
    return {
        "class": "STAT",
        "direction": "itt.ci_low > 0 and naive.effect > itt.effect",
        "itt": itt,
        "adoption_of_treated": adoption,
        "per_adopter": round(itt["effect"] / adoption, 6) if adoption else None,
        "naive": naive,
    }


def dashboards(known: Known) -> dict:
    """T1b: users of Dashboards stay longer, though Dashboards change nothing.

    Population: people active in the four weeks from 2025-03-03. Retained: active in days 77
    to 83. Matched: compared within strata of days active in those weeks, weighted by users.
    """
    product = known.product
    base = product.active_between(BASE_WEEK, BASE_WEEK + 27)
    if not base:
        return {}
    users: set[str] = set()
    for week in range(4):
        users |= product.uses["dashboards", BASE_WEEK + 7 * week].people
    retained = product.active_between(BASE_WEEK + 77, BASE_WEEK + 83)
    days: dict[str, int] = defaultdict(int)
    for day in range(BASE_WEEK, BASE_WEEK + 28):
        for person in product.active(day):
            days[person] += 1
    strata: dict[int, dict[bool, list[bool]]] = defaultdict(lambda: {True: [], False: []})
    for person in base:
        strata[days[person]][person in users].append(person in retained)
    matched, weight = 0.0, 0
    for stratum in strata.values():
        if stratum[True] and stratum[False]:
            gap = (_share(stratum[True]) or 0.0) - (_share(stratum[False]) or 0.0)
            matched += gap * len(stratum[True])
            weight += len(stratum[True])
    arms = [
        [(product.account_of.get(p, p), p in retained) for p in base if (p in users) is flag]
        for flag in (True, False)
    ]
    return {
        "class": "STAT",
        "direction": "naive.effect > 0 and matched < naive.effect",
        "naive": difference(arms[0], arms[1]),
        "matched": round(matched / weight, 6) if weight else None,
        "planted": 0.0,
    }


def bad_release(known: Known) -> dict:
    """T2: the wave after the bad release, for accounts that ran it and those that did not."""
    columns = ("account_id", "exposed")
    exposed = dict(known.records.rows("business/release_exposures", columns))
    wave = known.waves.get(BAD_WAVE, [])
    ran = nps([answer for answer in wave if exposed.get(answer.account or "") is True])
    not_ran = nps([answer for answer in wave if exposed.get(answer.account or "") is False])
    return {
        "class": "STAT",
        "direction": "gap <= -20, wave below the one before and the one after",
        "accounts_exposed": sum(exposed.values()),
        "accounts": len(exposed),
        "wave": nps(wave),
        "before": nps(known.waves.get(WAVE_BEFORE, [])),
        "after": nps(known.waves.get(WAVE_AFTER, [])),
        "exposed": ran,
        "not_exposed": not_ran,
        "gap": round((ran["nps"] or 0) - (not_ran["nps"] or 0), 4),
    }


@dataclass(frozen=True)
class Item:
    at: int
    account: str
    theme: str
    weight: int
    text: str
    is_deleted: bool
    # Whether it can be answered where it was said, and whether it was after what it asks for came.
    has_thread: bool
    is_told: bool


def _feedback(known: Known) -> list[Item]:
    """What was said to support and sales, and what deals were lost for want of."""
    labels = {
        key: (theme, int(weight))
        for key, theme, weight in known.records.rows(
            "business/feedback_labels", ("feedback_id", "theme", "severity_weight")
        )
    }
    columns = (
        *("feedback_id", "account_id", "created_at", "text", "deleted_at"),
        *("channel", "told_at"),
    )
    kept = live_lost_deals(read_deals(known.records, known.now))
    lost = [
        Item(at, account, theme, int(weight), "", key not in kept, has_thread=False, is_told=False)
        for key, account, at, theme, weight in known.records.rows(
            "business/lost_deal_labels",
            ("deal_id", "account_id", "lost_at", "theme", "severity_weight"),
        )
        if at <= known.now
    ]
    return lost + [
        Item(
            created,
            account,
            *labels[key],
            text,
            is_deleted=deleted is not None and deleted <= known.now,
            has_thread=channel in ("support", "in_app"),
            is_told=told is not None and told <= known.now,
        )
        for key, account, created, text, deleted, channel, told in known.records.rows(
            "business/feedback", columns
        )
        if created <= known.now
    ]


def _kept_feedback(known: Known) -> list[Item]:
    """The items that no support tool has deleted."""
    return [item for item in _feedback(known) if not item.is_deleted]


def unmet_needs(known: Known) -> dict:
    """T3: each paying account's ARR shared among the themes it raised, by severity."""
    mentions: dict[str, int] = defaultdict(int)
    shares: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for item in _kept_feedback(known):
        mentions[item.theme] += 1
        shares[item.account][item.theme] += item.weight
    allocated: dict[str, Decimal] = defaultdict(Decimal)
    for account, themes in shares.items():
        arr = 12 * known.mrr(account, known.now)
        for theme, weight in themes.items():
            allocated[theme] += arr * weight / sum(themes.values())
    ranked = sorted(allocated, key=lambda theme: allocated[theme], reverse=True)
    loudest = sorted(mentions, key=lambda theme: mentions[theme], reverse=True)
    return {
        "class": "STAT",
        "direction": "top_by_arr is sso_scim, top_by_mentions is dark_mode",
        "items": sum(mentions.values()),
        "top_by_arr": ranked[0] if ranked else None,
        "top_by_mentions": loudest[0] if loudest else None,
        "allocated_arr": {theme: money(allocated[theme]) for theme in ranked},
        "allocated_total": money(sum(allocated.values(), Decimal(0))),
        "mentions": {theme: mentions[theme] for theme in loudest},
    }


def closed_loop(known: Known) -> dict:
    """T3b: after SSO shipped its mentions fall, and those who asked for it take it up.

    Accounts paying on the day of release; adopted: a log-in by SSO within 90 days of it. Told,
    of all that asked in a ticket or conversation: by an answer there once it had come.
    """
    asked = [item for item in _kept_feedback(known) if item.theme == "sso_scim"]
    requesters = {item.account for item in asked if item.at < SSO_GA}
    adopted = {
        known.product.account(login)
        for login in known.product.moments["sso_login"]
        if SSO_GA <= login.at < SSO_GA + 90 * DAY
    }
    paying = {account for account in known.terms if known.mrr(account, SSO_GA) > 0}
    answerable = {item.account for item in asked if item.at < SSO_GA and item.has_thread}
    told = {item.account for item in asked if item.at < SSO_GA and item.is_told}
    return {
        "class": "STAT",
        "direction": "mentions fall, requesters adopt more than others",
        "mentions_90d_before": sum(SSO_GA - 90 * DAY <= item.at < SSO_GA for item in asked),
        "mentions_90d_after": sum(SSO_GA <= item.at < SSO_GA + 90 * DAY for item in asked),
        "requesters": len(paying & requesters),
        "requester_adoption": _share(account in adopted for account in paying & requesters),
        "others": len(paying - requesters),
        "other_adoption": _share(account in adopted for account in paying - requesters),
        "answerable_requesters": len(answerable),
        "told": _share(account in told for account in answerable),
    }


def _touches(known: Known, account: str) -> list[Visit]:
    """Visits of an account's creator before it first paid."""
    signed = known.sign_ups[account]
    paid = known.terms[account][0].started
    return [visit for visit in known.visits.get(signed.person, []) if visit.at <= paid]


def _new_customers(known: Known) -> list[str]:
    return sorted(account for account in known.terms if account in known.sign_ups)


def _spend(known: Known) -> dict[str, Decimal]:
    """Spend by channel as last restated."""
    latest: dict[tuple[object, str], tuple[int, Decimal]] = {}
    columns = ("month", "channel", "amount_usd", "recorded_at")
    for month, channel, amount, recorded in known.records.rows("business/marketing_spend", columns):
        key = (month, channel)
        if recorded <= known.now and (key not in latest or recorded > latest[key][0]):
            latest[key] = (recorded, Decimal(amount))
    total: dict[str, Decimal] = defaultdict(Decimal)
    for (_, channel), (_, amount) in latest.items():
        total[channel] += amount
    return total


def attribution(known: Known) -> dict:
    """T4: new customers by the first and by the last visit, and what each cost."""
    spend = _spend(known)
    models: dict[str, dict[str, int]] = {"first_touch": {}, "last_touch": {}}
    customers = _new_customers(known)
    for account in customers:
        touched = _touches(known, account)
        for model, position in (("first_touch", 0), ("last_touch", -1)):
            channel = touched[position].channel if touched else "unknown"
            models[model][channel] = models[model].get(channel, 0) + 1
    cost = {
        model: {
            channel: money(spend[channel] / count)
            for channel, count in sorted(counts.items())
            if channel in spend
        }
        for model, counts in models.items()
    }
    cheapest = {
        model: min(((Decimal(each), channel) for channel, each in costs.items()), default=None)
        for model, costs in cost.items()
    }
    return {
        "class": "EXACT",
        "customers": len(customers),
        **{model: dict(sorted(counts.items())) for model, counts in models.items()},
        "spend": {channel: money(amount) for channel, amount in sorted(spend.items())},
        "cac": cost,
        "cheapest": {model: best[1] if best else None for model, best in cheapest.items()},
    }


def campaign_churn(known: Known) -> dict:
    """T5: who stopped within 182 days of the first payment, of those that long ago."""
    churned: dict[bool, list[bool]] = {True: [], False: []}
    for account in _new_customers(known):
        began, ended = known.terms[account][0].started, known.churned(account)
        if began + HALF_YEAR > known.now:
            continue
        touched = known.visits.get(known.sign_ups[account].person, [])
        from_campaign = bool(touched) and touched[0].campaign == CAMPAIGN
        churned[from_campaign].append(ended is not None and ended <= began + HALF_YEAR)
    return {
        "class": "EXACT",
        "campaign_customers": len(churned[True]),
        "campaign_churned_6m": sum(churned[True]),
        "campaign_rate": _share(churned[True]),
        "other_customers": len(churned[False]),
        "other_churned_6m": sum(churned[False]),
        "other_rate": _share(churned[False]),
    }


def product_qualified(known: Known) -> dict:
    """T6: trials that invited three and connected something in 14 days, and the others."""
    invited: dict[str | None, list[int]] = defaultdict(list)
    connected: dict[str | None, list[int]] = defaultdict(list)
    for event, found in (("user_invited", invited), ("integration_connected", connected)):
        for each in known.product.moments[event]:
            found[known.product.account(each)].append(each.at)
    paid: dict[bool, list[bool]] = {True: [], False: []}
    for account, signed in known.sign_ups.items():
        if signed.at + MATURE > known.now:
            continue
        end = signed.at + 14 * DAY
        invites = sum(signed.at <= moment <= end for moment in invited[account])
        links = sum(signed.at <= moment <= end for moment in connected[account])
        paid[invites >= 3 and links >= 1].append(account in known.terms)
    return {
        "class": "EXACT",
        "qualified": len(paid[True]),
        "qualified_paid": sum(paid[True]),
        "qualified_rate": _share(paid[True]),
        "others": len(paid[False]),
        "others_paid": sum(paid[False]),
        "others_rate": _share(paid[False]),
    }


def month_ends(known: Known) -> list[int]:
    """The instants at which a month of the window is over, the window's start first."""
    ends = [
        micros(datetime(2024 + (6 + n) // 12, (6 + n) % 12 + 1, 1, tzinfo=UTC)) for n in range(25)
    ]
    return [end for end in ends if end <= known.now]


def mrr_movements(known: Known) -> dict:
    """T7: MRR at month ends and the movements between, which must add up."""
    months: dict[str, dict[str, str]] = {}
    ends = month_ends(known)
    for begin, end in pairwise(ends):
        moved: dict[str, Decimal] = defaultdict(Decimal)
        for account, terms in known.terms.items():
            before, after = known.mrr(account, begin), known.mrr(account, end)
            paid_before = terms[0].started <= begin
            moved["start"] += before
            moved["end"] += after
            moved[_movement(before, after, paid_before)] += after - before
        names = ("start", "new", "reactivation", "expansion", "contraction", "churn", "end")
        months[day_text((end - DAY) // DAY)[:7]] = {name: money(moved[name]) for name in names}
    paying = sum(known.mrr(account, ends[-1]) > 0 for account in known.terms) if ends else 0
    last = list(months)[-1] if months else None
    return {
        "class": "EXACT",
        "months": months,
        "last_month": last,
        "paying_customers": paying,
        "paid_seats": sum(
            term.seats
            for terms in known.terms.values()
            for term in terms
            if ends and term.started <= ends[-1] and (term.ended is None or term.ended > ends[-1])
        ),
    }


def _movement(before: Decimal, after: Decimal, paid_before: bool) -> str:
    if before == 0:
        return "reactivation" if paid_before else "new"
    if after == 0:
        return "churn"
    return "expansion" if after > before else "contraction"


def usage_trend(known: Known) -> dict:
    """T8: an account is flagged when its last 14 days fall below 0.7 of the 28 before.

    Taken on the first of each month for accounts paying then, with at least 6 person-days in
    the base; both halves per day, divided by the same ratio of all accounts together.
    """
    daily: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for day, people in known.product.using.items():
        for person in people:
            account = known.product.account_of.get(person)
            if account is not None:
                daily[account][day] += 1
    outcome: dict[tuple[bool, bool], int] = defaultdict(int)
    for start in month_ends(known)[2:-1]:
        day = start // DAY
        counts: dict[str, tuple[int, float]] = {}
        for account, terms in known.terms.items():
            if terms[0].started <= start and known.mrr(account, start) > 0:
                own = daily[account]
                recent = sum(own.get(d, 0) for d in range(day - 14, day))
                counts[account] = (
                    recent,
                    sum(own.get(d, 0) for d in range(day - 42, day - 14)) / 2,
                )
        base = sum(before for _, before in counts.values())
        overall = sum(recent for recent, _ in counts.values()) / base if base else 1.0
        for account, (recent, before) in counts.items():
            ended = known.churned(account)
            gone = ended is not None and start < ended <= start + 30 * DAY
            flagged = before >= 3 and recent / before < 0.7 * overall
            outcome[flagged, gone] += 1
    hits, misses = outcome[True, True], outcome[False, True]
    flagged_count = hits + outcome[True, False]
    total = flagged_count + misses + outcome[False, False]
    if not (hits and total):
        return {"class": "STAT", "direction": "lift > 2", "account_months": total}
    rate = (hits + misses) / total
    return {
        "class": "STAT",
        "direction": "lift > 2",
        "account_months": total,
        "flagged": flagged_count,
        "churned": hits + misses,
        "recall": round(hits / (hits + misses), 6),
        "precision": round(hits / flagged_count, 6),
        "base_rate": round(rate, 6),
        "lift": round(hits / flagged_count / rate, 4),
    }


def seasonality(known: Known) -> dict:
    """T9: users per workday in August against July, and at weekends against workdays."""

    def mean(days: list[int]) -> float:
        return sum(len(known.product.using.get(day, ())) for day in days) / len(days)

    def days(first: str, last: str, weekend: bool) -> list[int]:
        span = range(at(first) // DAY, at(last) // DAY)
        return [day for day in span if ((day + 3) % 7 > 4) is weekend]

    july, august = (
        mean(days("2025-07-01", "2025-08-01", False)),
        mean(days("2025-08-01", "2025-09-01", False)),
    )
    week, ends = (
        mean(days("2024-07-01", "2026-07-01", False)),
        mean(days("2024-07-01", "2026-07-01", True)),
    )
    return {
        "class": "STAT",
        "direction": "0.65 < august_to_july < 0.95 and 0.1 < weekend_to_workday < 0.25",
        "august_to_july": round(august / july, 6) if july else None,
        "weekend_to_workday": round(ends / week, 6) if week else None,
    }


def incidents(known: Known) -> dict:
    """T10: late, missing and doubled events, wrong-sign invoices, addresses in free text."""
    product = known.product
    amounts = known.records.rows("business/invoices", ("amount", "issued_at"))
    columns = ("submitted_at", "arrived_at", "form_id")
    late_answers = [
        submitted
        for submitted, arrived, form in known.records.rows("typeform/responses", columns)
        if arrived is not None and arrived <= known.now and arrived - submitted > DAY and form
    ]
    added = [
        created
        for name, created in known.records.rows("hubspot/properties", ("name", "created_at"))
        if name == "competitor" and created <= known.now
    ]
    return {
        "class": "EXACT",
        "late_up_to_72h": product.late,
        "late_3_to_7_days": product.very_late,
        "missing_day": "2025-09-14",
        "backfilled_events": product.backfilled,
        "double_day": "2026-01-20",
        "double_delivered_events": product.twice,
        "negative_invoices": sum(
            Decimal(amount) < 0 and issued <= known.now for amount, issued in amounts
        ),
        "emails_in_feedback": sum(bool(_EMAIL.search(item.text)) for item in _feedback(known)),
        "survey_answers_late": len(late_answers),
        "crm_property_added": day_text(added[0] // DAY) if added else None,
    }


def fatigue(known: Known) -> dict:
    """T11: panellists asked three times or more in the last 90 days."""
    columns = ("panelist_id", "joined_at")
    panel = [
        p
        for p, joined in known.records.rows("business/research_panel", columns)
        if joined <= known.now
    ]
    asked: dict[str, int] = defaultdict(int)
    columns = ("panelist_id", "contacted_at")
    for panelist, contacted in known.records.rows("business/research_contacts", columns):
        asked[panelist] += known.now - 90 * DAY < contacted <= known.now
    tired = sorted(panelist for panelist in panel if asked[panelist] >= 3)
    return {
        "class": "EXACT",
        "panel": len(panel),
        "tired": len(tired),
        "share": _share(panelist in set(tired) for panelist in panel),
        "tired_panelists": tired,
    }


def tool_waste(known: Known) -> dict:
    """T12: tools nobody reads from, overlapping tools, idle seats, renewals within 60 days."""
    tools = known.records.dictionaries(
        "business/tools", ("tool", "category", "annual_cost_usd", "renews_on", "feeds_mart")
    )
    reads = dict(known.records.rows("business/mart_reads", ("mart", "reads_90d")))
    seats = known.records.rows("business/tool_seats", ("tool", "last_active_at"))
    idle = [tool for tool, last in seats if last < known.now - 90 * DAY]
    by_category: dict[str, list[str]] = defaultdict(list)
    for tool in tools:
        by_category[tool["category"]].append(tool["tool"])
    today = day_text(known.now // DAY)
    horizon = day_text(known.now // DAY + 60)
    return {
        "class": "EXACT",
        "tools": len(tools),
        "annual_cost_usd": money(sum((Decimal(t["annual_cost_usd"]) for t in tools), Decimal(0))),
        "unread_tools": [
            t["tool"] for t in tools if t["feeds_mart"] and not int(reads.get(t["feeds_mart"]) or 0)
        ],
        "overlaps": {name: found for name, found in by_category.items() if len(found) > 1},
        "idle_seats": len(idle),
        "idle_seats_by_tool": sorted(idle),
        "renewals_60d": [t["tool"] for t in tools if today <= str(t["renews_on"]) <= horizon],
    }


def usability(known: Known) -> dict:
    """T13: success by round and task."""
    columns = ("round", "task", "success", "held_at")
    results: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for number, task, done, held in known.records.rows("business/usability_results", columns):
        if held <= known.now:
            results[task][f"round_{number}"].append(bool(done))
    return {
        "class": "EXACT",
        "tasks": {
            task: {
                name: {"participants": len(done), "succeeded": sum(done), "rate": _share(done)}
                for name, done in rounds.items()
            }
            for task, rounds in results.items()
        },
    }


def delivery(known: Known) -> dict:
    """T14: median lead time and change-failure rate, by quarter and for the bad month."""
    lead: dict[str, list[float]] = defaultdict(list)
    failed: dict[str, list[bool]] = defaultdict(list)
    columns = ("committed_at", "deployed_at", "failed")
    for committed, deployed, broke in known.records.rows("business/deploys", columns):
        if deployed > known.now:
            continue
        month = day_text(deployed // DAY)[:7]
        name = f"{month[:4]}-Q{(int(month[5:]) + 2) // 3}"
        lead[name].append((deployed - committed) / DAY)
        for key in (name, month):
            failed[key].append(bool(broke))
    return {
        "class": "EXACT",
        "deploys": sum(len(values) for values in lead.values()),
        "median_lead_days": {name: round(median(values), 4) for name, values in lead.items()},
        "change_failure_rate": {name: _share(values) for name, values in sorted(failed.items())},
    }


def experiments(known: Known) -> dict:
    """T15: the checklist test converts better; the search test was not split evenly."""
    columns = ("flag", "goal_event", "intended_test_share")
    found: dict[str, object] = {
        "class": "STAT",
        "direction": "checklist effect > 0 with srm_p > 0.001; search srm_p < 1e-6",
    }
    for flag, goal, share in known.records.rows("business/experiments", columns):
        if flag != "automations-rollout":
            found[flag] = _experiment(known, flag, goal, float(share))
    return found


def _experiment(known: Known, flag: str, goal: str, share: float) -> dict:
    first: dict[str, Moment] = {}
    for call in sorted(known.product.moments["$feature_flag_called"], key=lambda each: each.at):
        if call.properties.get("$feature_flag") == flag:
            first.setdefault(call.person, call)
    reached: dict[str, list[int]] = defaultdict(list)
    for each in known.product.moments[goal]:
        reached[each.person].append(each.at)
    arms: dict[str, list[bool]] = {"control": [], "test": []}
    for person, call in first.items():
        done = any(call.at <= moment <= call.at + 7 * DAY for moment in reached[person])
        arms[str(call.properties.get("$feature_flag_response"))].append(done)
    control, test = arms["control"], arms["test"]
    if not (control and test):
        return {"control": len(control), "test": len(test)}
    count = len(control) + len(test)
    skew = (len(test) - share * count) / math.sqrt(count * share * (1 - share))
    rates = sum(control) / len(control), sum(test) / len(test)
    pooled = (sum(control) + sum(test)) / count
    error = math.sqrt(pooled * (1 - pooled) * (1 / len(control) + 1 / len(test)))
    return {
        "control": len(control),
        "test": len(test),
        "control_converted": sum(control),
        "test_converted": sum(test),
        "control_rate": round(rates[0], 6),
        "test_rate": round(rates[1], 6),
        "effect": round(rates[1] - rates[0], 6),
        "p_value": math.erfc(abs(rates[1] - rates[0]) / error / math.sqrt(2)) if error else None,
        "srm_p": math.erfc(abs(skew) / math.sqrt(2)),
    }


TRUTHS: dict[str, Callable[[Known], dict]] = {
    "T1": automations,
    "T1b": dashboards,
    "T2": bad_release,
    "T3": unmet_needs,
    "T3b": closed_loop,
    "T4": attribution,
    "T5": campaign_churn,
    "T6": product_qualified,
    "T7": mrr_movements,
    "T8": usage_trend,
    "T9": seasonality,
    "T10": incidents,
    "T11": fatigue,
    "T12": tool_waste,
    "T13": usability,
    "T14": delivery,
    "T15": experiments,
}
