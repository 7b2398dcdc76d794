"""Typeform: forms and their responses, newest first, with token cursors."""

import hashlib
import json
import math
import re
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.company import Company
from simulator.faults import DRIFT_NAME, Bend, bend_rows, drifts
from simulator.tables import parse_time
from simulator.wire import (
    Clock,
    Limit,
    Refusal,
    Row,
    answer,
    bearer,
    bends,
    flag,
    parameters,
    single,
    whole,
)

TOKEN = "tfp_demo"
LARGEST_FORM_PAGE = 200
LARGEST_RESPONSE_PAGE = 1000
RESPONSE_TYPES = ("started", "partial", "completed")
WORKSPACE = "wsDemo"
RESPONSE_PARAMETERS = (
    "page_size", "since", "until", "after", "before", "included_response_ids",
    "excluded_response_ids", "response_type", "completed", "sort", "query", "fields",
    "answered_fields",
)  # fmt: skip
SORTS = re.compile(r"(submitted_at|staged_at|landed_at),(asc|desc)")
HELP = "https://www.typeform.com/developers/get-started/response-codes/"
ERRORS = {
    401: ("AUTHENTICATION_FAILED", "Authentication credentials not found on the Request Headers"),
    403: ("AUTHENTICATION_FAILED", "Given credentials are not allowed to do this"),
    404: ("NOT_FOUND", "Endpoint not found"),
    405: ("METHOD_NOT_ALLOWED", "Method not allowed"),
    429: ("TOO_MANY_REQUESTS", "Rate limit of 2 requests per second exceeded"),
    500: ("INTERNAL_SERVER_ERROR", "Something went wrong"),
}


def refuse(name: str, message: str) -> Refusal:
    description = f"{name} {message}".strip()
    details = [{"code": "INVALID", "description": description, "field": name, "in": "query"}]
    body = {"code": "VALIDATION_ERROR", "description": description, "help": HELP}
    return Refusal(400, {**body, "details": details})


class Typeform:
    """The part of the server that answers as api.typeform.com."""

    name = "typeform"

    def __init__(self, company: Company, clock: Clock) -> None:
        self._clock = clock
        self._forms = _by_id(company.forms)
        self._responses = _by_form(company.responses)
        self.limits = [Limit("second", 2, 1.0, re.compile(""))]

    def owns(self, path: str) -> bool:
        return re.match(r"/(forms|workspaces)(/|$)", path) is not None

    def routes(self) -> list[Route]:
        return [
            Route("/forms", self.forms),
            Route("/forms/{form_id}", self.form),
            Route("/forms/{form_id}/responses", self.responses),
            Route("/workspaces", self.workspaces),
        ]

    def authorise(self, request: Request) -> None:
        if bearer(request) != TOKEN:
            raise self.refusal(401)

    def headers(self, path: str) -> dict[str, str]:
        return {}

    def refusal(self, status: int, detail: str = "", limit: str = "") -> Refusal:
        code, description = ERRORS[status]
        return Refusal(status, {"code": code, "description": detail or description})

    async def forms(self, request: Request) -> Response:
        allowed = ("page", "page_size", "search", "workspace_id")
        asked = parameters(request, allowed, refuse)
        size_text = single(asked, "page_size", refuse)
        page = whole(single(asked, "page", refuse), "page", 1, (1, 10**9), refuse)
        size = whole(size_text, "page_size", 10, (1, LARGEST_FORM_PAGE), refuse)
        wanted = (single(asked, "search", refuse) or "").lower()
        workspace = single(asked, "workspace_id", refuse) or WORKSPACE
        found = [
            form
            for form in map(self._current, self._forms)
            if form and wanted in (form["title"] or "").lower() and workspace == WORKSPACE
        ]
        items = [_form_item(form, request) for form in found[(page - 1) * size : page * size]]
        items = bend_rows(items, bends(request), lambda item: item["last_updated_at"])
        body = {"total_items": len(found), "page_count": _pages(found, size), "items": items}
        return answer(_drifted(body, bends(request)))

    async def form(self, request: Request) -> Response:
        parameters(request, (), refuse)
        form = self._existing(request)
        body = {
            **form["definition"],
            "id": form["id"],
            "title": form["title"] or form["definition"].get("title", form["id"]),
            "workspace": {"href": f"{_base(request)}/workspaces/{WORKSPACE}"},
            "created_at": _seconds(form["created_at"]),
            "last_updated_at": _seconds(form["last_updated_at"]),
            "_links": {"display": _display(form)},
        }
        if "changed-type" in drifts(bends(request)):
            body["title"] = 7
        if "dropped-column" in drifts(bends(request)):
            body.pop("fields", None)
        return answer(body)

    async def workspaces(self, request: Request) -> Response:
        asked = parameters(request, ("page", "page_size"), refuse)
        page = whole(single(asked, "page", refuse), "page", 1, (1, 10**9), refuse)
        whole(single(asked, "page_size", refuse), "page_size", 10, (1, LARGEST_FORM_PAGE), refuse)
        here = f"{_base(request)}/workspaces/{WORKSPACE}"
        count = sum(1 for identifier in self._forms if self._current(identifier))
        workspace = {
            "id": WORKSPACE,
            "name": "My workspace",
            "default": True,
            "shared": False,
            "forms": {"count": count, "href": f"{_base(request)}/forms?workspace_id={WORKSPACE}"},
            "self": {"href": here},
            "members": [],
        }
        items = [workspace] if page == 1 else []
        return answer({"total_items": 1, "page_count": 1, "items": items})

    async def responses(self, request: Request) -> Response:
        form = self._existing(request)
        asked = parameters(request, RESPONSE_PARAMETERS, refuse)
        query = {name: single(asked, name, refuse) for name in asked}
        size = whole(query.get("page_size"), "page_size", 25, (1, LARGEST_RESPONSE_PAGE), refuse)
        every = self._responses.get(form["id"], [])
        types = _types(query)
        visible = [row for row in every if _visible(row, self._clock.now, types)]
        matching = _matching(visible, query, types)
        ordered = _ordered(matching, query, types)
        page = _page(ordered, every, query, size, types)
        page = bend_rows(page, bends(request), lambda row: row["arrived_at"])
        items = [_response(row, query.get("fields"), request) for row in page]
        pages = _pages(matching, size)
        body = {"total_items": len(matching), "page_count": pages, "items": items}
        return answer(_drifted(body, bends(request)))

    def _current(self, identifier: str) -> Row | None:
        """The version of a form that is published now."""
        past = [v for v in self._forms.get(identifier, []) if _published(v) <= self._clock.now]
        return max(past, key=_published) if past else None

    def _existing(self, request: Request) -> Row:
        identifier = request.path_params["form_id"]
        form = self._current(identifier)
        if form is None:
            description = f"Form with ID {identifier} was not found"
            raise Refusal(404, {"code": "FORM_NOT_FOUND", "description": description})
        return form


def _by_id(rows: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["id"], []).append(row)
    return found


def _by_form(rows: list[Row]) -> dict[str, list[Row]]:
    """Responses per form with the documented defaults, newest first."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        row["response_type"] = row["response_type"] or "completed"
        row["response_id"] = row["response_id"] or row["token"]
        row["landed_at"] = row["landed_at"] or row["submitted_at"] or row["arrived_at"]
        row["arrived_at"] = (
            row["arrived_at"] or row["submitted_at"] or row["landed_at"] or BEGINNING
        )
        row["landed_at"] = row["landed_at"] or row["arrived_at"]
        found.setdefault(row["form_id"], []).append(row)
    for of_form in found.values():
        of_form.sort(key=_newest, reverse=True)
    return found


BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def _published(form: Row) -> datetime:
    found: datetime = form["last_updated_at"] or form["created_at"] or BEGINNING
    return found


def _moment(row: Row, types: tuple[str, ...] = ("completed",)) -> datetime:
    """The time that since, until and the order of pages go by."""
    asked = row["submitted_at"] if types == ("completed",) else None
    found: datetime = asked or row["submitted_at"] or row["landed_at"]
    return row["landed_at"] if types == ("started",) else found


def _newest(row: Row) -> tuple[datetime, str]:
    return (_moment(row), row["token"])


def _visible(row: Row, now: datetime, types: tuple[str, ...]) -> bool:
    deleted = row["deleted_at"] is not None and row["deleted_at"] <= now
    return row["arrived_at"] <= now and not deleted and row["response_type"] in types


def _types(query: dict[str, str | None]) -> tuple[str, ...]:
    text, completed = query.get("response_type"), query.get("completed")
    if text is None:
        return ("completed",) if flag(completed, "completed", True, refuse) else ("started",)
    found = tuple(dict.fromkeys(text.split(",")))
    for kind in found:
        if kind not in RESPONSE_TYPES:
            raise refuse("response_type", f"must be of {', '.join(RESPONSE_TYPES)}, not {kind!r}")
    return found


def _bound(text: str | None, name: str) -> datetime | None:
    """A time of the query: ISO 8601 in UTC or seconds since 1970, to the second."""
    if text is None:
        return None
    try:
        if re.fullmatch(r"[0-9]{1,11}", text):
            return datetime.fromtimestamp(int(text), UTC)
        if not re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d", text):
            raise ValueError(text)
        return parse_time(text).replace(microsecond=0)
    except (ValueError, OverflowError) as error:
        raise refuse(name, f"must be a time such as 2026-03-20T14:00:59, not {text!r}") from error


def _matching(rows: list[Row], query: dict[str, str | None], types: tuple[str, ...]) -> list[Row]:
    since, until = _bound(query.get("since"), "since"), _bound(query.get("until"), "until")
    included = _listed(query.get("included_response_ids"))
    excluded = _listed(query.get("excluded_response_ids")) or set()
    answered = _listed(query.get("answered_fields"))
    text = (query.get("query") or "").lower()
    return [
        row
        for row in rows
        if (since is None or _moment(row, types).replace(microsecond=0) >= since)
        and (until is None or _moment(row, types).replace(microsecond=0) <= until)
        and (included is None or row["response_id"] in included)
        and row["response_id"] not in excluded
        and (answered is None or answered & _fields(row))
        and (not text or text in _searchable(row))
    ]


def _listed(text: str | None) -> set[str] | None:
    return set(text.split(",")) if text else None


def _fields(row: Row) -> set[str]:
    fields = [item.get("field", {}) for item in row["answers"]]
    return {field.get(key, "") for field in fields for key in ("id", "ref")}


def _searchable(row: Row) -> str:
    return json.dumps([row["answers"], row["hidden"]], ensure_ascii=False).lower()


def _ordered(rows: list[Row], query: dict[str, str | None], types: tuple[str, ...]) -> list[Row]:
    sort = query.get("sort")
    if sort is None:
        return sorted(rows, key=lambda r: (_moment(r, types), r["token"]), reverse=True)
    if "before" in query or "after" in query:
        raise refuse("sort", "cannot be combined with before or after")
    asked = SORTS.fullmatch(sort)
    if asked is None:
        raise refuse("sort", f"must be such as submitted_at,desc, not {sort!r}")
    column = "landed_at" if asked[1] == "landed_at" else "submitted_at"
    return sorted(
        rows,
        key=lambda row: (row[column] or row["landed_at"], row["token"]),
        reverse=asked[2] == "desc",
    )


def _page(
    ordered: list[Row],
    every: list[Row],
    query: dict[str, str | None],
    size: int,
    types: tuple[str, ...],
) -> list[Row]:
    """One page: `before` a token are older responses, `after` it newer ones; neither has it."""
    before, after = query.get("before"), query.get("after")
    if before is not None and after is not None:
        raise refuse("before", "cannot be combined with after")
    token = before if before is not None else after
    if token is None:
        return ordered[:size]
    # A response may be deleted while a reader pages: its token stays a place in the order.
    place = next((row for row in every if row["token"] == token), None)
    if place is None:
        raise refuse("before" if before is not None else "after", f"{token!r} is not a token")
    bound = (_moment(place, types), token)
    if before is not None:
        older = [row for row in ordered if (_moment(row, types), row["token"]) < bound]
        return older[:size]
    newer = [row for row in ordered if (_moment(row, types), row["token"]) > bound]
    return newer[-size:]


def _pages(rows: list[Row], size: int) -> int:
    return math.ceil(len(rows) / size)


def _response(row: Row, fields: str | None, request: Request) -> Row:
    kept = _listed(fields)
    answers = [
        item
        for item in row["answers"]
        if kept is None or kept & {item.get("field", {}).get(key) for key in ("id", "ref")}
    ]
    item: Row = {
        "landing_id": row["token"],
        "token": row["token"],
        "response_id": row["response_id"],
        "response_type": row["response_type"],
        "landed_at": _seconds(row["landed_at"]),
        "metadata": {
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
            "platform": "other",
            "referer": f"https://form.typeform.com/to/{row['form_id']}",
            "network_id": hashlib.sha256(row["token"].encode()).hexdigest()[:10],
            "browser": "default",
        },
        "hidden": row["hidden"],
        "calculated": {"score": _score(row["calculated_score"])},
        "answers": answers,
    }
    if row["submitted_at"] is not None:
        item["submitted_at"] = _seconds(row["submitted_at"])
    return item


def _score(value: float | None) -> int | float:
    if value is None:
        return 0
    return int(value) if value.is_integer() else value


def _form_item(form: Row, request: Request) -> Row:
    here = f"{_base(request)}/forms/{form['id']}"
    return {
        "id": form["id"],
        "type": "form",
        "title": form["title"] or form["id"],
        "last_updated_at": _seconds(_published(form)),
        "created_at": _seconds(form["created_at"] or _published(form)),
        "settings": {"is_public": True, "is_trial": False},
        "self": {"href": here},
        "theme": {"href": f"{_base(request)}/themes/default"},
        "_links": {"display": _display(form), "responses": f"{here}/responses"},
    }


def _display(form: Row) -> str:
    return f"https://form.typeform.com/to/{form['id']}"


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _seconds(value: datetime | None) -> str | None:
    return None if value is None else value.strftime("%Y-%m-%dT%H:%M:%SZ")


def _drifted(body: dict[str, Any], asked: list[Bend]) -> dict[str, Any]:
    """The page after the vendor changed its format without telling anyone."""
    kinds = drifts(asked)
    if "changed-type" in kinds:
        body["total_items"] = str(body["total_items"])
    body["items"] = [_drifted_item(item, kinds) for item in body["items"]]
    return body


def _drifted_item(item: Row, kinds: set[str]) -> Row:
    item = dict(item)
    if "new-column" in kinds:
        item[DRIFT_NAME] = "new"
    if "changed-type" in kinds and "answers" in item:
        item["answers"] = [
            {**given, "number": str(given["number"])} if "number" in given else given
            for given in item["answers"]
        ]
    if "dropped-column" in kinds:
        item.pop("submitted_at" if "answers" in item else "last_updated_at", None)
    return item
