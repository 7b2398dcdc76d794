"""Intercom: conversations with all that was said in them, contacts, companies.

readings (some objects of one kind) → contacts, companies, conversations, live_conversations,
pseudonyms, source_counts. Try it alone: `python -m ingestion intercom`.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from html.parser import HTMLParser
from typing import Any

import dlt
from dlt.extract import DltResource

from ingestion.checking import can_be_checked
from ingestion.http import Api, Limiter
from ingestion.privacy import erased_counts, pseudonyms
from ingestion.support import Door, Item, Reading, count_rows, rows_of
from ingestion.tables import (
    BIGINT,
    BOOL,
    DATE,
    TEXT,
    TIME,
    Row,
    Table,
    changed,
    from_unix,
    source_counts,
)

CONTACTS = Table(
    "intercom",
    "contacts",
    {
        "id": TEXT,
        "external_id": TEXT,
        "email": TEXT,
        "name": TEXT,
        "role": TEXT,
        "company_id": TEXT,
        "created_at": TIME,
        "updated_at": TIME,
    },
    primary_key=("id",),
    newest="updated_at",
    personal=("external_id", "email", "name"),
)
COMPANIES = Table(
    "intercom",
    "companies",
    {
        "id": TEXT,
        "company_id": TEXT,
        "name": TEXT,
        "website": TEXT,
        "created_at": TIME,
        "updated_at": TIME,
    },
    primary_key=("id",),
    newest="updated_at",
)
CONVERSATIONS = Table(
    "intercom",
    "conversations",
    {
        "id": TEXT,
        "state": TEXT,
        "priority": TEXT,
        "channel": TEXT,
        "delivered_as": TEXT,
        "tags": TEXT,
        "contact_id": TEXT,
        "company_id": TEXT,
        "subject": TEXT,
        "body": TEXT,
        # What the customer said after that.
        "replies": TEXT,
        "rating": BIGINT,
        "rating_remark": TEXT,
        "rated_at": TIME,
        "external_id": TEXT,
        # Who else speaks in it.
        "teammate_names": TEXT,
        "part_count": BIGINT,
        # When the customer said the first of `replies`.
        "first_customer_reply_at": TIME,
        "created_at": TIME,
        "updated_at": TIME,
        "first_reply_at": TIME,
        "last_reply_at": TIME,
        "closed_at": TIME,
    },
    primary_key=("id",),
    newest="updated_at",
    personal=("subject", "body", "replies", "rating_remark", "teammate_names"),
)
# Intercom does not list what was deleted. So the days on which conversations began are kept with
# the ids of those still there, and a day on which one is missing is read again as a whole.
LIVE = Table(
    "intercom",
    "live_conversations",
    {"created_date": DATE, "id": TEXT, "is_deleted": BOOL},
    primary_key=("created_date", "id"),
    merge_key=("created_date",),
    deleted_flag="is_deleted",
)
PSEUDONYMS = pseudonyms("intercom")
ERASED = erased_counts("intercom")
COUNTS = source_counts("intercom")
TABLES = (CONTACTS, COMPANIES, CONVERSATIONS, LIVE, PSEUDONYMS, ERASED, COUNTS)

PAGE, COMPANIES_PAGE = 150, 60
# The list of companies ends here, whatever it says.
MOST_COMPANIES = 10_000
ONE_DAY = timedelta(days=1)
FIRST_DAY = "1970-01-02"
# Types of those who speak as customers.
CUSTOMERS = ("user", "contact", "lead")
BLOCKS = ("p", "div", "li", "br", "h1", "h2", "h3", "tr")
COUNTED: dict[str, Callable[[Item], bool]] = {
    "conversations": lambda item: True,
    "contacts": lambda item: True,
}


@dataclass(frozen=True)
class Days(Reading):
    """Whole days with the ids of all conversations that began on them and are still there."""

    days: Sequence[date] = ()


@dlt.source(name="intercom", section="intercom", max_table_nesting=0)
def intercom(
    host: str = "https://api.intercom.io",
    access_token: str = dlt.secrets.value,
    api_version: str = "2.15",
    requests_per_second: int = 100,
    # The custom attribute that names what a conversation is about elsewhere, if there is one.
    external_id_attribute: str = "feedback_id",
    stopped: Sequence[str] = (),
) -> Iterable[DltResource]:
    """Load the conversations of one Intercom workspace, but for the tables in `stopped`."""
    scopes = "to read conversations, users and companies"
    limiter = Limiter(requests_per_second)
    headers = {"Intercom-Version": api_version}
    api = Api("intercom", host, access_token, "access_token", scopes, limiter, headers=headers)
    can_be_checked(
        partial(_total, api, "conversations"),
        partial(_total, api, "contacts"),
        lambda: api.post("/companies/list", {}, {"page": 1, "per_page": 1}),
    )
    door = Door("intercom", CONTACTS.name, _contact_id, COUNTED)
    parent = dlt.resource(
        lambda: map(door.without_erased, _readings(api, stopped)), name="readings", selected=False
    )

    def of(kind: str, row: Callable[[Item], Row]) -> Callable[[Reading], Any]:
        return partial(rows_of, kind, row)

    return (
        CONTACTS.transformer(parent, of("contacts", _contact)),
        COMPANIES.transformer(parent, _company_rows),
        CONVERSATIONS.transformer(
            parent, of("conversations", partial(_conversation, external_id_attribute))
        ),
        LIVE.transformer(parent, _live_rows),
        PSEUDONYMS.transformer(parent, door.pseudonyms),
        ERASED.transformer(parent, door.erased_rows),
        COUNTS.transformer(parent, lambda reading: count_rows(reading, api.now)),
    )


def _readings(api: Api, stopped: Collection[str]) -> Iterator[Reading]:
    state = dlt.current.source_state()
    if PSEUDONYMS.name not in stopped and PSEUDONYMS.name in state.get("stopped", {}):
        state.pop("read", None)
    total = _total(api, "conversations")
    if CONTACTS.name not in stopped:
        yield Reading("contacts", count=_total(api, "contacts"))
        for page in _changed(api, "contacts", state):
            yield Reading("contacts", page)
    if COMPANIES.name not in stopped:
        companies, count = _companies(api)
        yield Reading("companies", companies, count=count)
    if CONVERSATIONS.name not in stopped:
        yield Reading("conversations", count=total)
        for page in _changed(api, "conversations", state):
            found = (api.find(f"/conversations/{item['id']}") for item in page)
            yield Reading("conversations", [item for item in found if item is not None])
    if LIVE.name not in stopped:
        yield from _live(api, state)
    state["vendor_now"] = api.now.isoformat()


def _changed(api: Api, kind: str, state: dict[str, Any]) -> Iterator[list[Item]]:
    """What changed since the load before.

    A search compares days and sees a change a bit late. So the days since the one before the last
    load are read again, and what was seen of them is left out.
    """
    read = state.setdefault("read", {}).get(kind, {})
    since, seen = date.fromisoformat(read.get("since", FIRST_DAY)), read.get("seen", {})
    fresh: dict[str, int] = {}
    for page in _search(api, kind, _from("updated_at", since)):
        yield [item for item in page if seen.get(item["id"]) != item["updated_at"]]
        fresh |= {item["id"]: item["updated_at"] for item in page}
    following = api.now.date() - ONE_DAY
    still = {key: at for key, at in sorted(fresh.items()) if at >= _unix(following)}
    state["read"][kind] = {"since": following.isoformat(), "seen": still}


def _live(api: Api, state: dict[str, Any]) -> Iterator[Reading]:
    """The conversations of each day on which some came or went."""
    read = state.setdefault("read", {}).get("days", {})
    since, held = date.fromisoformat(read.get("since", FIRST_DAY)), dict(read.get("counts", {}))
    today, settled = api.now.date(), [day for day in held if day < read["since"]]
    if settled:
        span = (date.fromisoformat(min(settled)), since - ONE_DAY)
        for day in list(_wrong_days(api, held, *span)):
            found = _begun(api, day, day)
            held[day.isoformat()] = len(found)
            yield Days("live_conversations", list(found.values()), days=[day])
    found = _begun(api, since, today)
    if sorted(found) != read.get("recent"):
        first = since if read else min(map(_day, found.values()), default=today)
        days = [first + ONE_DAY * n for n in range((today - first).days + 1)]
        yield Days("live_conversations", list(found.values()), days=days)
        counted = Counter(map(_day, found.values()))
        held |= {day.isoformat(): counted[day] for day in days}
    following = today - ONE_DAY
    state["read"]["days"] = {
        "since": following.isoformat(),
        "counts": {day: count for day, count in sorted(held.items()) if count},
        "recent": sorted(key for key, item in found.items() if _day(item) >= following),
    }


def _wrong_days(api: Api, held: dict[str, int], first: date, last: date) -> Iterator[date]:
    """Of days that are over, those on which Intercom counts more or fewer than were read."""
    days = [day for day in held if first.isoformat() <= day <= last.isoformat()]
    if _total(api, "conversations", *_between(first, last)) == sum(held[day] for day in days):
        return
    if first == last:
        yield first
        return
    middle = first + (last - first) // 2
    yield from _wrong_days(api, held, first, middle)
    yield from _wrong_days(api, held, middle + ONE_DAY, last)


def _begun(api: Api, first: date, last: date) -> dict[str, Item]:
    """The conversations that began on some days, by id."""
    pages = _search(api, "conversations", *_between(first, last))
    return {item["id"]: item for page in pages for item in page}


def _between(first: date, last: date) -> tuple[Item, Item]:
    end = {"field": "created_at", "operator": "<", "value": _unix(last + ONE_DAY)}
    return _from("created_at", first), end


def _from(name: str, day: date) -> Item:
    """A day and those after it, whether seconds are compared or their days."""
    return {"field": name, "operator": ">", "value": _unix(day) - 1}


def _search(api: Api, kind: str, *filters: Item) -> Iterator[list[Item]]:
    query = {"operator": "AND", "value": list(filters)}
    pagination: dict[str, object] = {"per_page": PAGE}
    while True:
        body = {"query": query, "pagination": pagination}
        page = api.post(f"/{kind}/search", body)
        yield page["conversations" if kind == "conversations" else "data"]
        following = (page.get("pages") or {}).get("next")
        if not following:
            return
        pagination["starting_after"] = following["starting_after"]


def _total(api: Api, kind: str, *filters: Item) -> int:
    filters = filters or (_from("created_at", date.fromisoformat(FIRST_DAY)),)
    query = {"operator": "AND", "value": list(filters)}
    body = {"query": query, "pagination": {"per_page": 1}}
    return int(api.post(f"/{kind}/search", body)["total_count"])


def _companies(api: Api) -> tuple[list[Item], int]:
    """All companies: there is no search for them, and of a scroll only one may be open."""
    found: dict[str, Item] = {}
    number = pages = 1
    while number <= min(pages, MOST_COMPANIES // COMPANIES_PAGE):
        asked: dict[str, str | int] = {"page": number, "per_page": COMPANIES_PAGE, "order": "asc"}
        page = api.post("/companies/list", {}, asked)
        found |= {item["id"]: item for item in page["data"]}
        number, pages = number + 1, int(page["pages"]["total_pages"])
    return list(found.values()), int(page["total_count"])


def _unix(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _day(item: Item) -> date:
    return datetime.fromtimestamp(item["created_at"], UTC).date()


def _contact_id(item: Item) -> str | None:
    """Whose conversation it is: who began it, as Intercom lists them first."""
    listed = (item.get("contacts") or {}).get("contacts") or ()
    return str(listed[0]["id"]) if listed else None


def _contact(item: Item) -> Row:
    companies = (item.get("companies") or {}).get("data") or ()
    return {
        "id": item["id"],
        "external_id": item.get("external_id"),
        "email": item["email"],
        "name": item["name"],
        "role": item["role"],
        "company_id": companies[0]["id"] if companies else None,
        "created_at": from_unix(item["created_at"]),
        "updated_at": from_unix(item["updated_at"]),
    }


def _company_rows(reading: Reading) -> Iterator[Sequence[Row]]:
    """All of them, if any has changed."""
    if reading.kind == "companies":
        rows = [_company(item) for item in reading.items]
        if changed(COMPANIES, rows):
            yield rows


def _company(item: Item) -> Row:
    return {
        "id": item["id"],
        "company_id": item["company_id"],
        "name": item["name"],
        "website": item.get("website"),
        "created_at": from_unix(item["created_at"]),
        "updated_at": from_unix(item["updated_at"]),
    }


def _conversation(external_id_attribute: str, item: Item) -> Row:
    source, rating = item["source"], item.get("conversation_rating") or {}
    statistics = item.get("statistics") or {}
    parts = item["conversation_parts"]["conversation_parts"]
    said = [part for part in parts if part["body"] and part["author"]["type"] in CUSTOMERS]
    others = (part["author"].get("name") for part in parts if part not in said)
    return {
        "id": item["id"],
        "state": item["state"],
        "priority": item["priority"],
        "channel": source["type"],
        "delivered_as": source.get("delivered_as"),
        "tags": ";".join(tag["name"] for tag in item["tags"]["tags"]),
        "contact_id": _contact_id(item),
        "company_id": (item.get("company") or {}).get("id"),
        "subject": plain(source.get("subject")),
        "body": plain(source["body"]),
        "replies": "\n\n".join(filter(None, (plain(part["body"]) for part in said))) or None,
        "rating": rating.get("rating"),
        "rating_remark": rating.get("remark") or None,
        "rated_at": from_unix(rating.get("created_at")),
        "external_id": (item.get("custom_attributes") or {}).get(external_id_attribute),
        "teammate_names": ", ".join(dict.fromkeys(filter(None, others))) or None,
        "part_count": len(parts),
        "first_customer_reply_at": from_unix(said[0]["created_at"]) if said else None,
        "created_at": from_unix(item["created_at"]),
        "updated_at": from_unix(item["updated_at"]),
        "first_reply_at": from_unix(statistics.get("first_admin_reply_at")),
        "last_reply_at": from_unix(statistics.get("last_admin_reply_at")),
        "closed_at": from_unix(statistics.get("last_close_at"))
        if item["state"] == "closed"
        else None,
    }


def _live_rows(reading: Reading) -> Iterator[Sequence[Row]]:
    if isinstance(reading, Days):
        # An id of its own for what empties a day, for one without any must lose those it had.
        emptied = [{"created_date": day, "id": "", "is_deleted": True} for day in reading.days]
        yield [*emptied, *({"created_date": _day(i), "id": i["id"]} for i in reading.items)]


class _Words(HTMLParser):
    """The text of a piece of HTML, a line for each of its blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in BLOCKS:
            self.found.append("\n")

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.handle_endtag(tag)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "br":
            self.found.append("\n")


def plain(markup: str | None) -> str | None:
    """Return HTML as the text that a reader sees."""
    if not markup:
        return None
    words = _Words()
    words.feed(markup)
    words.close()
    return "".join(words.found).strip() or None
