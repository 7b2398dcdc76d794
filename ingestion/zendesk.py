"""Zendesk: tickets with what customers wrote and how they liked the answer, users, organizations.

readings (some objects of one kind) → users, organizations, tickets, satisfaction_ratings,
pseudonyms, source_counts. Try it alone: `python -m ingestion zendesk`.
"""

import base64
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import dlt
from dlt.extract import DltResource

from ingestion.checking import can_be_checked
from ingestion.http import Api, Limiter
from ingestion.privacy import erased_counts, pseudonyms
from ingestion.support import Door, Item, Reading, count_rows, rows_of
from ingestion.tables import BIGINT, BOOL, TEXT, TIME, Row, Table, source_counts

USERS = Table(
    "zendesk",
    "users",
    {
        "id": TEXT,
        "external_id": TEXT,
        "email": TEXT,
        "name": TEXT,
        "role": TEXT,
        "organization_id": TEXT,
        "active": BOOL,
        "created_at": TIME,
        "updated_at": TIME,
    },
    primary_key=("id",),
    newest="updated_at",
    personal=("external_id", "email", "name"),
)
ORGANIZATIONS = Table(
    "zendesk",
    "organizations",
    {
        "id": TEXT,
        "external_id": TEXT,
        "name": TEXT,
        "domain_names": TEXT,
        "created_at": TIME,
        "updated_at": TIME,
        "deleted_at": TIME,
    },
    primary_key=("id",),
    newest="updated_at",
)
TICKETS = Table(
    "zendesk",
    "tickets",
    {
        "id": TEXT,
        "external_id": TEXT,
        "subject": TEXT,
        "description": TEXT,
        "type": TEXT,
        "status": TEXT,
        "priority": TEXT,
        "channel": TEXT,
        "tags": TEXT,
        "requester_id": TEXT,
        "submitter_id": TEXT,
        "assignee_id": TEXT,
        "organization_id": TEXT,
        # The closed ticket that this one takes up again.
        "follows_id": TEXT,
        "satisfaction_score": TEXT,
        "satisfaction_comment": TEXT,
        "created_at": TIME,
        "updated_at": TIME,
        "solved_at": TIME,
        "first_reply_minutes": BIGINT,
        "last_comment_at": TIME,
        "requester_updated_at": TIME,
        "generated_at": TIME,
    },
    primary_key=("id",),
    # A system's update moves this and leaves `updated_at` alone.
    newest="generated_at",
    personal=("subject", "description", "satisfaction_comment"),
)
RATINGS = Table(
    "zendesk",
    "satisfaction_ratings",
    {
        "id": TEXT,
        "ticket_id": TEXT,
        "requester_id": TEXT,
        "score": TEXT,
        "comment": TEXT,
        "reason": TEXT,
        "created_at": TIME,
        "updated_at": TIME,
    },
    primary_key=("id",),
    newest="updated_at",
    personal=("comment",),
)
PSEUDONYMS = pseudonyms("zendesk")
ERASED = erased_counts("zendesk")
COUNTS = source_counts("zendesk")
TABLES = (USERS, ORGANIZATIONS, TICKETS, RATINGS, PSEUDONYMS, ERASED, COUNTS)

EXPORT_PAGE, RATINGS_PAGE = 1000, 100
# A customer may answer this long after being asked, and ratings are found by when they were asked.
RATED_WITHIN = timedelta(days=35)
OVERLAP = timedelta(hours=1)
# Tables that Zendesk counts, and what of a row it does not count.
COUNTED: dict[str, Callable[[Item], bool]] = {
    "tickets": lambda item: item.get("status") != "deleted",
    "users": lambda item: bool(item.get("active", True)),
    "organizations": lambda item: item.get("deleted_at") is None,
}


@dlt.source(name="zendesk", section="zendesk", max_table_nesting=0)
def zendesk(
    host: str = dlt.config.value,
    email: str = dlt.config.value,
    api_token: str = dlt.secrets.value,
    requests_per_second: int = 5,
    stopped: Sequence[str] = (),
) -> Iterable[DltResource]:
    """Load the tickets of one Zendesk account, but for the tables in `stopped`."""
    scopes = "an administrator's address: only they may export"
    basic = base64.b64encode(f"{email}/token:{api_token}".encode()).decode()
    api = Api(
        "zendesk",
        host,
        api_token,
        "api_token",
        scopes,
        Limiter(requests_per_second),
        headers={"Authorization": f"Basic {basic}"},
    )
    can_be_checked(
        lambda: api.get("/api/v2/incremental/organizations.json", {"start_time": 0, "per_page": 1}),
        lambda: api.get("/api/v2/satisfaction_ratings.json", {"page[size]": 1}),
    )
    door = Door("zendesk", USERS.name, _requester, COUNTED)
    parent = dlt.resource(
        lambda: map(door.without_erased, _readings(api, stopped)), name="readings", selected=False
    )

    def of(kind: str, row: Callable[[Item], Row]) -> Callable[[Reading], Any]:
        return partial(rows_of, kind, row)

    return (
        USERS.transformer(parent, of("users", _user)),
        ORGANIZATIONS.transformer(parent, of("organizations", _organization)),
        TICKETS.transformer(parent, of("tickets", _ticket)),
        RATINGS.transformer(parent, of("satisfaction_ratings", _rating)),
        PSEUDONYMS.transformer(parent, door.pseudonyms),
        ERASED.transformer(parent, door.erased_rows),
        COUNTS.transformer(parent, lambda reading: count_rows(reading, api.now)),
    )


def _requester(item: Item) -> str | None:
    return str(item["requester_id"]) if item.get("requester_id") else None


def _readings(api: Api, stopped: Collection[str]) -> Iterator[Reading]:
    state = dlt.current.source_state()
    if PSEUDONYMS.name not in stopped and PSEUDONYMS.name in state.get("stopped", {}):
        state.pop("cursors", None)
    # First the counts: what comes in while the rest is read is then no less than was counted.
    for kind in COUNTED:
        if kind not in stopped:
            yield Reading(kind, count=int(api.get(f"/api/v2/{kind}/count.json")["count"]["value"]))
    cursors = state.setdefault("cursors", {})
    if USERS.name not in stopped:
        yield from _export(api, USERS.name, cursors, {})
    if ORGANIZATIONS.name not in stopped:
        yield from _organizations(api, state)
    if TICKETS.name not in stopped:
        yield from _export(api, TICKETS.name, cursors, {"include": "metric_sets"})
    if RATINGS.name not in stopped:
        yield from _ratings(api, state)
    state["vendor_now"] = api.now.isoformat()


def _export(
    api: Api, kind: str, cursors: dict[str, str], asked: dict[str, str]
) -> Iterator[Reading]:
    """What changed since the cursor, which Zendesk moves by its own time of each change."""
    while True:
        place = {"cursor": cursors[kind]} if kind in cursors else {"start_time": "0"}
        page = api.get(
            f"/api/v2/incremental/{kind}/cursor.json",
            {**place, **asked, "per_page": EXPORT_PAGE},
        )
        metrics = {each["ticket_id"]: each for each in page.get("metric_sets", ())}
        items = [{"metric_set": metrics.get(item.get("id")), **item} for item in page[kind]]
        yield Reading(kind, items)
        if page.get("after_cursor"):
            cursors[kind] = page["after_cursor"]
        if page["end_of_stream"] or not page.get("after_cursor"):
            return


def _organizations(api: Api, state: dict[str, Any]) -> Iterator[Reading]:
    """By time, to the second: the last second of a page comes again with the next."""
    start = state.get("organizations_until", 0)
    seen = set(state.get("organizations_seen", ()))
    while True:
        path = "/api/v2/incremental/organizations.json"
        page = api.get(path, {"start_time": start, "per_page": EXPORT_PAGE})
        items = [item for item in page["organizations"] if _version(item) not in seen]
        yield Reading("organizations", items)
        end = page.get("end_time") or start
        last = {_version(item) for item in page["organizations"] if _second(item) >= end}
        seen = seen | last if end == start else last
        # A page that leads nowhere is the last, whatever it says.
        if page["end_of_stream"] or end == start:
            state["organizations_until"], state["organizations_seen"] = end, sorted(seen)
            return
        start = end


def _version(item: Item) -> str:
    return f"{item.get('id')} {item.get('updated_at')}"


def _second(item: Item) -> int:
    return int(datetime.fromisoformat(item["updated_at"]).timestamp())


def _ratings(api: Api, state: dict[str, Any]) -> Iterator[Reading]:
    """Ratings that were given: all at first, then those asked for lately and not seen yet."""
    until, seen = state.get("ratings_until"), set(state.get("ratings_seen", ()))
    since = datetime.fromisoformat(until) - RATED_WITHIN if until else None
    asked: dict[str, str | int] = {"score": "received", "page[size]": RATINGS_PAGE}
    if since:
        asked["start_time"] = int(since.timestamp())
    fresh: set[str] = set()
    while True:
        page = api.get("/api/v2/satisfaction_ratings.json", asked)
        items = [item for item in page["satisfaction_ratings"] if _version(item) not in seen]
        fresh.update(map(_version, page["satisfaction_ratings"]))
        yield Reading("satisfaction_ratings", items)
        if not page["meta"]["has_more"]:
            break
        asked["page[after]"] = page["meta"]["after_cursor"]
    oldest = api.now - RATED_WITHIN - OVERLAP
    state["ratings_seen"] = sorted(each for each in fresh if _told(each) >= oldest)
    state["ratings_until"] = api.now.isoformat()


def _told(version: str) -> datetime:
    return datetime.fromisoformat(version.partition(" ")[2])


def _user(item: Item) -> Row:
    return {
        "id": item["id"],
        "external_id": item.get("external_id"),
        "email": item["email"],
        "name": item["name"],
        "role": item["role"],
        "organization_id": item["organization_id"],
        "active": item["active"],
        "created_at": item["created_at"],
        "updated_at": item["updated_at"],
    }


def _organization(item: Item) -> Row:
    return {
        "id": item["id"],
        "external_id": item.get("external_id"),
        "name": item["name"],
        "domain_names": ";".join(item["domain_names"] or ()),
        "created_at": item["created_at"],
        "updated_at": item["updated_at"],
        "deleted_at": item.get("deleted_at"),
    }


def _ticket(item: Item) -> Row:
    rating, metrics = item["satisfaction_rating"] or {}, item.get("metric_set") or {}
    # What was deleted there is not read here any more.
    is_deleted = item["status"] == "deleted"
    return {
        "id": item["id"],
        "external_id": item.get("external_id"),
        "subject": None if is_deleted else item["subject"],
        "description": None if is_deleted else item["description"],
        "type": item["type"],
        "status": item["status"],
        "priority": item["priority"],
        "channel": item["via"]["channel"],
        "follows_id": _followed(item["via"].get("source") or {}),
        "tags": ";".join(item["tags"]),
        "requester_id": item["requester_id"],
        "submitter_id": item.get("submitter_id"),
        "assignee_id": item["assignee_id"],
        "organization_id": item["organization_id"],
        "satisfaction_score": rating.get("score"),
        "satisfaction_comment": None if is_deleted else rating.get("comment"),
        "created_at": item["created_at"],
        "updated_at": item["updated_at"],
        "solved_at": metrics.get("solved_at"),
        "first_reply_minutes": (metrics.get("reply_time_in_minutes") or {}).get("calendar"),
        "last_comment_at": metrics.get("latest_comment_added_at"),
        "requester_updated_at": metrics.get("requester_updated_at"),
        "generated_at": datetime.fromtimestamp(item["generated_timestamp"], UTC),
    }


def _followed(source: dict[str, Any]) -> int | None:
    is_follow_up = source.get("rel") == "follow_up"
    return (source.get("from") or {}).get("ticket_id") if is_follow_up else None


def _rating(item: Item) -> Row:
    return {
        "id": item["id"],
        "ticket_id": item["ticket_id"],
        "requester_id": item["requester_id"],
        "score": item["score"],
        "comment": item["comment"],
        "reason": item.get("reason"),
        "created_at": item["created_at"],
        "updated_at": item["updated_at"],
    }
