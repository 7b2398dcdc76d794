"""What each user does in the product: twelve features, from which day, until which day."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.lanternfish.accounts import INTERNAL, Accounts
from simulator.lanternfish.people import Activity, People
from simulator.lanternfish.randomness import stream
from simulator.lanternfish.timeline import DAYS, NEVER, day_of

# The event a use of each feature sends, with its share of a user's events.
FEATURE_EVENTS = {
    "app_opened": 0.10,
    "project_created": 0.05,
    "task_completed": 0.34,
    "comment_added": 0.22,
    "dashboard_viewed": 0.13,
    "integration_connected": 0.004,
    "export_run": 0.06,
    "automation_run": 0.13,
    "client_portal_opened": 0.07,
    "sso_login": 0.06,
    "ai_summary_generated": 0.12,
    "mobile_opened": 0.12,
    "gantt_viewed": 0.08,
}
CODES = {name: code for code, name in enumerate(FEATURE_EVENTS)}
SSO_GA = day_of("2026-02-17")
_PORTAL_ALPHA, _PORTAL_BETA = day_of("2025-08-04"), day_of("2025-10-06")
_PORTAL_GA, _AI_LAUNCH = day_of("2026-01-20"), day_of("2025-04-08")
_PORTAL_SHARE = 0.35


@dataclass(frozen=True)
class FeatureUse:
    """Day each user (row) begins and stops using each feature (column, by event code)."""

    begins: NDArray[np.float64]
    ends: NDArray[np.float64]


def single_sign_on(
    seed: int,
    replica: int,
    accounts: Accounts,
    people: People,
    activity: Activity,
    requested: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """The day each account takes up SSO after its release (NEVER if not).

    Accounts that asked for it adopt it at 66 %, others at 11 %: the loop that closes.
    """
    rng = stream(seed, replica, "single sign-on")
    recent = (activity.day >= SSO_GA) & (activity.day < SSO_GA + 80)
    day = np.full(len(accounts), NEVER)
    wish = rng.random(len(accounts)) < np.where(requested, 0.66, 0.11)
    earliest = SSO_GA + rng.integers(0, 50, len(accounts))
    account = people.account[activity.user]
    usable = recent & (activity.day >= earliest[account])
    np.minimum.at(day, account[usable], activity.day[usable])
    return np.where(wish & (accounts.kind != INTERNAL), day, NEVER)


def build(
    seed: int, replica: int, accounts: Accounts, people: People, sso: NDArray[np.int64]
) -> FeatureUse:
    rng = stream(seed, replica, "features")
    count, account = len(people), people.account
    begins = np.zeros((count, len(CODES)))
    ends = np.full((count, len(CODES)), np.inf)

    def only(event: str, users: NDArray[np.bool_]) -> None:
        begins[~users, CODES[event]] = np.inf

    # Dashboards attract engaged users of good accounts and change nothing: the decoy.
    liking = -0.2 + 0.40 * people.engagement + 0.25 * accounts.quality[account]
    only("dashboard_viewed", rng.random(count) < 1 / (1 + np.exp(-liking)))
    only("export_run", rng.random(count) < 0.40)
    only("mobile_opened", rng.random(count) < 0.25)
    only("gantt_viewed", rng.random(count) < 0.02)
    begins[:, CODES["automation_run"]] = people.adopted_automations
    begins[:, CODES["client_portal_opened"]] = _portal_days(len(accounts), rng)[account]
    begins[:, CODES["sso_login"]] = np.where(sso == NEVER, np.inf, sso)[account]
    begins[:, CODES["integration_connected"]] = _integration_days(accounts)[account]
    code = CODES["ai_summary_generated"]
    tried = np.maximum(_AI_LAUNCH, people.joined) + np.floor(rng.exponential(25, count))
    begins[:, code] = np.where(rng.random(count) < 0.60, tried, np.inf)
    dropped = rng.random(count) < 0.80
    ends[:, code] = np.where(dropped, tried + 4 + rng.exponential(12, count), np.inf)
    return FeatureUse(begins, ends)


def _portal_days(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Client portal: 10 alpha accounts, 60 in the beta, then a third of everyone."""
    order = rng.permutation(count)
    day = np.where(rng.random(count) < _PORTAL_SHARE, float(_PORTAL_GA), np.inf)
    day[order[:10]], day[order[10:70]] = _PORTAL_ALPHA, _PORTAL_BETA
    return np.where(np.isfinite(day), day + np.floor(rng.exponential(12, count)), day)


def _integration_days(accounts: Accounts) -> NDArray[np.int64]:
    # An account that does not qualify must not connect anything in its first 14 days, and
    # one that does sends that event explicitly.
    return np.where(accounts.start > 0, accounts.start + 15, -DAYS)
