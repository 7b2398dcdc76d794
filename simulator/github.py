"""GitHub: releases, deployments, pulls and issues of one repository, page by page."""

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.company import Company
from simulator.faults import DRIFT_NAME, bend_rows, drifts
from simulator.github_objects import OWNER, REPOSITORY, Entry, Holdings
from simulator.tables import parse_time
from simulator.wire import Clock, Limit, Refusal, Row, answer, bearer, bends, parameters, single

TOKEN = "github_pat_demo"
VERSION = "2022-11-28"
USUAL_PAGE, LARGEST_PAGE = 30, 100
CALLS_AN_HOUR, CALLS_A_MINUTE = 5000, 900
DOCS = "https://docs.github.com/rest"
STATES = ("open", "closed", "all")
DIRECTIONS = ("asc", "desc")
PAGES = ("per_page", "page")
FILTERS = ("sha", "ref", "task", "environment")
# Nothing here has a milestone, an assignee, a type or a field, and nobody is mentioned.
UNUSED = ("milestone", "assignee", "type", "mentioned", "issue_field_values")
# What the vendor takes away when it changes its format without telling anyone.
DROPPED = {
    "releases": "tag_name",
    "deployments": "sha",
    "pulls": "merge_commit_sha",
    "issues": "state",
}
MESSAGES = {
    401: "Bad credentials",
    404: "Not Found",
    405: "Method Not Allowed",
    422: "Validation Failed",
    500: "Server Error",
}


def refuse(name: str, message: str) -> Refusal:
    fault = {"resource": "List", "field": name, "code": "invalid", "message": message}
    return _refusal(422, errors=[fault])


def _refusal(status: int, message: str = "", **more: Any) -> Refusal:
    said = message or MESSAGES.get(status, "Error")
    return Refusal(
        status, {"message": said, **more, "documentation_url": DOCS, "status": str(status)}
    )


class GitHub:
    """The part of the server that answers as api.github.com."""

    name = "github"

    def __init__(self, company: Company, clock: Clock) -> None:
        self._clock = clock
        self._holdings = Holdings(company)
        everything = re.compile("")
        # Of the hour's limit it says in headers when it begins anew, and in no Retry-After.
        self.limits = [
            Limit("hour", CALLS_AN_HOUR, 3600.0, everything, says_when=False),
            Limit("secondary", CALLS_A_MINUTE, 60.0, everything),
        ]

    def owns(self, path: str) -> bool:
        return path.startswith("/repos/")

    def routes(self) -> list[Route]:
        here = "/repos/{owner}/{repo}"
        return [
            Route(f"{here}/releases", self.releases),
            Route(f"{here}/deployments", self.deployments),
            Route(f"{here}/pulls", self.pulls),
            Route(f"{here}/issues", self.issues),
        ]

    def authorise(self, request: Request) -> None:
        if bearer(request) != TOKEN:
            raise self.refusal(401)
        version = request.headers.get("x-github-api-version", VERSION)
        if version != VERSION:
            raise _refusal(400, f"The version {version} of the API is not supported.")

    def headers(self, path: str) -> dict[str, str]:
        hour = self.limits[0]
        values = {
            "limit": hour.count,
            "remaining": max(0, hour.count - hour.used()),
            "reset": math.ceil(self._clock.now.timestamp() + hour.reset()),
            "used": hour.used(),
        }
        told = {f"x-ratelimit-{name}": str(value) for name, value in values.items()}
        return {**told, "x-ratelimit-resource": "core"}

    def refusal(self, status: int, detail: str = "", limit: str = "") -> Refusal:
        if limit == "hour":
            return _refusal(403, "API rate limit exceeded for user ID 1.")
        if status == 429:
            # GitHub answers either status to either limit.
            status = 403 if limit else 429
            return _refusal(status, "You have exceeded a secondary rate limit.")
        return _refusal(status, detail)

    async def releases(self, request: Request) -> Response:
        query = self._query(request, PAGES)
        return self._page(request, query, self._holdings.releases(self._clock.now))

    async def deployments(self, request: Request) -> Response:
        query = self._query(request, (*PAGES, *FILTERS))
        wanted = {name: query[name] for name in FILTERS if query.get(name) not in (None, "none")}
        found = (
            entry
            for entry in self._holdings.deployments(self._clock.now)
            if all(entry.facts[name] == value for name, value in wanted.items())
        )
        return self._page(request, query, found)

    async def pulls(self, request: Request) -> Response:
        names = ("state", "head", "base", "sort", "direction", *PAGES)
        query = self._query(request, names)
        sorts = ("created", "updated", "popularity", "long-running")
        sort = _one_of(query, "sort", sorts, "created")
        usual = "desc" if sort == "created" else "asc"
        head, base = query.get("head"), query.get("base")
        found = (
            entry
            for entry in _in_state(query, self._holdings.pulls(self._clock.now))
            if head in (None, f"{OWNER}:{entry.facts['branch']}") and base in (None, "main")
        )
        is_newest_first = _one_of(query, "direction", DIRECTIONS, usual) == "desc"
        return self._page(request, query, found, sort, is_newest_first)

    async def issues(self, request: Request) -> Response:
        names = ("state", "labels", "creator", "since", "sort", "direction", *UNUSED, *PAGES)
        query = self._query(request, names)
        sort = _one_of(query, "sort", ("created", "updated", "comments"), "created")
        since = _since(query.get("since"))
        labels = {each for each in (query.get("labels") or "").split(",") if each}
        creator = query.get("creator")
        is_excluded = any(query.get(name) not in (None, "none") for name in UNUSED)
        found = (
            entry
            for entry in _in_state(query, self._holdings.issues(self._clock.now))
            if not is_excluded
            and (since is None or entry.updated >= since)
            and labels <= set(entry.facts["labels"])
            and creator in (None, entry.facts["author"])
        )
        is_newest_first = _one_of(query, "direction", DIRECTIONS, "desc") == "desc"
        return self._page(request, query, found, sort, is_newest_first)

    def _query(self, request: Request, allowed: tuple[str, ...]) -> dict[str, str | None]:
        owner, name = request.path_params["owner"], request.path_params["repo"]
        if f"{owner}/{name}".lower() != REPOSITORY:
            raise self.refusal(404)
        asked = parameters(request, allowed, refuse)
        return {name: single(asked, name, refuse) for name in asked}

    def _page(
        self,
        request: Request,
        query: dict[str, str | None],
        entries: Iterable[Entry],
        sort: str = "created",
        is_newest_first: bool = True,
    ) -> Response:
        """One page, and in its Link header where the others are: the body does not say."""
        size = min(_number(query, "per_page", USUAL_PAGE), LARGEST_PAGE)
        page = _number(query, "page", 1)
        moved: Callable[[Entry], datetime] = (
            (lambda entry: entry.updated) if sort == "updated" else (lambda entry: entry.created)
        )
        listed = sorted(entries, key=lambda e: (moved(e), e.number), reverse=is_newest_first)
        shown = listed[(page - 1) * size : page * size]
        shown = bend_rows(shown, bends(request), lambda entry: entry.updated)
        base = str(request.base_url).rstrip("/")
        kind = request.url.path.rpartition("/")[2]
        body = _drifted([entry.shown(base) for entry in shown], drifts(bends(request)), kind)
        tag = f'W/"{hashlib.sha256(json.dumps(body).encode()).hexdigest()}"'
        headers = {"ETag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        links = ", ".join(_links(request, page, math.ceil(len(listed) / size)))
        return answer(body, headers={**headers, **({"Link": links} if links else {})})


def _links(request: Request, page: int, last: int) -> Iterator[str]:
    numbers = {"prev": page - 1, "first": 1} if page > 1 else {}
    if page < last:
        numbers |= {"next": page + 1, "last": last}
    for name, number in numbers.items():
        yield f'<{request.url.include_query_params(page=number)}>; rel="{name}"'


def _number(query: dict[str, str | None], name: str, usual: int) -> int:
    """A count as GitHub reads it: what is below one counts as not given."""
    text = query.get(name)
    if text is None:
        return usual
    if not re.fullmatch(r"-?[0-9]+", text):
        raise refuse(name, f"must be a whole number, not {text!r}")
    return int(text) if int(text) > 0 else usual


def _one_of(query: dict[str, str | None], name: str, allowed: tuple[str, ...], usual: str) -> str:
    text = query.get(name)
    if text is not None and text not in allowed:
        raise refuse(name, f"must be one of {', '.join(allowed)}, not {text!r}")
    return text or usual


def _in_state(query: dict[str, str | None], entries: Iterable[Entry]) -> Iterator[Entry]:
    state = _one_of(query, "state", STATES, "open")
    return (entry for entry in entries if state in ("all", entry.facts["state"]))


def _since(text: str | None) -> datetime | None:
    try:
        return None if text is None else parse_time(text)
    except ValueError as error:
        raise refuse(
            "since", f"must be a time such as 2026-03-20T14:00:59Z, not {text!r}"
        ) from error


def _drifted(items: list[Row], kinds: set[str], kind: str) -> list[Row]:
    """The page after the vendor changed its format without telling anyone."""
    for item in items:
        if "new-column" in kinds:
            item[DRIFT_NAME] = "new"
        if "changed-type" in kinds:
            item["created_at"] = 1_780_000_000
        if "dropped-column" in kinds:
            item.pop(DROPPED[kind])
    return items
