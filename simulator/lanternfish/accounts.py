"""Who becomes a customer: 1,990 accounts with the qualities that decide what they do later."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.lanternfish.randomness import stream
from simulator.lanternfish.timeline import DAYS, NEVER, day_of, weekdays

SEGMENTS = ("smb", "mid", "ent")
PLANS = ("starter", "team", "business")
PRICES = (29, 55, 89)
CHANNELS = (
    "organic",
    "paid_search",
    "paid_social",
    "webinar",
    "direct",
    "partner",
    "outbound",
)
INSTALLED, TRIAL, CAMPAIGN, INTERNAL = range(4)
INSTALLED_COUNT, TRIAL_COUNT, CAMPAIGN_COUNT = 120, 1_800, 70
CAMPAIGN_NAME = "startup-50"
INTERNAL_DOMAIN = "lanternfish.example"

_CHANNEL_SHARE = np.array([0.30, 0.19, 0.15, 0.12, 0.09, 0.08, 0.07])
_CHANNEL_CONVERSION = np.array([1.0, 0.85, 0.70, 1.05, 1.10, 2.05, 1.40])
_SEAT_MEDIAN = np.array([4.2, 11.0, 32.0])
_TEAM_OR_MORE = np.array([0.15, 0.55, 0.85])
_BUSINESS = np.array([0.02, 0.15, 0.62])
_PLAN_HAZARD = np.array([1.25, 0.9, 0.55])
# The half-price offer drew customers who buy readily and leave readily.
_CAMPAIGN_CONVERSION = 0.38
_CAMPAIGN_MONTHLY_CHURN = 0.115
_MONTH = 30.44

_FIRST_TEXT = (
    "amber birch bold bright calm cedar clear copper coral crisp delta ember fair fern field "
    "flint frost gold granite green harbor hazel indigo iron ivory jade kite lark lunar maple "
    "marble mint misty noble north oak ocean olive opal pine plain quartz quiet rapid raven red "
    "river rose ruby sage salt silver slate solar spruce stone storm summit swift teal tidal "
    "topaz true umber velvet violet vivid west wild willow winter"
)
_FIRST = tuple(_FIRST_TEXT.split())
_SECOND_TEXT = (
    "agency anchor arc atlas beacon bridge canvas collective compass craft creative cove design "
    "digital dock factory forge foundry gate grove guild house lab lane lantern line loft made "
    "media mill motion nest office partners path peak pixel point press project room signal "
    "sketch society spark stack studio supply survey tower tribe union vector view wave works "
    "yard"
)
_SECOND = tuple(_SECOND_TEXT.split())
INDUSTRIES = (
    "MARKETING_AND_ADVERTISING",
    "DESIGN",
    "PUBLIC_RELATIONS_AND_COMMUNICATIONS",
    "MANAGEMENT_CONSULTING",
    "COMPUTER_SOFTWARE",
    "ARCHITECTURE_PLANNING",
    "MEDIA_PRODUCTION",
)
# Berlin, London, New York, Singapore; whole hours are enough to spread a day over UTC.
_ZONES = np.array([1, 0, -5, 8])
_ZONE_SHARE = np.array([0.45, 0.20, 0.25, 0.10])


@dataclass(frozen=True)
class Accounts:
    """One entry per account in every array; days count from the window's start."""

    account_id: list[str]
    name: list[str]
    domain: list[str]
    industry: list[str]
    kind: NDArray[np.int64]
    segment: NDArray[np.int64]
    plan: NDArray[np.int64]
    seats: NDArray[np.int64]
    channel: NDArray[np.int64]
    quality: NDArray[np.float64]
    start: NDArray[np.int64]
    qualified: NDArray[np.bool_]
    paid: NDArray[np.int64]
    churned: NDArray[np.int64]
    left: NDArray[np.int64]
    declines: NDArray[np.bool_]
    exposed: NDArray[np.bool_]
    sends_groups: NDArray[np.bool_]
    zone: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.account_id)

    def customers(self) -> NDArray[np.int64]:
        """Indices of the accounts that ever pay inside or before the window."""
        return np.flatnonzero((self.paid < DAYS) & (self.kind != INTERNAL))


def build(seed: int, replica: int, staff: bool) -> Accounts:
    """Draw the accounts of one replica; `staff` adds Lanternfish's own account at the end."""
    kind = np.repeat([INSTALLED, TRIAL, CAMPAIGN], [INSTALLED_COUNT, TRIAL_COUNT, CAMPAIGN_COUNT])
    kind = np.append(kind, INTERNAL) if staff else kind
    count = len(kind)
    rng = stream(seed, replica, "accounts")
    segment = rng.choice(3, count, p=[0.58, 0.30, 0.12])
    luck = rng.random(count)
    plan = (luck < _TEAM_OR_MORE[segment]).astype(int) + (luck < _BUSINESS[segment])
    seats = np.maximum(1, np.rint(_SEAT_MEDIAN[segment] * rng.lognormal(0, 0.45, count)))
    channel = rng.choice(len(CHANNELS), count, p=_CHANNEL_SHARE)
    channel[kind == CAMPAIGN] = CHANNELS.index("paid_social")
    quality = rng.standard_normal(count)
    start = _starts(kind, stream(seed, replica, "starts"))
    qualified, paid = _purchases(kind, channel, quality, start, stream(seed, replica, "purchases"))
    churned = _churns(kind, plan, quality, paid, stream(seed, replica, "churn"))
    traits = stream(seed, replica, "account traits")
    trial_end = start + 14 + np.rint(traits.exponential(12, count)).astype(int)
    number = np.arange(count) + 1 + replica * (INSTALLED_COUNT + TRIAL_COUNT + CAMPAIGN_COUNT)
    names, domains = _names(number, traits)
    if staff:
        number[-1], names[-1], domains[-1] = 0, "Lanternfish", INTERNAL_DOMAIN
        paid[-1], churned[-1], seats[-1], plan[-1] = start[-1], NEVER, 40, 2
    return Accounts(
        account_id=[f"acct_{n:05d}" for n in number],
        name=names,
        domain=domains,
        industry=[INDUSTRIES[n] for n in traits.integers(0, len(INDUSTRIES), count)],
        kind=kind,
        segment=segment,
        plan=plan,
        seats=seats.astype(int),
        channel=channel,
        quality=quality,
        start=start,
        qualified=qualified,
        paid=paid,
        churned=churned,
        left=np.where(paid < DAYS, churned, trial_end),
        declines=traits.random(count) < 0.85,
        exposed=(traits.random(count) < 0.58) & (start < day_of("2025-11-20")),
        sends_groups=(traits.random(count) >= 0.04) | (kind == INTERNAL),
        zone=traits.choice(_ZONES, count, p=_ZONE_SHARE),
    )


def _starts(kind: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Trials grow 2 % a month and come half as often at weekends."""
    start = -rng.integers(30, 701, len(kind))
    days = np.arange(1, DAYS)
    weight = 1.02 ** (days / _MONTH) * np.where(weekdays()[1:] > 4, 0.5, 1.0)
    trials = kind == TRIAL
    start[trials] = rng.choice(days, trials.sum(), p=weight / weight.sum())
    campaign = kind == CAMPAIGN
    start[campaign] = rng.integers(day_of("2025-03-03"), day_of("2025-03-30") + 1, campaign.sum())
    return start


def _purchases(
    kind: NDArray[np.int64],
    channel: NDArray[np.int64],
    quality: NDArray[np.float64],
    start: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which trials qualify by use, and the day each account starts to pay (NEVER if not)."""
    count = len(kind)
    qualified = rng.random(count) < 1 / (1 + np.exp(1.45 - 0.75 * quality))
    chance = np.where(qualified, 0.50, 0.145) * _CHANNEL_CONVERSION[channel]
    chance[kind == CAMPAIGN] = _CAMPAIGN_CONVERSION
    lag = np.where(qualified, rng.integers(7, 22, count), rng.integers(12, 45, count))
    paid = np.where(rng.random(count) < chance, start + lag, NEVER)
    paid[paid >= DAYS] = NEVER
    paid[kind == INSTALLED] = start[kind == INSTALLED]
    return qualified & (kind != INSTALLED), paid


def _churns(
    kind: NDArray[np.int64],
    plan: NDArray[np.int64],
    quality: NDArray[np.float64],
    paid: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """The day each customer stops paying; installed customers are at risk from day 0."""
    monthly = 0.016 * np.exp(-0.35 * quality) * _PLAN_HAZARD[plan]
    monthly[kind == CAMPAIGN] = _CAMPAIGN_MONTHLY_CHURN
    # The hazard is a monthly probability; as a rate it is -log(1 - p).
    life = rng.exponential(_MONTH / -np.log1p(-np.minimum(monthly, 0.5)))
    day = np.maximum(paid, 0) + np.maximum(14, np.rint(life)).astype(int)
    return np.where((paid < DAYS) & (day < DAYS), day, NEVER)


def _names(number: NDArray[np.int64], rng: np.random.Generator) -> tuple[list[str], list[str]]:
    first = rng.integers(0, len(_FIRST), len(number))
    second = rng.integers(0, len(_SECOND), len(number))
    words = [(_FIRST[a], _SECOND[b]) for a, b in zip(first, second, strict=True)]
    names = [f"{a.capitalize()} {b.capitalize()}" for a, b in words]
    domains = [f"{a}{b}{n}.example" for (a, b), n in zip(words, number, strict=True)]
    return names, domains
