"""SurveyMonkey: surveys, their questions, and responses in pages of a hundred; 500 calls a day."""

import math
import re
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.company import COMPLETION, Company
from simulator.faults import DRIFT_NAME, Bend, bend_rows, drifts
from simulator.tables import parse_time
from simulator.wire import (
    Clock,
    DayLimit,
    Limit,
    Refusal,
    Row,
    answer,
    bearer,
    bends,
    parameters,
    single,
    whole,
)

TOKEN = "sm_demo"
LARGEST_SURVEY_PAGE, LARGEST_RESPONSE_PAGE, USUAL_PAGE = 1000, 100, 50
CALLS_A_MINUTE, CALLS_A_DAY = 120, 500
ORDERS = ("ASC", "DESC")
INCLUDED = ("response_count", "date_created", "date_modified", "language", "question_count")
TIMES = ("start_modified_at", "end_modified_at")
SURVEY_PARAMETERS = ("page", "per_page", "sort_by", "sort_order", "include", *TIMES)
RESPONSE_PARAMETERS = (
    *("page", "per_page", "start_created_at", "end_created_at", *TIMES),
    *("status", "email", "sort_order", "sort_by"),
)
DOCS = "https://developer.surveymonkey.com/api/v3/#error-codes"
ERRORS = {
    400: ("1003", "Bad Request", "Invalid URL parameters"),
    401: ("1011", "Authorization Error", "The authorization token provided was invalid."),
    403: ("1014", "Permission Error", "Permission has not been granted by the user."),
    404: ("1020", "Resource Not Found", "There was an error retrieving the requested resource."),
    405: ("1025", "Method Not Allowed", "The method is not allowed for this resource."),
    429: ("1040", "Rate limit reached", "Too many requests were made, try again later."),
    500: ("1050", "Internal Server Error", "Oh bananas! We couldn't process your request."),
}


def refuse(name: str, message: str) -> Refusal:
    return _refusal(400, f"{name} {message}".strip())


def _refusal(status: int, detail: str = "") -> Refusal:
    number, name, message = ERRORS[status]
    error = {"id": number, "name": name, "docs": DOCS, "message": detail or message}
    return Refusal(status, {"error": {**error, "http_status_code": status}})


class SurveyMonkey:
    """The part of the server that answers as api.surveymonkey.com."""

    name = "surveymonkey"

    def __init__(self, company: Company, clock: Clock) -> None:
        self._clock = clock
        self._surveys = _versions(company.monkey_surveys, ("id",))
        self._responses = _by_survey(company.monkey_responses)
        everything = re.compile("")
        # It says in headers of its own how long to wait, and in no Retry-After.
        self.limits = [
            Limit("minute", CALLS_A_MINUTE, 60.0, everything, says_when=False),
            DayLimit("day", CALLS_A_DAY, 86_400.0, everything, says_when=False, clock=clock),
        ]

    def owns(self, path: str) -> bool:
        return re.match(r"/v3/surveys(/|$)", path) is not None

    def routes(self) -> list[Route]:
        return [
            Route("/v3/surveys", self.surveys),
            Route("/v3/surveys/{survey_id}/details", self.details),
            Route("/v3/surveys/{survey_id}/responses/bulk", self.responses),
        ]

    def authorise(self, request: Request) -> None:
        if bearer(request) != TOKEN:
            raise self.refusal(401)

    def headers(self, path: str) -> dict[str, str]:
        told: dict[str, str] = {}
        for name, limit in zip(("Minute", "Day"), self.limits, strict=True):
            values = {
                "Limit": limit.count,
                "Remaining": max(0, limit.count - limit.used()),
                "Reset": math.ceil(limit.reset()),
            }
            told |= {f"X-Ratelimit-App-Global-{name}-{k}": str(v) for k, v in values.items()}
        return told

    def refusal(self, status: int, detail: str = "", limit: str = "") -> Refusal:
        return _refusal(status, detail)

    async def surveys(self, request: Request) -> Response:
        asked = parameters(request, SURVEY_PARAMETERS, refuse)
        query = {name: single(asked, name, refuse) for name in asked}
        included = _listed(query.get("include"), "include", INCLUDED)
        _one_of(query.get("sort_by"), "sort_by", ("title", "date_modified", "num_responses"))
        newest_first = _one_of(query.get("sort_order"), "sort_order", ORDERS) != "ASC"
        after, before = (_bound(query.get(name), name) for name in TIMES)
        found = [
            survey
            for survey in map(self._current, self._surveys)
            if survey and _is_within(_modified(survey), after, before)
        ]
        found.sort(key=lambda row: (_modified(row), row["id"]), reverse=newest_first)
        rows, page = _page(found, query, LARGEST_SURVEY_PAGE, request)
        rows = bend_rows(rows, bends(request), _modified)
        items = [self._survey(row, included, request) for row in rows]
        return answer(_drifted({**page, "data": items}, bends(request), "title"))

    def _survey(self, row: Row, included: list[str], request: Request) -> Row:
        told = {
            "response_count": len(self._visible(row["id"])),
            "date_created": _second(row["created_at"] or _modified(row)),
            "date_modified": _second(_modified(row)),
            "language": "en",
            "question_count": sum(len(page["questions"]) for page in _pages(row)),
        }
        return {
            "id": row["id"],
            "title": row["title"] or row["id"],
            "nickname": "",
            "href": f"{_base(request)}/surveys/{row['id']}",
            **{name: told[name] for name in included},
        }

    async def details(self, request: Request) -> Response:
        parameters(request, (), refuse)
        survey = self._existing(request)
        body = {**self._survey(survey, list(INCLUDED), request), "pages": _pages(survey)}
        if "changed-type" in drifts(bends(request)):
            body["title"] = {"text": body["title"]}
        if "dropped-column" in drifts(bends(request)):
            body.pop("pages")
        return answer(body)

    async def responses(self, request: Request) -> Response:
        survey = self._existing(request)
        asked = parameters(request, RESPONSE_PARAMETERS, refuse)
        query = {name: single(asked, name, refuse) for name in asked}
        _one_of(query.get("sort_by"), "sort_by", ("date_modified",))
        newest_first = _one_of(query.get("sort_order"), "sort_order", ORDERS) != "ASC"
        found = _matching(self._visible(survey["id"]), query)
        found.sort(key=lambda row: (row["modified_at"], row["id"]), reverse=newest_first)
        rows, page = _page(found, query, LARGEST_RESPONSE_PAGE, request)
        rows = bend_rows(rows, bends(request), lambda row: row["arrived_at"])
        items = [_response(row, request) for row in rows]
        return answer(_drifted({**page, "data": items}, bends(request), "response_status"))

    def _current(self, identifier: tuple[str, ...]) -> Row | None:
        """The version of a survey that is in force now."""
        past = [v for v in self._surveys.get(identifier, []) if _modified(v) <= self._clock.now]
        current = max(past, key=_modified) if past else None
        gone = current and current["deleted_at"] and current["deleted_at"] <= self._clock.now
        return None if gone else current

    def _existing(self, request: Request) -> Row:
        survey = self._current((request.path_params["survey_id"],))
        if survey is None:
            raise _refusal(404)
        return survey

    def _visible(self, survey_id: str) -> list[Row]:
        """The responses of a survey as they are now, each in its latest version."""
        now = self._clock.now
        found = []
        for versions in self._responses.get(survey_id, ()):
            past = [row for row in versions if row["arrived_at"] <= now]
            if past and not any(v["deleted_at"] and v["deleted_at"] <= now for v in versions):
                found.append(past[-1])
        return found


def _versions(rows: list[Row], key: tuple[str, ...]) -> dict[tuple[str, ...], list[Row]]:
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in key), []).append(row)
    return found


def _by_survey(rows: list[Row]) -> dict[str, list[list[Row]]]:
    """The versions of each response, oldest first, with what its writer left out."""
    for row in rows:
        row["modified_at"] = (row["modified_at"] or row["created_at"]).replace(microsecond=0)
        row["arrived_at"] = row["arrived_at"] or row["modified_at"]
    found: dict[str, list[list[Row]]] = {}
    for (survey_id, _), versions in _versions(rows, ("survey_id", "id")).items():
        versions.sort(key=lambda row: row["modified_at"])
        found.setdefault(survey_id, []).append(versions)
    return found


def _modified(survey: Row) -> datetime:
    found: datetime = survey["modified_at"] or survey["created_at"]
    return found


def _pages(survey: Row) -> list[Row]:
    pages: list[Row] = survey["definition"].get("pages", [])
    return pages


def _matching(rows: list[Row], query: dict[str, str | None]) -> list[Row]:
    status = _one_of(query.get("status"), "status", COMPLETION)
    created = [_bound(query.get(n), n) for n in ("start_created_at", "end_created_at")]
    modified = [_bound(query.get(name), name) for name in TIMES]
    email = query.get("email")
    return [
        row
        for row in rows
        if (status is None or row["status"] == status)
        and (email is None or (row["email"] or "").lower() == email.lower())
        and _is_within(row["created_at"], *created)
        and _is_within(row["modified_at"], *modified)
    ]


def _is_within(at: datetime, after: datetime | None, before: datetime | None) -> bool:
    return (after is None or at > after) and (before is None or at < before)


def _bound(text: str | None, name: str) -> datetime | None:
    if text is None:
        return None
    try:
        if not re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", text):
            raise ValueError(text)
        return parse_time(text)
    except (ValueError, OverflowError) as error:
        raise refuse(name, f"must be a time such as 2026-03-20T14:00:59, not {text!r}") from error


def _one_of(text: str | None, name: str, allowed: tuple[str, ...]) -> str | None:
    if text is not None and text not in allowed:
        raise refuse(name, f"must be one of {', '.join(allowed)}, not {text!r}")
    return text


def _listed(text: str | None, name: str, allowed: tuple[str, ...]) -> list[str]:
    found = text.split(",") if text else []
    for each in found:
        _one_of(each, name, allowed)
    return found


def _page(
    rows: list[Row], query: dict[str, str | None], largest: int, request: Request
) -> tuple[list[Row], Row]:
    """One page of rows, and what a list says of itself and of the pages beside this one."""
    size = whole(query.get("per_page"), "per_page", USUAL_PAGE, (1, largest), refuse)
    page = whole(query.get("page"), "page", 1, (1, 10**9), refuse)
    last = max(1, math.ceil(len(rows) / size))
    numbers = {"self": page}
    if page < last:
        numbers |= {"next": page + 1, "last": last}
    if page > 1:
        numbers |= {"prev": page - 1, "first": 1}
    address = request.url.remove_query_params(["page", "per_page"])
    links = {
        name: str(address.include_query_params(page=number, per_page=size))
        for name, number in numbers.items()
    }
    body = {"per_page": size, "total": len(rows), "page": page, "links": links}
    return rows[(page - 1) * size : page * size], body


def _response(row: Row, request: Request) -> Row:
    names = ("email", "first_name", "last_name")
    contact = {name: {"type": "string", "value": row[name]} for name in names if row[name]}
    return {
        "id": row["id"],
        "survey_id": row["survey_id"],
        "collector_id": row["collector_id"] or "1",
        "recipient_id": row["recipient_id"] or "",
        "collection_mode": "default",
        "response_status": row["status"],
        "custom_value": "",
        "custom_variables": row["custom_variables"],
        "ip_address": row["ip_address"] or "",
        "total_time": row["total_time"] or 0,
        "date_created": _second(row["created_at"]),
        "date_modified": _second(row["modified_at"]),
        "metadata": {"contact": contact} if contact else {},
        "href": f"{_base(request)}/surveys/{row['survey_id']}/responses/{row['id']}",
        "pages": row["pages"],
    }


def _base(request: Request) -> str:
    return f"{str(request.base_url).rstrip('/')}/v3"


def _second(value: datetime) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%S+00:00")


def _drifted(body: dict[str, Any], asked: list[Bend], dropped: str) -> dict[str, Any]:
    """The page after the vendor changed its format without telling anyone."""
    kinds = drifts(asked)
    if "changed-type" in kinds:
        body["total"] = str(body["total"])
    body["data"] = [_drifted_item(item, kinds, dropped) for item in body["data"]]
    return body


def _drifted_item(item: Row, kinds: set[str], dropped: str) -> Row:
    item = dict(item)
    if "new-column" in kinds:
        item[DRIFT_NAME] = "new"
    if "changed-type" in kinds and "total_time" in item:
        item["total_time"] = f"{item['total_time']} s"
    if "dropped-column" in kinds:
        item.pop(dropped, None)
    return item
