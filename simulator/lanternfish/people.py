"""Who works in the accounts: users, when they join, drift away and what they take up."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.lanternfish.accounts import INTERNAL, Accounts
from simulator.lanternfish.randomness import stream, uuid_list
from simulator.lanternfish.timeline import DAYS, NEVER, day_of, season

STAFF_COUNT = 40
FREE_MAIL = ("gmail.com", "outlook.com", "yahoo.com", "proton.me", "gmx.de")
AUTOMATIONS_ROLLOUT = day_of("2026-01-13")
AUTOMATIONS_GA = day_of("2026-04-07")
# What taking up Automations leaves of the hazard of drifting away: the planted effect.
_ADOPTER_HAZARD = 0.08
# A replica's user numbers start here times its number; no replica has more users.
_NUMBERS_A_REPLICA = 20_000

_FIRST_NAMES_TEXT = (
    "Ada Aino Alice Amir Ana Anders Anna Arjun Astrid Ayumi Bea Ben Bruno Carla Chen Clara "
    "Dario David Dilan Elena Elif Emma Erik Eva Fatima Felix Finn Freya Gita Greta Hana Hugo "
    "Ida Ines Ivan Jana Jonas Jun Kai Karim Lara Lea Leo Lina Liv Luca Maja Malik Marta Mia "
    "Mina Nadia Nico Nina Noah Nora Olga Omar Oscar Paula Pavel Priya Rafael Rosa Ruth Sami "
    "Sara Selma Sofia Sven Tara Theo Tomas Uma Vera Victor Wanda Yara Yuki Zoe"
)
_FIRST_NAMES = tuple(_FIRST_NAMES_TEXT.split())
_LAST_NAMES_TEXT = (
    "Abel Adler Alves Andersen Arora Bach Baker Bauer Berg Bianchi Blom Brandt Brown Carter "
    "Chan Costa Cruz Dahl Diaz Dubois Eriksen Evans Farah Fischer Flores Fontana Garcia Gomez "
    "Gupta Haas Hansen Hill Hoffmann Ito Jansen Jensen Kaya Keller Khan Kim Klein Kovac Kumar "
    "Lang Larsen Lee Lehmann Lopez Marino Meyer Moreau Mori Moser Nakamura Nguyen Novak Olsen "
    "Ortiz Park Patel Peters Popov Reyes Ricci Rossi Roth Santos Sato Schmid Silva Singh Sommer "
    "Suzuki Tan Torres Vogel Wagner Wang Weber Wolf Wong Young Zhang Zimmer"
)
_LAST_NAMES = tuple(_LAST_NAMES_TEXT.split())


@dataclass(frozen=True)
class People:
    """One entry per user in every array, ordered by account; Lanternfish's staff come last."""

    account: NDArray[np.int64]
    user_id: list[str]
    person_id: list[str]
    first_name: list[str]
    last_name: list[str]
    email: list[str]
    free_mail: NDArray[np.bool_]
    creator: NDArray[np.bool_]
    engagement: NDArray[np.float64]
    joined: NDArray[np.int64]
    drifts: NDArray[np.float64]
    treated: NDArray[np.bool_]
    adopted_automations: NDArray[np.float64]
    anonymous_ids: NDArray[np.int64]
    ids: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.user_id)


@dataclass(frozen=True)
class Activity:
    """Every day a user was active, ordered by user and day."""

    user: NDArray[np.int64]
    day: NDArray[np.int64]
    first_day: NDArray[np.int64]

    def seen(self) -> NDArray[np.bool_]:
        return self.first_day < NEVER


def build(seed: int, replica: int, accounts: Accounts) -> People:
    """Draw the users of one replica."""
    rng = stream(seed, replica, "people")
    first_wave, later = _head_counts(accounts, rng)
    account = np.repeat(np.arange(len(accounts)), first_wave + later)
    count = len(account)
    rank = np.arange(count) - np.repeat(
        np.cumsum(first_wave + later) - first_wave - later, first_wave + later
    )
    engagement = rng.standard_normal(count)
    joined = _join_days(accounts, account, rank, first_wave[account], rng)
    quality = accounts.quality[account]
    hazard = 0.0052 * np.exp(-0.28 * quality - 0.25 * engagement)
    drifts = np.maximum(joined, 0) + rng.exponential(1 / hazard)
    treated, adopted = _automations(
        quality, engagement, joined, drifts, stream(seed, replica, "automations")
    )
    after = np.isfinite(adopted) & (adopted < drifts)
    kept = np.where(after, adopted, drifts)
    drifts = kept + (drifts - kept) / _ADOPTER_HAZARD
    traits = stream(seed, replica, "user traits")
    free_mail = (traits.random(count) < 0.05) & accounts.sends_groups[account]
    free_mail &= accounts.kind[account] != INTERNAL
    ids = np.arange(count) + 1 + replica * _NUMBERS_A_REPLICA
    first = [_FIRST_NAMES[n] for n in traits.integers(0, len(_FIRST_NAMES), count)]
    last = [_LAST_NAMES[n] for n in traits.integers(0, len(_LAST_NAMES), count)]
    anonymous = (traits.random(count) < 0.62).astype(int)
    anonymous += (anonymous == 1) & (traits.random(count) < 0.11)
    return People(
        account=account,
        user_id=[f"user_{n:06d}" for n in ids],
        person_id=uuid_list(ids, seed, "person"),
        first_name=first,
        last_name=last,
        email=_emails(accounts, account, first, last, free_mail, ids),
        free_mail=free_mail,
        creator=rank == 0,
        engagement=engagement,
        joined=joined,
        drifts=drifts,
        treated=treated,
        adopted_automations=np.where(after, adopted, np.inf),
        anonymous_ids=anonymous,
        ids=ids,
    )


def _head_counts(
    accounts: Accounts, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Users of the first wave and later joiners; a trial that never buys stays small."""
    count = len(accounts)
    wave = np.rint(accounts.seats * rng.uniform(0.80, 1.05, count))
    tried = np.minimum(accounts.seats, 1 + rng.poisson(1.2, count))
    customer = accounts.paid < DAYS
    first_wave = np.maximum(1, np.where(customer, wave, tried)).astype(int)
    later = np.where(customer, np.rint(0.75 * first_wave), 0).astype(int)
    internal = accounts.kind == INTERNAL
    first_wave[internal], later[internal] = STAFF_COUNT, 0
    return first_wave, later


def _join_days(
    accounts: Accounts,
    account: NDArray[np.int64],
    rank: NDArray[np.int64],
    first_wave: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """The creator joins on day one, the first wave within weeks, others over two years."""
    start = accounts.start[account]
    installed = start < 0
    count = len(account)
    wave = np.minimum(rng.exponential(9, count), 60) * (rank > 0)
    later = np.where(installed, rng.uniform(0, 900, count), rng.uniform(45, 760, count))
    offset = np.where(rank < first_wave, np.where(installed, 0, wave), later)
    days: NDArray[np.int64] = np.where(installed, 0, start) + np.floor(offset).astype(np.int64)
    return days


def _automations(
    quality: NDArray[np.float64],
    engagement: NDArray[np.float64],
    joined: NDArray[np.int64],
    drifts: NDArray[np.float64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """The rollout coin of each user, and the day they would take Automations up (inf: never).

    Engaged users of good accounts take it up more readily, which is what misleads a naive
    comparison of adopters with the rest.
    """
    count = len(joined)
    treated = rng.random(count) < 0.5
    willing = rng.random(count) < 1 / (1 + np.exp(-(1.15 + 0.55 * quality + 0.75 * engagement)))
    opened = np.where(treated, AUTOMATIONS_ROLLOUT, AUTOMATIONS_GA)
    adopted = np.maximum(opened, joined) + np.floor(rng.uniform(0, 12, count))
    return treated, np.where(willing & (adopted < DAYS), adopted, np.inf)


def _emails(
    accounts: Accounts,
    account: NDArray[np.int64],
    first: list[str],
    last: list[str],
    free_mail: NDArray[np.bool_],
    ids: NDArray[np.int64],
) -> list[str]:
    emails: list[str] = []
    taken: set[str] = set()
    for index, name in enumerate(zip(first, last, strict=True)):
        local = ".".join(name).lower()
        if free_mail[index]:
            number = int(ids[index])
            emails.append(f"{local}{number}@{FREE_MAIL[number % len(FREE_MAIL)]}")
            continue
        email = f"{local}@{accounts.domain[account[index]]}"
        if email in taken:
            email = f"{local}{ids[index]}@{accounts.domain[account[index]]}"
        taken.add(email)
        emails.append(email)
    return emails


def act(seed: int, replica: int, accounts: Accounts, people: People) -> Activity:
    """Toss every user's coin for every day of the window."""
    rng = stream(seed, replica, "activity")
    account = people.account
    chance = 0.52 * np.exp(0.12 * accounts.quality[account] + 0.35 * people.engagement)
    until = np.minimum(people.drifts, accounts.left[account])
    days = np.arange(DAYS)
    calendar = season()
    slope = _Slope(accounts)
    found: list[NDArray[np.int64]] = []
    for begin in range(0, len(people), 2_000):
        users = np.arange(begin, min(begin + 2_000, len(people)))
        present = (days >= people.joined[users, None]) & (days < until[users, None])
        daily = np.minimum(0.97, chance[users, None]) * calendar * slope(account[users])
        active = present & (rng.random(present.shape) < daily)
        signup = users[people.creator[users] & (people.joined[users] > 0)]
        active[signup - begin, people.joined[signup]] = True
        user, day = np.nonzero(active)
        found.append(np.stack([user + begin, day], axis=1))
    pairs = np.concatenate(found)
    first_day = np.full(len(people), NEVER)
    np.minimum.at(first_day, pairs[:, 0], pairs[:, 1])
    return Activity(pairs[:, 0], pairs[:, 1], first_day)


class _Slope:
    """How far an account's activity has fallen, for the churners that decline before they go."""

    def __init__(self, accounts: Accounts) -> None:
        declining = accounts.declines & (accounts.churned < NEVER)
        declining &= accounts.kind != INTERNAL
        self.end = np.where(declining, accounts.churned, 10 * NEVER)

    def __call__(self, account: NDArray[np.int64]) -> NDArray[np.float64]:
        before = self.end[account][:, None] - np.arange(DAYS)
        # Over the last 70 days activity falls in a line from all of it to 12 %.
        slope: NDArray[np.float64] = 0.12 + 0.88 * np.clip(before / 70, 0, 1)
        return slope
