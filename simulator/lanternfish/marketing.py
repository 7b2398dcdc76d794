"""How people found Lanternfish: the pages they opened first, the touches after, the spend."""

import numpy as np
from numpy.typing import NDArray

from simulator.lanternfish.accounts import CAMPAIGN_NAME, CHANNELS

SITE = "https://www.lanternfish.example"
PARTNERS = ("northbeam", "agencyhub", "studiolink")
LATER_SHARE = np.array([0.22, 0.25, 0.04, 0.05, 0.36, 0.04, 0.04])
_PAGES = ("/", "/pricing", "/features", "/customers", "/templates", "/compare")

_REFERRING = {
    "organic": "www.google.com",
    "paid_search": "www.google.com",
    "paid_social": "www.linkedin.com",
    "webinar": "$direct",
    "direct": "$direct",
    "partner": "partners.example",
    "outbound": "$direct",
}


def utm(channel: str, number: int, campaign: str | None = None) -> dict[str, str]:
    """The campaign tags a link of that channel carries."""
    tags = {
        "paid_search": ("google", "cpc", "brand-and-category"),
        "paid_social": ("linkedin", "paid_social", campaign or "agency-owners"),
        "webinar": ("webinar", "event", "delivery-clinic"),
        "partner": (PARTNERS[number % len(PARTNERS)], "partner", "directory"),
        "outbound": ("outreach", "outbound_email", "agencies-50-plus"),
    }.get(channel)
    if tags is None:
        return {}
    return dict(zip(("utm_source", "utm_medium", "utm_campaign"), tags, strict=True))


def page_view(channel_number: int, number: int, from_campaign: bool = False) -> dict[str, str]:
    """Properties of the `$pageview` that a visit through a channel begins with."""
    channel = CHANNELS[channel_number]
    domain = _REFERRING[channel]
    referrer = domain if domain == "$direct" else f"https://{domain}/"
    return {
        "$current_url": SITE + _PAGES[number % len(_PAGES)],
        "$referrer": referrer,
        "$referring_domain": domain,
        **utm(channel, number, CAMPAIGN_NAME if from_campaign else None),
    }


def later_channels(rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    return rng.choice(len(CHANNELS), count, p=LATER_SHARE)
