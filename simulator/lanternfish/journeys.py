"""The moments told singly: first visits, sign-ups, invitations, flags, experiments, adoption."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.lanternfish.accounts import CAMPAIGN, INTERNAL, Accounts
from simulator.lanternfish.events import Collector, group_of
from simulator.lanternfish.features import CODES
from simulator.lanternfish.identities import Identities
from simulator.lanternfish.marketing import SITE, later_channels, page_view
from simulator.lanternfish.people import AUTOMATIONS_GA, AUTOMATIONS_ROLLOUT, Activity, People
from simulator.lanternfish.randomness import stream
from simulator.lanternfish.timeline import (
    DAY,
    DAYS,
    END_US,
    HOUR,
    NEVER,
    SECOND,
    START_US,
    day_of,
)

CHECKLIST = (day_of("2025-04-01"), day_of("2025-10-01"))
SEARCH_TEST = (day_of("2026-01-19"), day_of("2026-05-11"))
CHECKLIST_FLAG, SEARCH_FLAG, AUTOMATIONS_FLAG = (
    "onboarding-checklist",
    "search-ranking",
    "automations-rollout",
)


@dataclass(frozen=True)
class World:
    """What the journeys are told about."""

    seed: int
    replica: int
    accounts: Accounts
    people: People
    activity: Activity
    opened: NDArray[np.int64]
    identities: Identities

    def rng(self, concern: str) -> np.random.Generator:
        return stream(self.seed, self.replica, concern)

    def group(self, users: NDArray[np.int64]) -> NDArray[np.int64]:
        return group_of(self.accounts)[self.people.account[users]]

    def first_opened(self) -> NDArray[np.int64]:
        """When each user first opened the product (NEVER in microseconds if never)."""
        first = np.full(len(self.people), np.iinfo(np.int64).max)
        np.minimum.at(first, self.activity.user, self.opened)
        return first

    def outside(self, users: NDArray[np.int64]) -> NDArray[np.bool_]:
        outside: NDArray[np.bool_] = self.accounts.kind[self.people.account[users]] != INTERNAL
        return outside


@dataclass(frozen=True)
class Meetings:
    """When each anonymous id was first seen, and when it was tied to its user."""

    seen: NDArray[np.int64]
    identified: NDArray[np.int64]


def founders(world: World) -> NDArray[np.int64]:
    """The creating users of the accounts that start inside the window."""
    creates = world.people.creator & (world.accounts.start[world.people.account] > 0)
    return np.flatnonzero(creates & world.outside(np.arange(len(creates))))


def identify(world: World, collector: Collector) -> Meetings:
    """Anonymous visits before the log-in, and the event that ties them to the user."""
    rng, ids, people = world.rng("identify"), world.identities, world.people
    owner = ids.owner
    met = world.first_opened()[owner] - 70 * SECOND
    rows = np.arange(len(world.activity.user))
    last_row = np.zeros(len(people), np.int64)
    np.maximum.at(last_row, world.activity.user, rows)
    first_row = np.full(len(people), len(rows))
    np.minimum.at(first_row, world.activity.user, rows)
    spread = last_row[owner] - first_row[owner]
    later = first_row[owner] + 1 + np.floor(rng.random(len(owner)) * spread).astype(np.int64)
    met = np.where(ids.second, world.opened[np.minimum(later, last_row[owner])] - 40 * SECOND, met)
    lead = rng.integers(60, 600, len(owner)) * SECOND
    long_lead = (rng.uniform(0.02, 14, len(owner)) * DAY).astype(np.int64)
    founder = np.isin(owner, founders(world)) & ~ids.second
    seen = np.where(founder, met - long_lead, met - lead)
    seen = np.maximum(seen, np.minimum(START_US + 60 * SECOND, met - SECOND))
    extra = np.full(len(owner), _invite_page(collector))
    for index in np.flatnonzero(founder):
        extra[index] = _first_page(world, collector, int(owner[index]))
    collector.add("$pageview", seen, ids.anonymous(), extra=extra)
    known = [
        collector.extras.number({"$anon_distinct_id": ids.distinct_id[who]})
        for who in ids.anonymous()
    ]
    collector.add("$identify", met, owner, extra=known)
    return Meetings(seen // 1_000 * 1_000, met // 1_000 * 1_000)


def _invite_page(collector: Collector) -> int:
    return collector.extras.number(
        {
            "$current_url": f"{SITE}/join",
            "$referrer": "$direct",
            "$referring_domain": "$direct",
        }
    )


def _first_page(world: World, collector: Collector, user: int) -> int:
    account = world.people.account[user]
    from_campaign = bool(world.accounts.kind[account] == CAMPAIGN)
    page = page_view(int(world.accounts.channel[account]), user, from_campaign)
    return collector.extras.number(page)


def sign_ups(world: World, collector: Collector) -> None:
    """One sign-up per new account, the visit before it, and the touches until it pays or not."""
    rng, people, accounts = world.rng("sign-ups"), world.people, world.accounts
    users = founders(world)
    signed = world.first_opened()[users] - 60 * SECOND
    collector.add("signed_up", signed, users, world.group(users))
    plain = people.anonymous_ids[users] == 0
    pages = [_first_page(world, collector, int(user)) for user in users[plain]]
    before = signed[plain] - rng.integers(120, 600, plain.sum()) * SECOND
    collector.add("$pageview", before, users[plain], extra=pages)
    touches = 1 + rng.poisson(2.2, len(users))
    account = people.account[users]
    paid = np.where(accounts.paid[account] < DAYS, accounts.paid[account], NEVER)
    until = np.minimum(np.where(paid < NEVER, START_US + paid * DAY, signed + 45 * DAY), END_US)
    row = np.repeat(np.arange(len(users)), touches)
    room = np.maximum(until[row] - signed[row] - 3 * HOUR, HOUR)
    at = signed[row] + HOUR + (rng.random(len(row)) * room).astype(np.int64)
    channels = later_channels(rng, len(row))
    extra = [
        collector.extras.number(page_view(int(channel), n)) for n, channel in enumerate(channels)
    ]
    kept = at < END_US
    collector.add("$pageview", at[kept], users[row][kept], extra=np.array(extra)[kept])


def invitations(world: World, collector: Collector) -> None:
    """Invitations in the trial (three or more where the account qualifies) and later ones."""
    rng, accounts, people = world.rng("invitations"), world.accounts, world.people
    users = founders(world)
    qualified = accounts.qualified[people.account[users]]
    # A quarter of the others invite as many, and fail on the missing integration.
    keen = qualified | (rng.random(len(users)) < 0.25)
    count = np.where(keen, 3 + rng.poisson(1.5, len(users)), rng.integers(0, 3, len(users)))
    inviter = np.repeat(users, count)
    first = world.first_opened()
    collector.add("user_invited", _early(world, inviter, first, rng), inviter, world.group(inviter))
    connector = users[qualified]
    extra = collector.extras.number({"integration": "slack"})
    collector.add(
        "integration_connected",
        _early(world, connector, first, rng),
        connector,
        world.group(connector),
        extra,
    )
    _later_invitations(world, collector, rng)


def _early(
    world: World,
    users: NDArray[np.int64],
    first: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """A moment on the user's first active day or, as often, the next one of the first week."""
    rows = np.searchsorted(world.activity.user, users)
    following = np.minimum(rows + 1, len(world.activity.user) - 1)
    near = (world.activity.user[following] == users) & (
        world.activity.day[following] - world.activity.day[rows] <= 6
    )
    rows = np.where(near & (rng.random(len(users)) < 0.5), following, rows)
    return world.opened[rows] + rng.integers(60, 1_500, len(users)) * SECOND


def _later_invitations(world: World, collector: Collector, rng: np.random.Generator) -> None:
    """Whoever joins after the trial was invited by a colleague active shortly before."""
    people, activity = world.people, world.activity
    key = people.account[activity.user] * 1_000 + activity.day
    order = np.argsort(key, kind="stable")
    start = world.accounts.start[people.account]
    joiner = np.flatnonzero(
        activity.seen() & (activity.first_day > np.maximum(start + 16, 1)) & ~people.creator
    )
    wanted = people.account[joiner] * 1_000 + activity.first_day[joiner]
    place = np.searchsorted(key[order], wanted) - 1
    row = order[np.maximum(place, 0)]
    known = (place >= 0) & (key[row] // 1_000 == people.account[joiner])
    # A pre-trial-end invitation could make an account qualify that must not.
    known &= activity.day[row] > start[joiner] + 15
    row = row[known]
    at = world.opened[row] + rng.integers(60, 1_500, len(row)) * SECOND
    inviter = activity.user[row]
    collector.add("user_invited", at, inviter, world.group(inviter))


def flags(world: World, collector: Collector) -> None:
    """The rollout of Automations by user: each user's first call of its flag before GA."""
    activity = world.activity
    during = (activity.day >= AUTOMATIONS_ROLLOUT) & (activity.day < AUTOMATIONS_GA)
    users, first = np.unique(activity.user[during], return_index=True)
    rows = np.flatnonzero(during)[first]
    answers = np.array(
        [
            collector.extras.number(
                {"$feature_flag": AUTOMATIONS_FLAG, "$feature_flag_response": answer}
            )
            for answer in (False, True)
        ]
    )
    at = world.opened[rows] + SECOND
    arm = answers[world.people.treated[users].astype(int)]
    collector.add("$feature_flag_called", at, users, world.group(users), arm)
    taken_up = np.isfinite(world.people.adopted_automations[activity.user])
    since = world.people.adopted_automations[activity.user] <= activity.day
    _first_use(world, collector, "automation_run", np.flatnonzero(taken_up & since))


def adopt_single_sign_on(world: World, collector: Collector, sso: NDArray[np.int64]) -> None:
    """The first log-in on the day an account takes SSO up, so that adoption leaves a record."""
    account = world.people.account[world.activity.user]
    rows = np.flatnonzero(world.activity.day == sso[account])
    _, first = np.unique(account[rows], return_index=True)
    _record(world, collector, "sso_login", rows[first])


def _first_use(world: World, collector: Collector, event: str, rows: NDArray[np.int64]) -> None:
    """Record an explicit first use for each user, on the first of the given active days."""
    _, first = np.unique(world.activity.user[rows], return_index=True)
    _record(world, collector, event, rows[first])


def _record(world: World, collector: Collector, event: str, rows: NDArray[np.int64]) -> None:
    assert event in CODES
    users = world.activity.user[rows]
    collector.add(event, world.opened[rows] + 30 * SECOND, users, world.group(users))


def experiments(world: World, collector: Collector) -> None:
    """A checklist that works (31 to 37 %), and a search test whose assignment is broken."""
    activity, rng = world.activity, world.rng("experiments")
    new = (activity.first_day >= CHECKLIST[0]) & (activity.first_day < CHECKLIST[1])
    newcomers = np.flatnonzero(new & world.outside(np.arange(len(new))))
    rows = np.searchsorted(activity.user, newcomers)
    _experiment(
        world, collector, rng, rows, CHECKLIST_FLAG, "onboarding_completed", (0.50, 0.31, 0.37)
    )
    during = (activity.day >= SEARCH_TEST[0]) & (activity.day < SEARCH_TEST[1])
    during &= world.outside(activity.user)
    _, first = np.unique(activity.user[during], return_index=True)
    rows = np.flatnonzero(during)[first]
    _experiment(world, collector, rng, rows, SEARCH_FLAG, "search_used", (0.45, 0.22, 0.24))


def _experiment(
    world: World,
    collector: Collector,
    rng: np.random.Generator,
    rows: NDArray[np.int64],
    flag: str,
    goal: str,
    shares: tuple[float, float, float],
) -> None:
    """Assign by quota, convert by quota: the realised rates are the planted ones, rounded."""
    in_test, control_rate, test_rate = shares
    order = rng.permutation(rows)
    split = round(in_test * len(order))
    arms = (("test", order[:split], test_rate), ("control", order[split:], control_rate))
    for name, arm, rate in arms:
        users = world.activity.user[arm]
        extra = collector.extras.number({"$feature_flag": flag, "$feature_flag_response": name})
        at = world.opened[arm] + 2 * SECOND
        collector.add("$feature_flag_called", at, users, world.group(users), extra)
        done = round(rate * len(arm))
        users, at = users[:done], at[:done] + rng.integers(30, 1_200, done) * SECOND
        collector.add(goal, at, users, world.group(users))


def visitors(world: World, collector: Collector) -> None:
    """People who look at the site and never sign up; PostHog keeps no profile of them."""
    rng, who = world.rng("visitors"), world.identities.visitors()
    pages = 1 + rng.integers(0, 3, len(who))
    row = np.repeat(who, pages)
    channels = rng.integers(0, 5, len(row))
    first = np.repeat(rng.integers(START_US, END_US - DAY, len(who)), pages)
    at = first + rng.integers(0, 1_200, len(row)) * SECOND
    extra = [
        collector.extras.number(page_view(int(channel), n)) for n, channel in enumerate(channels)
    ]
    collector.add("$pageview", at, row, extra=extra)
