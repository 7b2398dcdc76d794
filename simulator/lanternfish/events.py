"""Everything PostHog receives: product use day by day, and the moments that are told singly."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulator.lanternfish.accounts import Accounts
from simulator.lanternfish.features import CODES, FEATURE_EVENTS, FeatureUse
from simulator.lanternfish.people import Activity, People
from simulator.lanternfish.randomness import stream
from simulator.lanternfish.releases import version_of_day
from simulator.lanternfish.timeline import DAY, HOUR, SECOND, START_US, day_of

EVENTS = (
    *FEATURE_EVENTS,
    "$pageview",
    "$identify",
    "signed_up",
    "user_invited",
    "$feature_flag_called",
    "survey shown",
    "survey sent",
    "survey dismissed",
    "onboarding_completed",
    "search_used",
)
EVENT_CODES = {name: code for code, name in enumerate(EVENTS)}
NO_ACCOUNT = -1
_SESSION_HOURS = 3
_SINGLE_SESSIONS = 1_000_000_000
_MISSING_DAY, _BACKFILL_DAY = day_of("2025-09-14"), day_of("2025-09-17")
_DOUBLE_DAY = day_of("2026-01-20")
_INTEGRATIONS = ("slack", "google_drive", "hubspot", "figma", "github")
_FORMATS = ("pdf", "csv", "xlsx")


@dataclass(frozen=True)
class Events:
    """One entry per event; `number` makes the uuid, so a second delivery repeats it."""

    at: NDArray[np.int64]
    who: NDArray[np.int64]
    code: NDArray[np.int64]
    account: NDArray[np.int64]
    session: NDArray[np.int64]
    extra: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.at)


class Extras:
    """The JSON fragments that events carry beside the usual properties, each held once."""

    def __init__(self) -> None:
        self.fragments = [""]
        self._numbers = {"": 0}

    def number(self, properties: Mapping[str, object]) -> int:
        text = "," + json.dumps(properties, separators=(",", ":"))[1:-1] if properties else ""
        if text not in self._numbers:
            self._numbers[text] = len(self.fragments)
            self.fragments.append(text)
        return self._numbers[text]


@dataclass
class Collector:
    """Gathers batches of events of any length."""

    extras: Extras = field(default_factory=Extras)
    _batches: list[Events] = field(default_factory=list)
    _sessions: int = _SINGLE_SESSIONS

    def add(
        self,
        name: str,
        at: ArrayLike,
        who: ArrayLike,
        account: ArrayLike = NO_ACCOUNT,
        extra: ArrayLike = 0,
    ) -> None:
        """Add single events, each in a session of its own."""
        moments = np.atleast_1d(np.asarray(at, np.int64)) // 1_000 * 1_000
        session = self._sessions + np.arange(len(moments))
        self._sessions += len(moments)
        columns = np.broadcast_arrays(who, EVENT_CODES[name], account, session, extra, moments)
        who_, code, account_, session_, extra_, _ = (np.atleast_1d(c) for c in columns)
        self._batches.append(Events(moments, who_, code, account_, session_, extra_))

    def add_batch(self, batch: Events) -> None:
        self._batches.append(batch)

    def events(self) -> Events:
        names = ("at", "who", "code", "account", "session", "extra")
        columns = {n: np.concatenate([getattr(b, n) for b in self._batches]) for n in names}
        return Events(**columns)


def group_of(accounts: Accounts) -> NDArray[np.int64]:
    """The account whose key an event carries; a few accounts never send theirs."""
    return np.where(accounts.sends_groups, np.arange(len(accounts)), NO_ACCOUNT)


def opening_times(
    seed: int, replica: int, accounts: Accounts, people: People, activity: Activity
) -> NDArray[np.int64]:
    """When each active day begins: about nine, local time, kept inside the UTC day."""
    rng = stream(seed, replica, "opening times")
    local = 9 + 1.5 * rng.standard_normal(len(activity.user))
    zone = accounts.zone[people.account[activity.user]]
    hour = np.clip(local - zone, 0.4 + rng.random(len(local)), 21.5)
    moments = START_US + activity.day * DAY + (hour * HOUR).astype(np.int64)
    return moments // 1_000 * 1_000


def use(
    seed: int,
    replica: int,
    events_a_day: float,
    accounts: Accounts,
    people: People,
    activity: Activity,
    opened: NDArray[np.int64],
    features: FeatureUse,
    extras: Extras,
) -> Iterator[Events]:
    """The stream of product use: 1 + Poisson events for each active day, in blocks."""
    rng = stream(seed, replica, "use")
    groups = group_of(accounts)
    versions = _version_extras(extras)
    choices = _choice_extras(extras)
    for begin in range(0, len(activity.user), 50_000):
        block = slice(begin, begin + 50_000)
        user, day = activity.user[block], activity.day[block]
        extra_events = rng.poisson(events_a_day - 1, len(user))
        row = np.repeat(np.arange(len(user)), 1 + extra_events)
        first = np.ones(len(row), bool)
        first[1:] = row[1:] != row[:-1]
        code = _codes(user, day, row, first, features, rng)
        span = rng.uniform(0.3, 7.0, len(user))
        room = START_US + (day + 1) * DAY - opened[block] - 60 * SECOND
        reach = np.minimum(span * HOUR, room)[row]
        offset = np.where(first, 0, rng.random(len(row)) * reach).astype(np.int64)
        # Batched sends stamp several events alike.
        alike = ~first & (rng.random(len(row)) < 0.02)
        offset[1:] = np.where(alike[1:], offset[:-1], offset[1:])
        account = people.account[user]
        extra = choices[code, rng.integers(0, choices.shape[1], len(row))]
        version = versions[accounts.exposed[account].astype(int), day][row]
        yield Events(
            at=(opened[block][row] + offset) // 1_000 * 1_000,
            who=user[row],
            code=code,
            account=groups[account][row],
            session=(begin + row) * (24 // _SESSION_HOURS) + offset // (_SESSION_HOURS * HOUR),
            extra=np.where(code == CODES["app_opened"], version, extra),
        )


def _codes(
    user: NDArray[np.int64],
    day: NDArray[np.int64],
    row: NDArray[np.int64],
    first: NDArray[np.bool_],
    features: FeatureUse,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    open_now = (features.begins[user] <= day[:, None]) & (features.ends[user] > day[:, None])
    weights = open_now * np.array(list(FEATURE_EVENTS.values()))
    shares = np.cumsum(weights, axis=1)
    shares /= shares[:, -1:]
    drawn = (rng.random(len(row))[:, None] >= shares[row]).sum(axis=1)
    return np.where(first, CODES["app_opened"], drawn)


def _version_extras(extras: Extras) -> NDArray[np.int64]:
    return np.array(
        [
            [extras.number({"app_version": version}) for version in version_of_day(exposed)]
            for exposed in (False, True)
        ]
    )


def _choice_extras(extras: Extras) -> NDArray[np.int64]:
    """For each event code, fifteen fragments to choose from."""
    table = np.zeros((len(EVENTS), 15), np.int64)
    for number in range(15):
        integration = {"integration": _INTEGRATIONS[number % 5]}
        table[CODES["integration_connected"], number] = extras.number(integration)
        table[CODES["export_run"], number] = extras.number({"format": _FORMATS[number % 3]})
    return table


@dataclass(frozen=True)
class Arrivals:
    """What is delivered, in order of arrival: `event` indexes the events."""

    event: NDArray[np.int64]
    inserted: NDArray[np.int64]


def arrive(seed: int, replica: int, at: NDArray[np.int64]) -> Arrivals:
    """Let events arrive: most within minutes, some days late, one day lost, one day twice."""
    rng = stream(seed, replica, "arrival")
    count = len(at)
    lag = rng.uniform(5, 240, count) * SECOND
    fate = rng.random(count)
    lateness = rng.random(count)
    late, very_late = fate < 0.025, fate >= 0.997
    lag = np.where(late, (1.01 + lateness * 70.9) * HOUR, lag)
    lag = np.where(very_late, (72.1 + lateness * 95.8) * HOUR, lag)
    inserted = at + lag.astype(np.int64)
    day = (at - START_US) // DAY
    missing = day == _MISSING_DAY
    refill = START_US + _BACKFILL_DAY * DAY + 3 * HOUR
    inserted = np.where(missing, refill + (lateness * HOUR).astype(np.int64), inserted)
    again = np.flatnonzero(day == _DOUBLE_DAY)
    second = START_US + (_DOUBLE_DAY + 1) * DAY + 4 * HOUR + rng.integers(0, HOUR, len(again))
    event = np.concatenate([np.arange(count), again])
    inserted = np.concatenate([inserted, second]) // 1_000 * 1_000
    order = np.lexsort((event, inserted))
    return Arrivals(event[order], inserted[order])
