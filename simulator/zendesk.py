"""Zendesk Support: tickets and users by cursor, organizations by time, ratings page by page."""

import base64
import binascii
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.company import Company
from simulator.faults import DRIFT_NAME, Bend, bend_rows, drifts
from simulator.support import SUBJECT_LENGTH, Case, Customer, Desk, Requester, number, past, unix
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

EMAIL = "ops@lanternfish.example"
TOKEN = "zd_demo"
LARGEST_EXPORT, LARGEST_PAGE = 1000, 100
# Exports leave out what changed within the last minute.
SETTLED = timedelta(seconds=60)
# An automation asks for a rating a day after a ticket is solved, and closes it after four.
OFFERED_AFTER, CLOSED_AFTER = timedelta(days=1), timedelta(days=4)
EXPORT_PARAMETERS = {
    "tickets": ("start_time", "cursor", "per_page", "include", "exclude_deleted"),
    "users": ("start_time", "cursor", "per_page"),
}
RATING_PARAMETERS = ("score", "start_time", "end_time", "page[size]", "page[after]")
SCORES = ("offered", "unoffered", "received", "good", "bad")
# A field of each object that a drift of the vendor's changes or takes away.
DRIFTING = {
    "tickets": "status",
    "users": "email",
    "organizations": "name",
    "satisfaction_ratings": "score",
}
AGENT_ID = 9_000_000_001
ERRORS = {
    401: {"error": "Couldn't authenticate you"},
    404: {"error": "InvalidEndpoint", "description": "Not found"},
    405: {"error": "MethodNotAllowed", "description": "This method is not allowed here"},
    429: {
        "error": "APIRateLimitExceeded",
        "description": "Number of allowed API requests per minute exceeded",
    },
    500: {"error": "InternalError", "description": "Something went wrong"},
}


def refuse(name: str, message: str) -> Refusal:
    said = f"{name} {message}".strip()
    return Refusal(400, {"error": "InvalidValue", "description": said})


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Ticket:
    """A case as Zendesk tells it at a moment."""

    def __init__(
        self, case: Case, email: str | None, is_rated: bool, follows: "Ticket | None" = None
    ) -> None:
        self.case = case
        self.id = number("ticket", case.key)
        self.is_rated = is_rated
        self._email = email
        # The closed ticket that an agent took up again in this one.
        self.follows = follows

    def status(self, at: datetime) -> str:
        if past(self.case.deleted, at):
            return "deleted"
        if past(self.case.solved, at):
            return "closed" if past(self.case.solved, at, CLOSED_AFTER) else "solved"
        return "pending" if past(self.case.replied, at) else "new"

    def moments(self) -> dict[str, datetime]:
        """When it changed, by what happened."""
        case = self.case
        offered = case.solved + OFFERED_AFTER if case.solved and self.is_rated else None
        found = {
            "created": case.created,
            "replied": case.replied,
            "solved": case.solved,
            "offered": offered,
            "rated": case.rated if case.rating else None,
            "told": None if self.is_followed else case.told,
            "closed": case.solved + CLOSED_AFTER if case.solved else None,
            "deleted": case.deleted,
        }
        return {
            name: moment
            for name, moment in found.items()
            if moment and (name == "deleted" or not past(case.deleted, moment))
        }

    @property
    def is_followed(self) -> bool:
        """Whether word came when the ticket was closed, so that it took another one."""
        return self.case.told is not None and past(self.case.solved, self.case.told, CLOSED_AFTER)

    def follow_up(self) -> "Ticket":
        """The ticket in which an agent says that what was asked for is there."""
        case = self.case
        assert case.told
        begun = replace(
            case,
            key=f"{case.key}:follow-up",
            subject=f"Re: {case.subject}"[:SUBJECT_LENGTH],
            text="You asked us for this a while ago. It is there now: have a look.",
            replied=case.told,
            created=case.told,
            solved=case.told,
            rating=None,
            told=None,
            deleted=None,
        )
        return Ticket(begun, self._email, False, follows=self)

    def _via(self) -> Row:
        source: Row = {"from": {}, "to": {}, "rel": None}
        if self.follows:
            of = {"ticket_id": self.follows.id, "subject": self.follows.case.subject}
            source |= {"from": of, "rel": "follow_up"}
        channel = "email" if self._email and not self.follows else "web"
        return {"channel": channel, "source": source}

    def changed(self, at: datetime) -> datetime:
        return max(moment for moment in self.moments().values() if moment <= at)

    def told(self, at: datetime, url: str) -> Row:
        case = self.case
        # Closing is the system's work: it moves the time of the export and no other.
        events = [moment for name, moment in self.moments().items() if name != "closed"]
        assignee = AGENT_ID if past(case.replied, at) else None
        return {
            "url": f"{url}/api/v2/tickets/{self.id}.json",
            "id": self.id,
            "external_id": None if self.follows else case.key,
            "via": self._via(),
            "created_at": _time(case.created),
            "updated_at": _time(max(moment for moment in events if moment <= at)),
            "generated_timestamp": unix(self.changed(at)),
            "type": "question",
            "subject": case.subject,
            "raw_subject": case.subject,
            "description": case.text,
            "priority": case.priority,
            "status": self.status(at),
            "recipient": None,
            "requester_id": number("user", case.requester),
            "submitter_id": AGENT_ID if self.follows else number("user", case.requester),
            "assignee_id": assignee,
            "organization_id": case.account_id and number("organization", case.account_id),
            "group_id": None,
            "collaborator_ids": [],
            "follower_ids": [],
            "email_cc_ids": [],
            "problem_id": None,
            "has_incidents": False,
            "is_public": True,
            "due_at": None,
            "tags": list(case.tags),
            "custom_fields": [],
            "satisfaction_rating": self._satisfaction(at),
            "ticket_form_id": None,
            "brand_id": None,
            "allow_channelback": False,
            "allow_attachments": True,
        }

    def metrics(self, at: datetime, url: str) -> Row:
        case = self.case
        replied, solved = (m if past(m, at) else None for m in (case.replied, case.solved))
        answers = [
            moment
            for moment in (case.replied, self.moments().get("told"))
            if moment and past(moment, at)
        ]
        minutes = int((replied - case.created).total_seconds() // 60) if replied else None
        return {
            "url": f"{url}/api/v2/ticket_metrics/{self.id}.json",
            "id": self.id,
            "ticket_id": self.id,
            "created_at": _time(case.created),
            "updated_at": _time(self.changed(at)),
            "reopens": 0,
            "replies": len(answers),
            "latest_comment_added_at": _time(max(answers, default=case.created)),
            "requester_updated_at": _time(case.created),
            "assigned_at": _time(replied),
            "solved_at": _time(solved),
            "reply_time_in_minutes": {"calendar": minutes, "business": minutes},
        }

    def _satisfaction(self, at: datetime) -> Row:
        rating = self.rating(at)
        if rating is None:
            return {"score": "unoffered"}
        if rating["score"] == "offered":
            return {"score": "offered"}
        return {name: rating[name] for name in ("id", "score", "comment")}

    def rating(self, at: datetime) -> Row | None:
        """What was asked of the customer and answered by then, without its address."""
        moments = self.moments()
        begun = min((moments[n] for n in ("offered", "rated") if n in moments), default=None)
        if begun is None or begun > at:
            return None
        is_answered = past(moments.get("rated"), at)
        score = "good" if (self.case.rating or 0) > 3 else "bad"
        return {
            "id": number("rating", self.case.key) + 1,
            "assignee_id": AGENT_ID,
            "group_id": None,
            "requester_id": number("user", self.case.requester),
            "ticket_id": self.id,
            "score": score if is_answered else "offered",
            "comment": self.case.comment if is_answered else None,
            "reason": None,
            "created_at": _time(begun),
            "updated_at": _time(moments["rated"] if is_answered else begun),
        }


class Zendesk:
    """The part of the server that answers as a company's zendesk.com."""

    name = "zendesk"

    def __init__(self, company: Company, clock: Clock) -> None:
        self._clock = clock
        self._company = company
        self._told: dict[str, tuple[datetime, list[Row]]] = {}
        self.limits = [
            Limit("incremental", 10, 60.0, re.compile("/incremental/")),
            Limit("account", 400, 60.0, re.compile("")),
        ]

    @cached_property
    def _desk(self) -> Desk:
        return Desk(self._company, "zendesk")

    @cached_property
    def _tickets(self) -> list[Ticket]:
        desk = self._desk
        asked = [
            Ticket(case, desk.requesters[case.requester].email, desk.is_rated)
            for case in desk.cases
        ]
        return [*asked, *(ticket.follow_up() for ticket in asked if ticket.is_followed)]

    def owns(self, path: str) -> bool:
        kinds = "incremental|tickets|users|organizations|satisfaction_ratings"
        return re.match(rf"/api/v2/({kinds})([/.]|$)", path) is not None

    def routes(self) -> list[Route]:
        endpoints: dict[str, Callable[[Request], Any]] = {
            "incremental/tickets/cursor": self._exporting("tickets"),
            "incremental/users/cursor": self._exporting("users"),
            "incremental/organizations": self.organizations,
            "satisfaction_ratings": self.ratings,
            **{f"{kind}/count": self._counting(kind) for kind in DRIFTING},
        }
        return [
            Route(f"/api/v2/{path}{end}", endpoint)
            for path, endpoint in endpoints.items()
            for end in ("", ".json")
        ]

    def authorise(self, request: Request) -> None:
        if TOKEN not in (bearer(request), _api_token(request)):
            raise self.refusal(401)

    def headers(self, path: str) -> dict[str, str]:
        limit = next(limit for limit in self.limits if limit.path.search(path))
        left = max(0, limit.count - limit.used())
        return {"X-Rate-Limit": str(limit.count), "X-Rate-Limit-Remaining": str(left)}

    def refusal(self, status: int, detail: str = "", limit: str = "") -> Refusal:
        body = ERRORS[status]
        return Refusal(status, {**body, "description": detail} if detail else body)

    def _exporting(self, kind: str) -> Callable[[Request], Any]:
        async def export(request: Request) -> Response:
            asked = parameters(request, EXPORT_PARAMETERS[kind], refuse)
            query = {name: single(asked, name, refuse) for name in asked}
            size = whole(query.get("per_page"), "per_page", 1000, (1, LARGEST_EXPORT), refuse)
            after = self._place(query)
            rows = self._settled(kind, request)
            if flag(query.get("exclude_deleted"), "exclude_deleted", False, refuse):
                rows = [row for row in rows if row["status"] != "deleted"]
            if query.get("include") not in (None, "metric_sets"):
                raise refuse("include", "can be metric_sets here")
            begin = bisect_right([_place_of(row) for row in rows], after)
            page, is_last = _late(rows[begin : begin + size], request), begin + size >= len(rows)
            cursor = _cursor(_place_of(page[-1]) if page else after)
            if query.get("include") is None:
                page = [{k: v for k, v in row.items() if k != "metric_set"} for row in page]
            return answer(
                {
                    kind: self._bent(kind, page, request),
                    "after_url": f"{_base(request)}/api/v2/incremental/{kind}/cursor.json"
                    f"?cursor={cursor}",
                    "after_cursor": cursor,
                    "before_url": None,
                    "before_cursor": None,
                    "end_of_stream": is_last,
                }
            )

        return export

    def _place(self, query: dict[str, str | None]) -> tuple[int, int]:
        """The second and id that a page begins after."""
        cursor = query.get("cursor")
        if cursor is not None:
            return _read_cursor(cursor)
        return (self._start(query.get("start_time")), -1)

    def _start(self, text: str | None) -> int:
        if text is None:
            raise refuse("start_time", "is required, or a cursor")
        second = whole(text, "start_time", 0, (0, 10**11), refuse)
        if second > unix(self._clock.now - SETTLED):
            raise refuse("", "Too recent start_time. Use a start_time older than 60 seconds")
        return second

    def _settled(self, kind: str, request: Request) -> list[Row]:
        """What an export shows now, in its order; kept while the clock stands still."""
        now = self._clock.now
        if kind not in self._told or self._told[kind][0] != now:
            limit = unix(now - SETTLED)
            rows = [row for row in self._every(kind, _base(request)) if _second(row) < limit]
            self._told[kind] = (now, sorted(rows, key=_place_of))
        return self._told[kind][1]

    def _every(self, kind: str, url: str) -> list[Row]:
        now = self._clock.now
        if kind == "tickets":
            return [
                {**ticket.told(now, url), "metric_set": ticket.metrics(now, url)}
                for ticket in self._tickets
                if ticket.case.created <= now
            ]
        if kind == "users":
            people = [p for p in self._desk.requesters.values() if p.first_seen <= now]
            agent = [_agent(self._company, url)] if self._desk.cases else []
            return [*agent, *(_user(each, now, url) for each in people)]
        customers = [c for c in self._desk.customers.values() if c.first_seen <= now]
        return [_organization(each, now, url) for each in customers]

    async def organizations(self, request: Request) -> Response:
        asked = parameters(request, ("start_time", "per_page"), refuse)
        start = self._start(single(asked, "start_time", refuse))
        size_text = single(asked, "per_page", refuse)
        size = whole(size_text, "per_page", 1000, (1, LARGEST_EXPORT), refuse)
        rows = _late(self._settled("organizations", request), request)
        seconds = [_second(row) for row in rows]
        begin = bisect_left(seconds, start)
        end = min(begin + size, len(rows))
        # A page ends with a whole second and reaches beyond the one it begins with, or the page
        # after it would begin where it did.
        while end < len(rows) and seconds[end - 1] in (seconds[end], start):
            end += 1
        page = rows[begin:end]
        end_time = seconds[end - 1] if page else start
        return answer(
            {
                "organizations": self._bent("organizations", page, request),
                "count": len(page),
                "end_of_stream": end >= len(rows),
                "end_time": end_time,
                "next_page": f"{_base(request)}/api/v2/incremental/organizations.json"
                f"?start_time={end_time}",
            }
        )

    async def ratings(self, request: Request) -> Response:
        asked = parameters(request, RATING_PARAMETERS, refuse)
        query = {name: single(asked, name, refuse) for name in asked}
        size = whole(query.get("page[size]"), "page[size]", 100, (1, LARGEST_PAGE), refuse)
        score = query.get("score")
        if score not in (None, *SCORES):
            raise refuse("score", f"must be of {', '.join(SCORES)}, not {score!r}")
        wanted = {"received": ("good", "bad"), None: SCORES}.get(score, (score,))
        low = whole(query.get("start_time"), "start_time", 0, (0, 10**11), refuse)
        high = whole(query.get("end_time"), "end_time", 10**11, (0, 10**11), refuse)
        after = query.get("page[after]")
        first = (-1, -1) if after is None else _read_cursor(after)
        rows = sorted(
            (row for row in self._ratings(_base(request)) if row["score"] in wanted),
            key=_created_place,
        )
        rows = [row for row in rows if low <= _created_place(row)[0] <= high]
        left = [row for row in _late(rows, request) if _created_place(row) > first]
        page = left[:size]
        cursor = _cursor(_created_place(page[-1])) if page else None
        url = f"{_base(request)}/api/v2/satisfaction_ratings.json?page[after]={cursor}"
        has_more = len(left) > size
        return answer(
            {
                "satisfaction_ratings": self._bent("satisfaction_ratings", page, request),
                "meta": {"has_more": has_more, "after_cursor": cursor, "before_cursor": None},
                "links": {"next": url if has_more else None, "prev": None},
            }
        )

    def _ratings(self, url: str) -> list[Row]:
        found = (ticket.rating(self._clock.now) for ticket in self._tickets)
        return [
            {"url": f"{url}/api/v2/satisfaction_ratings/{row['id']}.json", **row}
            for row in found
            if row is not None
        ]

    def _counting(self, kind: str) -> Callable[[Request], Any]:
        async def count(request: Request) -> Response:
            parameters(request, (), refuse)
            url = _base(request)
            if kind == "satisfaction_ratings":
                value = len(self._ratings(url))
            else:
                value = sum(map(_is_live, self._every(kind, url)))
            # Counted anew at times only, if there are many.
            return answer({"count": {"value": value, "refreshed_at": _time(self._clock.now)}})

        return count

    def _bent(self, kind: str, rows: list[Row], request: Request) -> list[Row]:
        others = [bend for bend in bends(request) if bend.kind != "late"]
        return [_drifted(row, DRIFTING[kind], others) for row in bend_rows(rows, others, _second)]


def _is_live(row: Row) -> bool:
    is_gone = row.get("status") == "deleted" or row.get("deleted_at") is not None
    return not is_gone and row.get("active", True)


def _late(rows: list[Row], request: Request) -> list[Row]:
    """The rows without those that are late: they come with the pages after this one."""
    late = [bend for bend in bends(request) if bend.kind == "late"]
    return bend_rows(rows, late, _place_of) if late else rows


def _second(row: Row) -> int:
    """When a row last changed, as an export goes by."""
    if "generated_timestamp" in row:
        return int(row["generated_timestamp"])
    return unix(datetime.fromisoformat(row["updated_at"]).astimezone(UTC))


def _place_of(row: Row) -> tuple[int, int]:
    return (_second(row), row["id"])


def _created_place(row: Row) -> tuple[int, int]:
    return (unix(datetime.fromisoformat(row["created_at"])), row["id"])


def _cursor(place: tuple[int, int]) -> str:
    return base64.urlsafe_b64encode(f"{place[0]}.0||{place[1]}|".encode()).decode()


def _read_cursor(text: str) -> tuple[int, int]:
    try:
        content = base64.b64decode(text, altchars=b"-_", validate=True).decode()
        found = re.fullmatch(r"(\d{1,12})\.0\|\|(-?\d{1,18})\|", content)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        found = None
    if found is None:
        raise refuse("cursor", "is not one of this export")
    return (int(found[1]), int(found[2]))


def _user(who: Requester, now: datetime, url: str) -> Row:
    is_gone = past(who.deleted_at, now)
    identifier = number("user", who.key)
    return {
        "id": identifier,
        "url": f"{url}/api/v2/users/{identifier}.json",
        "name": who.name,
        "email": who.email,
        "created_at": _time(who.first_seen),
        "updated_at": _time(who.deleted_at if is_gone else who.first_seen),
        "time_zone": "UTC",
        "phone": None,
        "external_id": who.user_id,
        "role": "end-user",
        "active": not is_gone,
        "verified": True,
        "suspended": False,
        "organization_id": who.account_id and number("organization", who.account_id),
        "tags": [],
    }


def _agent(company: Company, url: str) -> Row:
    """The one who answers: the first of the people whom the CRM knows."""
    owner = company.owners[0] if company.owners else {}
    names = (owner.get("first_name"), owner.get("last_name"))
    since = datetime.fromtimestamp(company.window_start / 1_000_000, UTC)
    return {
        "id": AGENT_ID,
        "url": f"{url}/api/v2/users/{AGENT_ID}.json",
        "name": " ".join(filter(None, names)) or "Support",
        "email": owner.get("email") or EMAIL,
        "created_at": _time(since),
        "updated_at": _time(since),
        "time_zone": "UTC",
        "phone": None,
        "external_id": None,
        "role": "agent",
        "active": True,
        "verified": True,
        "suspended": False,
        "organization_id": None,
        "tags": [],
    }


def _organization(customer: Customer, now: datetime, url: str) -> Row:
    """A customer's company; most know the product's id of it, nearly all its domain."""
    closed = customer.closed_at if past(customer.closed_at, now) else None
    identifier = number("organization", customer.account_id)
    habit = identifier % 20
    return {
        "id": identifier,
        "url": f"{url}/api/v2/organizations/{identifier}.json",
        "name": customer.name,
        "shared_tickets": False,
        "shared_comments": False,
        "external_id": customer.account_id if habit < 13 else None,
        "created_at": _time(customer.first_seen),
        "updated_at": _time(closed or customer.first_seen),
        "deleted_at": _time(closed),
        "domain_names": [customer.domain] if customer.domain and habit > 0 else [],
        "details": None,
        "notes": None,
        "group_id": None,
        "tags": [],
        "organization_fields": {},
    }


def _api_token(request: Request) -> str | None:
    """The token of basic authentication, where the user is an address with `/token`."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    try:
        user, _, token = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return token if scheme.lower() == "basic" and user == f"{EMAIL}/token" else None


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _drifted(row: Row, name: str, asked: Sequence[Bend]) -> Row:
    """The row after the vendor changed their format without telling anyone."""
    kinds = drifts(asked)
    if "new-column" in kinds:
        row = {**row, DRIFT_NAME: "new"}
    if "changed-type" in kinds:
        row = {**row, name: {"value": row[name]}}
    if "dropped-column" in kinds:
        row = {key: value for key, value in row.items() if key != name}
    return row
