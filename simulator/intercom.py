"""Intercom: conversations and contacts by search, companies page by page, version 2.15."""

import base64
import binascii
import hashlib
import html
import json
import operator
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.company import Company
from simulator.faults import DRIFT_NAME, bend_rows, drifts
from simulator.support import Case, Customer, Desk, Requester, number, past, unix
from simulator.wire import (
    Clock,
    Limit,
    Refusal,
    Row,
    answer,
    bearer,
    bends,
    json_body,
    known_keys,
    parameters,
    single,
    take,
    whole,
)

TOKEN = "ic_demo"
VERSION = "2.15"
LARGEST_PAGE, LARGEST_COMPANY_PAGE = 150, 60
DAY = 86_400
# Search shows a change this much later than the object itself does.
INDEX_LAG = timedelta(seconds=30)
ADMIN_ID = 8_000_001
DEEPEST_QUERY = 2
# Fields that a search may ask for; times are compared by their days.
TIMES = ("created_at", "updated_at")
FIELDS = {
    "conversations": ("id", *TIMES, "state", "open", "priority"),
    "contacts": ("id", *TIMES, "email", "external_id", "role", "name"),
}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
LISTS: dict[str, Callable[[Any, Any], bool]] = {
    "IN": lambda value, listed: value in listed,
    "NIN": lambda value, listed: value not in listed,
}
TEXTS: dict[str, Callable[[Any, Any], bool]] = {
    "~": lambda value, part: str(part) in str(value),
    "!~": lambda value, part: str(part) not in str(value),
    "^": lambda value, part: str(value).startswith(str(part)),
    "$": lambda value, part: str(value).endswith(str(part)),
}
# A field of each object that a drift of the vendor's changes or takes away.
DRIFTING = {"conversation": "state", "contact": "email", "company": "company_id"}
CODES = {
    401: ("unauthorized", "Access Token Invalid"),
    404: ("not_found", "Resource Not Found"),
    405: ("method_not_allowed", "Method not allowed"),
    429: ("rate_limit_exceeded", "Exceeded rate limit"),
    500: ("server_error", "Server error"),
}


def refusal_of(status: int, code: str, message: str) -> Refusal:
    asked = str(uuid.UUID(hashlib.md5(f"{code}{message}".encode()).hexdigest(), version=4))
    body = {
        "type": "error.list",
        "request_id": asked,
        "errors": [{"code": code, "message": message}],
    }
    return Refusal(status, body)


def refuse(name: str, message: str) -> Refusal:
    return refusal_of(400, "parameter_invalid", f"{name} {message}".strip())


def _id(kind: str, key: str) -> str:
    return hashlib.sha256(f"{kind}:{key}".encode()).hexdigest()[:24]


def _paragraph(text: str) -> str:
    lines = text.replace("\r\n", "\n").split("\n")
    return "".join(f"<p>{html.escape(line, quote=False)}</p>" for line in lines)


class Conversation:
    """A case as Intercom tells it at a moment."""

    def __init__(self, case: Case, who: Requester, customer: Customer | None) -> None:
        self.case, self.who, self.customer = case, who, customer
        self.id = str(number("conversation", case.key))

    def is_there(self, at: datetime) -> bool:
        return self.case.created <= at and not past(self.case.deleted, at)

    def updated(self, at: datetime) -> datetime:
        case = self.case
        moments = [case.created, case.replied, case.solved, case.told, *dict(self._later())]
        moments += [case.rated] if case.rating else []
        return max(moment for moment in moments if moment and moment <= at)

    def _later(self) -> Iterator[tuple[datetime, str]]:
        """What follows an empty line was sent a minute after what precedes it."""
        for place, said in enumerate(re.split(r"\n\s*\n", self.case.text.strip())[1:], start=1):
            yield self.case.created + place * timedelta(minutes=1), said

    def told(self, at: datetime) -> Row:
        case = self.case
        first = re.split(r"\n\s*\n", case.text.strip())[0]
        is_closed = past(case.solved, at)
        contact = {"type": "contact", "id": _id("contact", self.who.key)}
        row: Row = {
            "type": "conversation",
            "id": self.id,
            "created_at": unix(case.created),
            "updated_at": unix(self.updated(at)),
            "waiting_since": None if past(case.replied, at) else unix(case.created),
            "snoozed_until": None,
            "open": not is_closed,
            "state": "closed" if is_closed else "open",
            "read": past(case.replied, at),
            "priority": "priority" if case.priority in ("high", "urgent") else "not_priority",
            "admin_assignee_id": ADMIN_ID if past(case.replied, at) else None,
            "team_assignee_id": None,
            "company": self.customer and _company(self.customer, 1),
            "tags": {"type": "tag.list", "tags": list(self._tags())},
            "conversation_rating": self._rating(at, contact),
            "source": {
                "type": "conversation",
                "id": str(number("source", case.key)),
                "delivered_as": "customer_initiated",
                "subject": "",
                "body": _paragraph(first),
                "author": {
                    "type": "user",
                    "id": contact["id"],
                    "name": self.who.name,
                    "email": self.who.email or "",
                },
                "attachments": [],
                "url": None,
                "redacted": False,
            },
            "contacts": {
                "type": "contact.list",
                "contacts": [{**contact, "external_id": self.who.user_id}],
            },
            "teammates": None,
            "custom_attributes": {"feedback_id": case.key},
            "first_contact_reply": {
                "created_at": unix(case.created),
                "type": "conversation",
                "url": None,
            },
            "sla_applied": None,
            "statistics": self._statistics(at),
            "linked_objects": {"type": "list", "data": [], "total_count": 0, "has_more": False},
            "ai_agent_participated": False,
            "ai_agent": None,
        }
        return row

    def _tags(self) -> Iterator[Row]:
        for tag in self.case.tags:
            yield {
                "type": "tag",
                "id": str(number("tag", tag)),
                "name": tag,
                "applied_at": unix(self.case.created),
                "applied_by": {"type": "admin", "id": str(ADMIN_ID)},
            }

    def _rating(self, at: datetime, contact: Row) -> Row | None:
        case = self.case
        if not case.rating or case.rated > at:
            return None
        return {
            "rating": case.rating,
            "remark": case.comment or "",
            "created_at": unix(case.rated),
            "updated_at": unix(case.rated),
            "contact": {**contact, "external_id": self.who.user_id},
            "teammate": {"type": "admin", "id": str(ADMIN_ID)},
        }

    def _statistics(self, at: datetime) -> Row:
        case = self.case
        found: Row = {
            "type": "conversation_statistics",
            "count_reopens": 0,
            "count_conversation_parts": len(self.parts(at)),
        }
        if case.replied and case.replied <= at:
            found["time_to_admin_reply"] = unix(case.replied) - unix(case.created)
            found["first_admin_reply_at"] = unix(case.replied)
        said = [moment for moment in (case.replied, case.told) if moment and moment <= at]
        if said:
            found["last_admin_reply_at"] = unix(max(said))
        if case.solved and case.solved <= at:
            found["time_to_first_close"] = unix(case.solved) - unix(case.created)
            found["first_close_at"] = found["last_close_at"] = unix(case.solved)
        return found

    def parts(self, at: datetime) -> list[Row]:
        """What was said and done since the first message."""
        case = self.case
        admin = {"type": "admin", "id": str(ADMIN_ID), "name": "Support", "email": ""}
        user = {
            "type": "user",
            "id": _id("contact", self.who.key),
            "name": self.who.name,
            "email": self.who.email or "",
        }
        answer = f"Hi {self.who.name}, we are looking into it."
        told = [
            *(("comment", moment, said, user) for moment, said in self._later()),
            ("comment", case.replied, answer, admin),
            ("close", case.solved, "", admin),
            ("comment", case.told, "You asked for this a while ago. It is there now.", admin),
        ]
        past_ones = [
            (k, moment, said, by) for k, moment, said, by in told if moment and moment <= at
        ]
        return [
            {
                "type": "conversation_part",
                "id": str(number(f"part {place}", case.key)),
                "part_type": kind,
                "body": _paragraph(said) if said else None,
                "created_at": unix(moment),
                "updated_at": unix(moment),
                "notified_at": unix(moment),
                "assigned_to": None,
                "author": author,
                "attachments": [],
                "external_id": None,
                "redacted": False,
            }
            for place, (kind, moment, said, author) in enumerate(past_ones)
        ]


class Intercom:
    """The part of the server that answers as api.intercom.io."""

    name = "intercom"

    def __init__(self, company: Company, clock: Clock) -> None:
        self._clock = clock
        self._company = company
        # Ten thousand a minute, in slices of ten seconds.
        self.limits = [Limit("app", 10_000 // 6, 10.0, re.compile(""))]

    @cached_property
    def _desk(self) -> Desk:
        return Desk(self._company, "intercom")

    @cached_property
    def _conversations(self) -> dict[str, Conversation]:
        desk = self._desk
        made = (
            Conversation(
                case, desk.requesters[case.requester], desk.customers.get(case.account_id or "")
            )
            for case in desk.cases
        )
        return {each.id: each for each in made}

    def owns(self, path: str) -> bool:
        kinds = "contacts|conversations|companies|admins|tags|data_attributes|tickets"
        return re.match(rf"/({kinds})(/|$)", path) is not None

    def routes(self) -> list[Route]:
        return [
            Route("/conversations/search", self._searching("conversations"), methods=["POST"]),
            Route("/conversations/{id}", self.conversation),
            Route("/contacts/search", self._searching("contacts"), methods=["POST"]),
            Route("/companies/list", self.companies, methods=["POST"]),
            Route("/admins", self.admins),
        ]

    def authorise(self, request: Request) -> None:
        if bearer(request) != TOKEN:
            raise self.refusal(401)
        version = request.headers.get("intercom-version", VERSION)
        if version != VERSION:
            message = f"The requested version {version!r} is not served here, only {VERSION}"
            raise refusal_of(400, "intercom_version_invalid", message)

    def headers(self, path: str) -> dict[str, str]:
        [limit] = self.limits
        return {
            "Intercom-Version": VERSION,
            "X-RateLimit-Limit": str(limit.count),
            "X-RateLimit-Remaining": str(max(0, limit.count - limit.used())),
            "X-RateLimit-Reset": str(unix(self._clock.now) + 10),
        }

    def refusal(self, status: int, detail: str = "", limit: str = "") -> Refusal:
        code, message = CODES[status]
        return refusal_of(status, code, detail or message)

    def _searching(self, kind: str) -> Callable[[Request], Any]:
        async def search(request: Request) -> Response:
            parameters(request, (), refuse)
            body = await json_body(request, refuse)
            known_keys(body, ("query", "pagination"), refuse)
            wanted = _filter(kind, take(body, "query", dict, refuse, required=True))
            size, after = _paging(take(body, "pagination", dict, refuse) or {})
            late = bend_rows(self._indexed(kind), bends(request), _place)
            rows = sorted(filter(wanted, late), key=_place, reverse=True)
            left = [row for row in rows if after is None or _place(row) < after]
            page = [_drifted(row, request) for row in left[:size]]
            pages: Row = {
                "type": "pages",
                "page": 1 + (len(rows) - len(left)) // size,
                "per_page": size,
                "total_pages": -(-len(rows) // size),
            }
            if len(left) > size:
                pages["next"] = {"per_page": size, "starting_after": _cursor(left[size - 1])}
            name = "conversations" if kind == "conversations" else "data"
            kind_of_list = "conversation.list" if kind == "conversations" else "list"
            total = len({row["id"] for row in rows})
            return answer({"type": kind_of_list, name: page, "total_count": total, "pages": pages})

        return search

    def _indexed(self, kind: str) -> list[Row]:
        """What search has seen by now; what is deleted is gone from it at once."""
        now, seen = self._clock.now, self._clock.now - INDEX_LAG
        if kind == "conversations":
            there = (each for each in self._conversations.values() if each.case.created <= seen)
            return [each.told(seen) for each in there if each.is_there(now)]
        return [
            _contact(who, self._desk.customers.get(who.account_id or ""))
            for who in self._desk.requesters.values()
            if who.first_seen <= seen and not past(who.deleted_at, now)
        ]

    async def conversation(self, request: Request) -> Response:
        asked = parameters(request, ("display_as", "include_translations"), refuse)
        if single(asked, "display_as", refuse) not in (None, "plaintext"):
            raise refuse("display_as", "can be plaintext")
        found = self._conversations.get(request.path_params["id"])
        now = self._clock.now
        if found is None or not found.is_there(now):
            raise self.refusal(404)
        parts = found.parts(now)
        listed = {
            "type": "conversation_part.list",
            "conversation_parts": parts,
            "total_count": len(parts),
        }
        return answer({**_drifted(found.told(now), request), "conversation_parts": listed})

    async def companies(self, request: Request) -> Response:
        asked = parameters(request, ("page", "per_page", "order"), refuse)
        query = {name: single(asked, name, refuse) for name in asked}
        page = whole(query.get("page"), "page", 1, (1, 10**6), refuse)
        bounds = (1, LARGEST_COMPANY_PAGE)
        size = whole(query.get("per_page"), "per_page", 15, bounds, refuse)
        if page * size > 10_000 + size - 1:
            raise refuse("page", "leads beyond 10000 companies; use the scroll")
        if query.get("order") not in (None, "asc", "desc"):
            raise refuse("order", "must be asc or desc")
        now = self._clock.now
        people = self._desk.requesters.values()
        rows = [
            _company(each, sum(who.account_id == each.account_id for who in people))
            for each in self._desk.customers.values()
            if each.first_seen <= now and not past(each.closed_at, now)
        ]
        rows.sort(key=_place, reverse=query.get("order") != "asc")
        found = bend_rows(rows[(page - 1) * size : page * size], bends(request), _place)
        total = -(-len(rows) // size)
        pages: Row = {"type": "pages", "page": page, "per_page": size, "total_pages": total}
        data = [_drifted(row, request) for row in found]
        return answer({"type": "list", "data": data, "total_count": len(rows), "pages": pages})

    async def admins(self, request: Request) -> Response:
        parameters(request, ("display_avatar",), refuse)
        admin = {
            "type": "admin",
            "id": str(ADMIN_ID),
            "name": "Support",
            "email": "support@lanternfish.example",
            "away_mode_enabled": False,
            "away_mode_reassign": False,
            "has_inbox_seat": True,
            "team_ids": [],
        }
        return answer({"type": "admin.list", "admins": [admin]})


Wanted = Callable[[Row], bool]


def _filter(kind: str, query: Row, depth: int = 0) -> Wanted:
    """A test of a row for a query of one filter, or of several joined."""
    if query.get("operator") in ("AND", "OR"):
        if depth >= DEEPEST_QUERY:
            raise refuse("query", f"is nested more than {DEEPEST_QUERY} levels deep")
        known_keys(query, ("operator", "value"), refuse)
        parts = take(query, "value", list, refuse, required=True)
        if not all(isinstance(part, dict) for part in parts):
            raise refuse("value", "must be a list of filters")
        wanted = [_filter(kind, part, depth + 1) for part in parts]
        joined = all if query["operator"] == "AND" else any
        return lambda row: joined(each(row) for each in wanted)
    known_keys(query, ("field", "operator", "value"), refuse)
    name = take(query, "field", str, refuse, required=True)
    comparison = take(query, "operator", str, refuse, required=True)
    if name not in FIELDS[kind]:
        raise refuse("field", f"{name!r} cannot be searched by")
    if "value" not in query:
        raise refuse("value", "is required")
    return _comparing(name, comparison, query["value"])


def _comparing(name: str, comparison: str, value: object) -> Wanted:
    if comparison in LISTS:
        if not isinstance(value, list):
            raise refuse("value", "must be a list")
        listed = LISTS[comparison]
        return lambda row: listed(row[name], value)
    if name in TIMES:
        if comparison not in COMPARISONS or not re.fullmatch(r"\d{1,11}", str(value)):
            raise refuse("value", f"of {name} must be compared as seconds since 1970")
        compare, day = COMPARISONS[comparison], int(str(value)) // DAY
        return lambda row: compare(row[name] // DAY, day)
    if comparison in TEXTS:
        matches = TEXTS[comparison]
        return lambda row: matches(row[name], value)
    if comparison not in ("=", "!="):
        raise refuse("operator", f"{comparison!r} cannot be used with {name}")
    compare = COMPARISONS[comparison]
    return lambda row: compare(row[name], value)


def _paging(pagination: Row) -> tuple[int, tuple[int, str] | None]:
    known_keys(pagination, ("per_page", "starting_after"), refuse)
    size = take(pagination, "per_page", int, refuse) if "per_page" in pagination else 20
    if not 1 <= size <= LARGEST_PAGE:
        raise refuse("per_page", f"must be between 1 and {LARGEST_PAGE}, not {size}")
    text = pagination.get("starting_after")
    if text is None:
        return size, None
    try:
        second, identifier = json.loads(base64.b64decode(str(text), validate=True))
        return size, (int(second), str(identifier))
    except (binascii.Error, UnicodeDecodeError, ValueError, TypeError) as error:
        raise refuse("starting_after", "is no place in these results") from error


def _place(row: Row) -> tuple[int, str]:
    return (row["updated_at"], row["id"])


def _cursor(row: Row) -> str:
    return base64.b64encode(json.dumps(_place(row)).encode()).decode()


def _contact(who: Requester, customer: Customer | None) -> Row:
    identifier = _id("contact", who.key)
    companies = []
    if customer:
        company_id = _id("company", customer.account_id)
        companies = [{"type": "company", "id": company_id, "url": f"/companies/{company_id}"}]
    nothing = {"type": "list", "data": [], "total_count": 0, "has_more": False}
    return {
        "type": "contact",
        "id": identifier,
        "external_id": who.user_id,
        "workspace_id": "lanternfish",
        "role": "user",
        "email": who.email or "",
        "email_domain": (who.email or "").partition("@")[2],
        "phone": None,
        "name": who.name,
        "owner_id": None,
        "has_hard_bounced": False,
        "marked_email_as_spam": False,
        "unsubscribed_from_emails": False,
        "created_at": unix(who.first_seen),
        "updated_at": unix(who.first_seen),
        "signed_up_at": None,
        "last_seen_at": unix(who.first_seen),
        "custom_attributes": {},
        "tags": {**nothing, "url": f"/contacts/{identifier}/tags"},
        "notes": {**nothing, "url": f"/contacts/{identifier}/notes"},
        "companies": {
            "type": "list",
            "data": companies,
            "url": f"/contacts/{identifier}/companies",
            "total_count": len(companies),
            "has_more": False,
        },
    }


def _company(customer: Customer, people: int) -> Row:
    """A customer's company under the product's own id of it; nearly all have a website."""
    identifier = _id("company", customer.account_id)
    row: Row = {
        "type": "company",
        "id": identifier,
        "app_id": "lanternfish",
        "company_id": customer.account_id,
        "name": customer.name,
        "created_at": unix(customer.first_seen),
        "updated_at": unix(customer.first_seen),
        "monthly_spend": 0,
        "session_count": 0,
        "user_count": people,
        "plan": {},
        "custom_attributes": {},
        "tags": {"type": "tag.list", "tags": []},
        "segments": {"type": "segment.list", "segments": []},
    }
    if customer.domain and int(identifier, 16) % 20:
        row["website"] = f"https://www.{customer.domain}"
    return row


def _drifted(row: Row, request: Request) -> Row:
    """The row after the vendor changed their format without telling anyone."""
    kinds, name = drifts(bends(request)), DRIFTING[row["type"]]
    if "new-column" in kinds:
        row = {**row, DRIFT_NAME: "new"}
    if "changed-type" in kinds:
        row = {**row, name: {"value": row[name]}}
    if "dropped-column" in kinds:
        row = {key: value for key, value in row.items() if key != name}
    return row
