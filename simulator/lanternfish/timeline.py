"""The two years Lanternfish is told over, as day numbers and microseconds."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

WINDOW_START = datetime(2024, 7, 1, tzinfo=UTC)
DAYS = 730
WINDOW_END = WINDOW_START + timedelta(days=DAYS)
NOW = WINDOW_END + timedelta(hours=2)

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
NEVER = 10**6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
START_US = (WINDOW_START - _EPOCH) // timedelta(microseconds=1)
END_US = START_US + DAYS * DAY

FRIDAY = 4


def day_of(text: str) -> int:
    """Number the day `YYYY-MM-DD` from the start of the window."""
    return (date.fromisoformat(text) - WINDOW_START.date()).days


def at_day(day: float) -> int:
    """Microseconds since the epoch at a (fractional) day of the window."""
    return START_US + round(day * DAY)


def moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=int(microseconds))


def iso(microseconds: int) -> str:
    """Write a moment as HubSpot does: milliseconds and Z."""
    return moment(microseconds).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def weekdays() -> NDArray[np.int64]:
    return (np.arange(DAYS) + WINDOW_START.weekday()) % 7


def season() -> NDArray[np.float64]:
    """How much of a normal workday's activity each day of the window sees."""
    weekday = weekdays()
    factor = np.where(weekday > FRIDAY, 0.16, np.where(weekday == FRIDAY, 0.9, 1.0))
    for number in range(DAYS):
        on = WINDOW_START + timedelta(days=number)
        if on.month == 8:
            factor[number] *= 0.78
        elif on.month == 12 and on.day >= 22:
            factor[number] *= 0.45
        elif on.month == 1 and on.day <= 2:
            factor[number] *= 0.40
    return factor


def month_starts() -> list[datetime]:
    """The first instants of the window's months, and of the month after it."""
    return [
        datetime(2024 + (6 + number) // 12, (6 + number) % 12 + 1, 1, tzinfo=UTC)
        for number in range(25)
    ]
