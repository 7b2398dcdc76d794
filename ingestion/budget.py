"""A day's requests as a budget: what a vendor grants a day is spent once."""

from datetime import date
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from ingestion.errors import IngestionError
from ingestion.http import Limiter

PREFIX = "X-Ratelimit-App-Global"


class DayOverError(IngestionError):
    """The day's requests are spent; what was not read waits for tomorrow."""


class DayBudget(Limiter):
    """Holds requests back by the second, and ends them when the day's are spent.

    What was spent is counted here and kept with the state of the load. The vendor's own headers
    tell what everybody with the same app spent, so the greater of both numbers counts.
    """

    def __init__(self, per_day: int, per_second: int) -> None:
        super().__init__(per_second)
        self.per_day = per_day
        self._today: date | None = None
        self._spent: dict[str, Any] = {}

    def keep(self, spent: dict[str, Any]) -> None:
        """Go on with what earlier loads spent, in a dictionary that the next load is given."""
        self._spent = spent

    @property
    def is_over(self) -> bool:
        # Which day it is says the vendor's first answer: one question a load is always asked.
        return self._today is not None and self._count() >= self.per_day

    def wait(self) -> None:
        """Wait for this second's turn.

        Raises:
            DayOverError: the day's requests are spent.
        """
        if self.is_over:
            raise self.over()
        super().wait()

    def over(self) -> DayOverError:
        return DayOverError(f"the {self.per_day} requests of {self._spent.get('day')} are spent")

    def note(self, response: requests.Response) -> None:
        """Count an answer, also one that will be asked for again.

        Raises:
            DayOverError: it is a refusal because of the day's limit, so that waiting is no use.
        """
        if "Date" in response.headers:
            self._today = parsedate_to_datetime(response.headers["Date"]).date()
        count = self._count() + 1
        limit, left = self._told(response, "Day-Limit"), self._told(response, "Day-Remaining")
        if limit is not None and left is not None:
            count = max(count, limit - left)
        is_refused = response.status_code == requests.codes.too_many_requests
        if is_refused and left == 0:
            self._spend(max(count, self.per_day))
            raise self.over()
        self._spend(count)
        seconds = self._told(response, "Minute-Reset")
        minute_is_over = self._told(response, "Minute-Remaining") == 0
        if is_refused and minute_is_over and seconds is not None:
            # Where dlt looks for how long to wait.
            response.headers.setdefault("Retry-After", str(seconds))

    def _count(self) -> int:
        is_of_today = self._today is None or self._spent.get("day") == self._today.isoformat()
        return int(self._spent.get("count", 0)) if is_of_today else 0

    def _spend(self, count: int) -> None:
        day = self._today.isoformat() if self._today else self._spent.get("day")
        self._spent |= {"day": day, "count": count}

    def _told(self, response: requests.Response, name: str) -> int | None:
        text = response.headers.get(f"{PREFIX}-{name}", "")
        return int(text) if text.isdecimal() else None
