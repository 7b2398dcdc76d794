"""What customers ask for, in their words; theme and severity are known only to the plan."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.lanternfish.accounts import INTERNAL, Accounts
from simulator.lanternfish.features import SSO_GA
from simulator.lanternfish.people import Activity, People
from simulator.lanternfish.randomness import stream
from simulator.lanternfish.timeline import DAY, DAYS, HOUR, START_US, weekdays

SSO_THEME = "sso_scim"
EMAILS_IN_TEXT = 23
# Theme: how often starter, team and business plans raise it, and what they say.
THEMES: dict[str, tuple[tuple[float, float, float], tuple[str, str]]] = {
    "dark_mode": ((20, 16, 3), ("a dark mode for late evenings", "the white screen at night")),
    "reporting": ((9, 12, 12), ("better reports for our clients", "building the monthly report")),
    "integrations": ((10, 11, 8), ("more integrations", "connecting our other tools")),
    "performance": ((8, 9, 10), ("a faster project list", "how slow large projects load")),
    "notifications": ((10, 9, 6), ("fewer notifications", "sorting out notification e-mails")),
    "templates": ((11, 8, 4), ("project templates", "setting up the same project again")),
    "mobile_app": ((9, 8, 6), ("an offline mobile app", "the mobile app on site")),
    "time_tracking": ((8, 9, 8), ("time tracking", "keeping timesheets elsewhere")),
    "permissions": ((3, 7, 10), ("finer permissions", "who may see which project")),
    SSO_THEME: ((0.2, 2.2, 60), ("single sign-on and SCIM", "managing log-ins by hand, no SSO")),
    "client_portal": ((5, 7, 9), ("a portal for our clients", "sharing progress with clients")),
    "gantt_view": ((5, 5, 4), ("a Gantt view", "planning without a timeline")),
}
NAMES = tuple(THEMES)
SEVERITY_WEIGHT = {"blocking": 3, "painful": 2, "wish": 1}
_SEVERITIES = tuple(SEVERITY_WEIGHT)
_PHRASES = {
    "blocking": (
        "We cannot roll this out further without {0}.",
        "{1} is a blocker for us; procurement insists.",
    ),
    "painful": (
        "We lose hours every week over {1}. Please give us {0}.",
        "{1} is painful for the whole team.",
    ),
    "wish": ("It would be nice to have {0}.", "Small wish from our side: {0}."),
}
CHANNELS = ("support", "in_app", "sales_call", "community")


@dataclass(frozen=True)
class Feedback:
    """One entry per item."""

    account: NDArray[np.int64]
    user: NDArray[np.int64]
    at: NDArray[np.int64]
    theme: NDArray[np.int64]
    severity: NDArray[np.int64]
    channel: NDArray[np.int64]
    text: list[str]


def build(
    seed: int, replica: int, accounts: Accounts, people: People, activity: Activity
) -> Feedback:
    rng = stream(seed, replica, "feedback")
    days = np.arange(DAYS)
    present = (accounts.start[:, None] <= days) & (days < accounts.left[:, None])
    present &= (weekdays() <= 4) & (accounts.kind[:, None] != INTERNAL)
    rate = 0.0118 * np.array([1, 1.5, 1.9])[accounts.plan][:, None] * present
    account, day = np.nonzero(rng.poisson(rate))
    speaker = _speakers(account, day, people, activity, rng)
    account, day, speaker = account[speaker >= 0], day[speaker >= 0], speaker[speaker >= 0]
    theme = themes(accounts.plan[account], day, rng)
    shares = np.where((theme == NAMES.index(SSO_THEME))[:, None], [0.6, 0.9, 1.0], [0.1, 0.45, 1.0])
    severity = (rng.random(len(theme))[:, None] >= shares).sum(axis=1)
    at = START_US + day * DAY + (rng.uniform(7.5, 17.5, len(day)) * HOUR).astype(np.int64)
    signed = set(rng.choice(len(day), min(EMAILS_IN_TEXT, len(day)), replace=False).tolist())
    variant = rng.integers(0, 2, len(day))
    return Feedback(
        account=account,
        user=speaker,
        at=at // 1_000 * 1_000,
        theme=theme,
        severity=severity,
        channel=rng.integers(0, len(CHANNELS), len(day)),
        text=[
            words(int(theme[n]), int(severity[n]), int(variant[n]))
            + (f" Reach me at {people.email[speaker[n]]}." if n in signed else "")
            for n in range(len(day))
        ],
    )


def requested(accounts: Accounts, feedback: Feedback) -> NDArray[np.bool_]:
    """Accounts that asked for single sign-on before it existed."""
    asked = np.zeros(len(accounts), bool)
    early = feedback.at < START_US + SSO_GA * DAY
    asked[feedback.account[(feedback.theme == NAMES.index(SSO_THEME)) & early]] = True
    return asked


def _speakers(
    account: NDArray[np.int64],
    day: NDArray[np.int64],
    people: People,
    activity: Activity,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """A user of the account who was active lately (-1: nobody yet)."""
    key = people.account[activity.user] * 1_000 + activity.day
    order = np.argsort(key, kind="stable")
    place = np.searchsorted(key[order], account * 1_000 + day, side="right") - 1
    place = np.maximum(place - rng.integers(0, 4, len(account)), 0)
    row = order[place]
    return np.where(people.account[activity.user[row]] == account, activity.user[row], -1)


def themes(
    plan: NDArray[np.int64], day: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """What accounts of these plans raise on these days, by its number."""
    weight = np.array([THEMES[name][0] for name in NAMES]).T[plan]
    # Once it has shipped, hardly anyone asks for it.
    weight[day >= SSO_GA, NAMES.index(SSO_THEME)] *= 0.10
    shares = np.cumsum(weight, axis=1)
    shares /= shares[:, -1:]
    theme: NDArray[np.int64] = (rng.random(len(day))[:, None] >= shares).sum(axis=1)
    return theme


def words(theme: int, severity: int, variant: int) -> str:
    """One of the ways in which a theme is raised, by their numbers."""
    wish, pain = THEMES[NAMES[theme]][1]
    text = _PHRASES[_SEVERITIES[severity]][variant].format(wish, pain)
    return text[0].upper() + text[1:]


def severity_name(number: int) -> str:
    return _SEVERITIES[number]
