"""What can go wrong between a vendor and its reader, scripted by request number."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

T = TypeVar("T")

# Answered instead of the vendor, or to its answer as a whole.
BREAKS = ("429", "429-no-retry-after", "500", "timeout", "cut", "expired-token")
# Done to the rows that the vendor hands out.
BENDS = ("duplicate", "drop", "late", "drift")
DRIFTS = ("new-column", "changed-type", "dropped-column")
VENDORS = (
    "posthog",
    "hubspot",
    "typeform",
    "surveymonkey",
    "google_ads",
    "linkedin_ads",
    "meta_ads",
    "google_sheets",
    "stripe",
    "zendesk",
    "intercom",
    "linear",
    "github",
)
KEYS: dict[str, type | tuple[type, ...]] = {
    "vendor": str,
    "path": str,
    "method": str,
    "request": int,
    "times": int,
    "kind": str,
    "retry_after": int,
    "seconds": (int, float),
    "drift": str,
}
# One row in ten is late or lost: enough to be missed, few enough to be overlooked.
SHARE = 10
DRIFT_NAME = "surprise_field"


class FaultError(ValueError):
    """A fault script that cannot be carried out; the message says which key is wrong."""


@dataclass(frozen=True)
class Bend:
    """A fault in data: what is done to the rows of one answer."""

    kind: str
    drift: str = "new-column"


@dataclass
class Fault:
    """One line of a script and how many requests it has seen."""

    vendor: str
    path: re.Pattern[str]
    method: str | None
    request: int
    times: int
    kind: str
    retry_after: int
    seconds: float
    drift: str
    armed_at: datetime
    seen: int = 0

    def strikes(self, vendor: str, path: str, method: str) -> bool:
        """Count a request if it matches, and say whether this is one to break."""
        if vendor != self.vendor or (self.method or method) != method:
            return False
        if not self.path.search(path):
            return False
        self.seen += 1
        ended = self.times >= 0 and self.seen >= self.request + self.times
        # A token that expired stays expired until someone renews it.
        return self.seen >= self.request and (self.kind == "expired-token" or not ended)


class Script:
    """The faults in force."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, entries: object, now: datetime) -> int:
        if not isinstance(entries, list):
            raise FaultError("a fault script is a list of objects")
        made = [parse(entry, now) for entry in entries]
        self._faults += made
        return len(made)

    def clear(self) -> None:
        self._faults.clear()

    def due(self, vendor: str, path: str, method: str, now: datetime) -> list[Fault]:
        """The faults for this request. Each counts its own requests, so all are asked."""
        due = [fault for fault in self._faults if fault.strikes(vendor, path, method)]
        return [fault for fault in due if fault.kind != "late" or fault.armed_at == now]


def parse(entry: object, now: datetime) -> Fault:
    """One line of a script, checked as strictly as a vendor checks a request."""
    if not isinstance(entry, dict):
        raise FaultError(f"a fault is an object, not {entry!r}")
    for name, value in entry.items():
        if name not in KEYS:
            raise FaultError(f"{name!r} is not a key of a fault ({', '.join(KEYS)})")
        if not isinstance(value, KEYS[name]) or isinstance(value, bool):
            raise FaultError(f"{name!r}: {value!r} has the wrong type")
    _one_of(entry, "vendor", VENDORS)
    _one_of(entry, "kind", BREAKS + BENDS)
    if "drift" in entry:
        _one_of(entry, "drift", DRIFTS)
    if entry.get("request", 1) < 1:
        raise FaultError(f"'request': {entry['request']} must be 1 or more")
    return Fault(
        vendor=entry["vendor"],
        path=_pattern(entry.get("path", "")),
        method=entry.get("method", "").upper() or None,
        request=entry.get("request", 1),
        times=entry.get("times", 1),
        kind=entry["kind"],
        retry_after=entry.get("retry_after", 1),
        seconds=entry.get("seconds", 30.0),
        drift=entry.get("drift", "new-column"),
        armed_at=now,
    )


def _one_of(entry: dict[str, Any], name: str, allowed: tuple[str, ...]) -> None:
    if entry.get(name) not in allowed:
        raise FaultError(f"{name!r}: {entry.get(name)!r} is not one of {', '.join(allowed)}")


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise FaultError(f"'path': {text!r} is not a regular expression ({error})") from error


def share(count: int) -> int:
    """How many rows of `count` a fault takes: a tenth, and one at least."""
    return math.ceil(count / SHARE)


def bend_rows(rows: Sequence[T], bends: Sequence[Bend], arrival: Callable[[T], Any]) -> list[T]:
    """The rows of one page after duplication, loss and lateness."""
    bent = list(rows)
    for bend in bends:
        if bend.kind == "duplicate":
            bent = [row for row in bent for _ in range(2)]
        elif bend.kind == "drop":
            bent = bent[: len(bent) - share(len(bent))]
        elif bend.kind == "late":
            newest = sorted(range(len(bent)), key=lambda i: arrival(bent[i]))
            held = set(newest[len(bent) - share(len(bent)) :])
            bent = [row for index, row in enumerate(bent) if index not in held]
    return bent


def drifts(bends: Sequence[Bend]) -> set[str]:
    """The kinds of drift asked for."""
    return {bend.drift for bend in bends if bend.kind == "drift"}
