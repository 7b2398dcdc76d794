"""What a vendor grants: a day's requests are spent once, the next hour's are waited for."""

import logging
import time
from datetime import date
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from ingestion.errors import IngestionError
from ingestion.http import Limiter

logger = logging.getLogger(__name__)

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


class HourLimiter(Limiter):
    """Holds requests back by the second, and from the last of an hour until the next hour.

    GitHub's headers tell how many are left and when there are more. A refusal in spite of that is
    one for asking too fast, and is to be followed by a minute's pause unless it says otherwise.
    """

    LONGEST, USUAL = 3600.0, 60

    def __init__(self, per_second: int) -> None:
        super().__init__(per_second)
        self._closed_until = 0.0

    def wait(self) -> None:
        self._rest()
        super().wait()

    def note(self, response: requests.Response) -> None:
        """Take note of what an answer leaves; one that is a refusal is waited for at once."""
        is_refused = response.status_code in (403, 429)
        if response.headers.get("x-ratelimit-remaining") == "0":
            self._closed_until = time.monotonic() + _seconds_left(response, self.LONGEST)
            if is_refused:
                # Here, for dlt waits RUNTIME__REQUEST_MAX_RETRY_DELAY at most, five minutes.
                self._rest()
        elif is_refused and b"rate limit" in response.content.lower():
            # Where dlt looks for how long to wait.
            response.headers.setdefault("Retry-After", str(self.USUAL))

    def _rest(self) -> None:
        pause = self._closed_until - time.monotonic()
        if pause > 0:
            logger.warning("the requests of this hour are spent; going on in %.0f s", pause)
            time.sleep(pause)


def _seconds_left(response: requests.Response, longest: float) -> float:
    """How long until there are more requests, by the vendor's own clock."""
    reset, date_header = response.headers.get("x-ratelimit-reset", ""), response.headers.get("Date")
    if not reset.isdecimal() or date_header is None:
        return longest
    # A second more, for the header has whole ones.
    seconds = int(reset) - parsedate_to_datetime(date_header).timestamp() + 1
    return min(max(seconds, 0.0), longest)
