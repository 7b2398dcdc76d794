"""What engineering shipped: two-weekly trains, hotfixes, deploys, and the bad autumn of 2025."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from simulator.lanternfish.randomness import stream
from simulator.lanternfish.timeline import DAYS, WINDOW_START, at_day, day_of

FIRST_TRAIN = day_of("2024-07-09")
TRAIN_COUNT = 52
BAD_RELEASE = "R-2025.11.1"
HOTFIX = "R-2025.11.1-hotfix.1"
BAD_DAY, HOTFIX_DAY = day_of("2025-11-11"), day_of("2025-11-20")
_OTHER_HOTFIXES = ("2024-09-19", "2025-01-30", "2025-04-24", "2025-08-13", "2026-03-05")


@dataclass(frozen=True)
class Release:
    name: str
    day: int
    kind: str


def releases() -> list[Release]:
    """All releases in order of their day."""
    found: list[Release] = []
    in_month: dict[str, int] = {}
    for number in range(TRAIN_COUNT):
        day = FIRST_TRAIN + 14 * number
        on = WINDOW_START + timedelta(days=day)
        month = f"{on.year}.{on.month}"
        in_month[month] = in_month.get(month, 0) + 1
        found.append(Release(f"R-{month}.{in_month[month]}", day, "train"))
    for text in _OTHER_HOTFIXES:
        base = [each for each in found if each.day <= day_of(text) and each.kind == "train"][-1]
        found.append(Release(f"{base.name}-hotfix.1", day_of(text), "hotfix"))
    found.append(Release(HOTFIX, HOTFIX_DAY, "hotfix"))
    return sorted(found, key=lambda release: (release.day, release.name))


def version_of_day(exposed: bool) -> list[str]:
    """The version an account runs each day; accounts held back never ran the bad release."""
    versions: list[str] = []
    current = "R-2024.6.2"
    upcoming = releases()
    for day in range(DAYS):
        while upcoming and upcoming[0].day <= day:
            release = upcoming.pop(0)
            if exposed or release.name != BAD_RELEASE:
                current = release.name
        versions.append(current)
    return versions


def deploys(seed: int) -> list[dict[str, object]]:
    """About nine deploys a week; big batches in Q4 2025 waited longer and failed more often."""
    rng = stream(seed, 0, "deploys")
    rows: list[dict[str, object]] = []
    months: dict[str, list[int]] = {}
    for day in range(DAYS):
        if (WINDOW_START + timedelta(days=day)).weekday() < 5:
            month = (WINDOW_START + timedelta(days=day)).strftime("%Y-%m")
            months.setdefault(month, []).extend([day] * int(rng.poisson(1.8)))
    # In the bad month changes piled up into fewer, bigger deploys: 6 of 25 failed.
    months["2025-11"] = sorted(rng.permutation(months["2025-11"])[:25].tolist())
    for month, days in months.items():
        failing = round((0.24 if month == "2025-11" else 0.08) * len(days))
        failed = set(rng.permutation(len(days))[:failing].tolist())
        median = 7.0 if month in ("2025-10", "2025-11", "2025-12") else 3.0
        for number, day in enumerate(days):
            deployed = at_day(day + rng.uniform(0.33, 0.7))
            lead = median * float(np.exp(rng.normal(0, 0.5))) * 86_400_000_000
            restored = deployed + int(rng.uniform(0.3, 9) * 3_600_000_000)
            rows.append(
                {
                    "deploy_id": f"deploy_{len(rows) + 1:05d}",
                    "committed_at": deployed - int(lead),
                    "deployed_at": deployed,
                    "failed": number in failed,
                    "restored_at": restored if number in failed else None,
                    "changes": int(1 + rng.poisson(9 if median > 5 else 3)),
                }
            )
    return rows
