"""How far one survey was read, kept with the state of the load, so that no day begins anew.

A survey is read from its oldest change on until it is complete; from then on what changed since is
read, and the number of responses says whether that is all. If it is not, some were deleted or came
late, and the survey is read once more as a whole, under the next number (`generation`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Item = dict[str, Any]

# SurveyMonkey does not say how late an answer may show up; Typeform's hour is taken for it.
OVERLAP = timedelta(hours=1)
# After a month without a change a survey is asked once a week, unless its number changes.
QUIET_AFTER, ASKED_AGAIN_AFTER = timedelta(days=30), timedelta(days=7)
# Enough of a pseudonym to tell the responses of an hour apart.
MARK = 16


def modified(item: Item) -> datetime:
    return _moment(item["date_modified"])


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@dataclass
class Progress:
    """How far one survey was read. `mark` makes of a response's key what may be kept of it."""

    mark: Callable[[str], str]
    # Version of the questions that were read.
    version: str | None = None
    generation: int = 1
    is_complete: bool = False
    # The last change that was read.
    cursor: str | None = None
    # Responses, once all were read; and what the list of surveys said then.
    count: int = 0
    listed: int | None = None
    # From here on changes are read again, and those already read are known by `recent`.
    floor: str | None = None
    recent: dict[str, str] = field(default_factory=dict)
    read_at: str = ""
    waits_since: str | None = None
    # What survey_reads says.
    last_told: list[Any] = field(default_factory=list)

    def kept(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "mark"}

    @property
    def reached(self) -> datetime | None:
        """The last change that was read."""
        return _moment(self.cursor) if self.cursor else None

    def begin(self) -> datetime | None:
        """From which change on to read: where a day ended, else a while before the last one."""
        floor = _moment(self.floor) if self.floor else None
        return floor if floor and self.reached == floor + OVERLAP else self.reached

    def _overlap_begins(self) -> datetime | None:
        """Changes before it were read."""
        if self.is_complete:
            return _moment(self.floor) if self.floor else None
        return self.reached - OVERLAP if self.reached else None

    def take(self, items: Sequence[Item]) -> list[Item]:
        """Return the responses that were not read as they are now, and remember them."""
        fresh: list[Item] = []
        since = self._overlap_begins()
        for item in items:
            key = self.mark(f"{item['survey_id']}:{item['id']}")[:MARK]
            if self.recent.get(key) == item["date_modified"]:
                continue
            if since and modified(item) < since:
                continue
            fresh.append(item)
            # Who began before the overlap was seen then, and has changed something since.
            is_new = not self.floor or _moment(item["date_created"]) >= _moment(self.floor)
            if key not in self.recent and is_new:
                self.count += 1
            self.recent[key] = item["date_modified"]
            if self.reached is None or modified(item) > self.reached:
                self.cursor = item["date_modified"]
        if not self.is_complete:
            self._forget_old()
        return fresh

    def agrees_with(self, total: int) -> bool:
        """Whether what was read is all there is; a reading of the whole survey always is."""
        return not self.is_complete or self.count == total

    def finish(self, total: int, listed: int | None, now: datetime) -> None:
        self.is_complete, self.count, self.listed = True, total, listed
        self.read_at, self.waits_since = now.isoformat(), None
        self._forget_old()
        if self.reached:
            self.floor = (self.reached - OVERLAP).isoformat()

    def _forget_old(self) -> None:
        if self.reached:
            bound = self.reached - OVERLAP
            self.recent = {k: at for k, at in self.recent.items() if _moment(at) >= bound}

    def restart(self) -> None:
        """Read everything once more, under the next number."""
        # A reading that was not complete goes on under its own.
        self.generation += self.is_complete
        self.is_complete, self.cursor, self.floor = False, None, None
        self.count, self.recent = 0, {}

    def close(self) -> None:
        """The survey is gone, and with it all that was ever read of it."""
        self.generation += self.cursor is not None
        self.is_complete, self.cursor, self.floor = True, None, None
        self.count, self.recent, self.listed, self.version = 0, {}, None, None
        self.waits_since = None

    def wait(self, now: datetime) -> None:
        self.waits_since = self.waits_since or now.isoformat()

    def has_counted(self, listed: int | None) -> bool:
        """Whether the list of surveys says the same number as when all was read."""
        return self.is_complete and listed is not None and listed == self.listed

    def is_settled(self, listed: int | None, now: datetime) -> bool:
        """Whether a survey is so quiet that it need not be asked tonight."""
        if not self.has_counted(listed) or self.waits_since:
            return False
        if self.reached is None:
            # Where there is no answer none can have changed.
            return self.count == 0
        since_read = now - _moment(self.read_at)
        return now - self.reached > QUIET_AFTER and since_read < ASKED_AGAIN_AFTER

    def told(self) -> dict[str, Any] | None:
        """What survey_reads is to say, if it says something else."""
        complete = self.generation - (not self.is_complete)
        row = {"generation": complete, "waits_since": self.waits_since}
        if [*row.values()] == self.last_told:
            return None
        self.last_told = [*row.values()]
        return row
