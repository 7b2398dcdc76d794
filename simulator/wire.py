"""What the vendors have in common on the wire: strict reading of requests, refusals, limits."""

import json
import re
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.faults import Bend
from simulator.tables import micros

# Errors name a parameter, because that is what the vendors' bodies have in common.
Refuse = Callable[[str, str], "Refusal"]
Row = dict[str, Any]


class Refusal(Exception):  # noqa: N818 - a vendor's answer, not a fault of ours
    """An error in the vendor's own words, status and body."""

    def __init__(
        self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{status} {body}")
        self.response = JSONResponse(dict(body), status, headers)


class Clock:
    """The vendors' time: it stands still until someone moves it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    @property
    def micros(self) -> int:
        return micros(self.now)


@dataclass
class Limit:
    """At most `count` requests within `seconds`, by the machine's clock."""

    name: str
    count: int
    seconds: float
    path: re.Pattern[str]
    seen: deque[float] = field(default_factory=deque)
    # Whether a refusal says in Retry-After how long to wait.
    says_when: bool = True

    def used(self) -> int:
        while self.seen and self.seen[0] <= time.monotonic() - self.seconds:
            self.seen.popleft()
        return len(self.seen)

    def wait(self) -> float:
        """Seconds until one more request is allowed; 0 when it is now."""
        return 0.0 if self.used() < self.count else self.reset()

    def reset(self) -> float:
        """Seconds until the oldest request is forgotten."""
        return max(0.0, self.seen[0] + self.seconds - time.monotonic()) if self.used() else 0.0

    def take(self) -> None:
        self.seen.append(time.monotonic())


@dataclass(kw_only=True)
class DayLimit(Limit):
    """At most `count` requests on a day of the vendors' clock, in UTC."""

    clock: Clock
    day: date | None = None
    taken: int = 0

    def used(self) -> int:
        return self.taken if self.day == self.clock.now.date() else 0

    def reset(self) -> float:
        now = self.clock.now
        midnight = datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1)
        return (midnight - now).total_seconds()

    def take(self) -> None:
        self.day, self.taken = self.clock.now.date(), self.used() + 1


class Vendor(Protocol):
    """One vendor's part of the server."""

    name: str
    limits: list[Limit]

    def routes(self) -> list[Route]: ...

    def owns(self, path: str) -> bool: ...

    def authorise(self, request: Request) -> None:
        """Raise a Refusal unless the request carries the demo token."""

    def headers(self, path: str) -> dict[str, str]: ...

    def refusal(self, status: int, detail: str = "", limit: str = "") -> Refusal:
        """The vendor's error for a status that any of its endpoints may give."""


def bends(request: Request) -> list[Bend]:
    """The faults in data that a script asks for in this request."""
    found: list[Bend] = request.scope.get("bends", [])
    return found


def bearer(request: Request) -> str | None:
    """The token of an Authorization header, if it is a bearer token at all."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def parameters(request: Request, allowed: Collection[str], refuse: Refuse) -> dict[str, list[str]]:
    """The query string; a parameter the vendor does not document is refused, not ignored."""
    found: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        if name not in allowed:
            raise refuse(name, f"is not a parameter of this endpoint ({', '.join(allowed)})")
        found.setdefault(name, []).append(value)
    return found


def single(found: Mapping[str, list[str]], name: str, refuse: Refuse) -> str | None:
    values = found.get(name)
    if values is None:
        return None
    if len(values) > 1:
        raise refuse(name, "was given more than once")
    return values[0]


def whole(
    text: str | None, name: str, default: int, bounds: tuple[int, int], refuse: Refuse
) -> int:
    """A whole number within the vendor's bounds."""
    if text is None:
        return default
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise refuse(name, f"must be a whole number, not {text!r}")
    low, high = bounds
    if not low <= int(text) <= high:
        raise refuse(name, f"must be between {low} and {high}, not {int(text)}")
    return int(text)


def flag(text: str | None, name: str, default: bool, refuse: Refuse) -> bool:
    # HubSpot's own Python client sends True with a capital.
    if text is None:
        return default
    if text.lower() not in ("true", "false"):
        raise refuse(name, f"must be true or false, not {text!r}")
    return text.lower() == "true"


async def json_body(request: Request, refuse: Refuse) -> Row:
    """The request body as a JSON object."""
    text = await request.body()
    try:
        found = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise refuse("", f"the body is not valid JSON: {str(error)[:200]}") from error
    if not isinstance(found, dict):
        raise refuse("", f"the body must be a JSON object, not {type(found).__name__}")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


KINDS = {
    str: "a string",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


def take(body: Row, name: str, kind: type, refuse: Refuse, *, required: bool = False) -> Any:
    """One key of a body, of exactly the documented type. Any: the caller names the type."""
    if name not in body:
        if required:
            raise refuse(name, "is required")
        return None
    value = body[name]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise refuse(name, f"must be {KINDS[kind]}")
    return value


def texts(body: Row, name: str, refuse: Refuse, *, required: bool = False) -> list[str]:
    """A key that holds a list of strings."""
    values = take(body, name, list, refuse, required=required) or []
    if not all(isinstance(value, str) for value in values):
        raise refuse(name, "must be a list of strings")
    return list(values)


def known_keys(body: Row, allowed: Collection[str], refuse: Refuse) -> None:
    for name in body:
        if name not in allowed:
            raise refuse(str(name), f"is not a known key ({', '.join(allowed)})")


def answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(body, status, dict(headers or {}))
