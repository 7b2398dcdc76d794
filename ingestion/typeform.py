"""Typeform: forms with their versions, responses and answers, one row an answer.

readings (what is new of one form) → forms, form_fields, responses, answers, source_counts.
Try it alone: `python -m ingestion typeform`.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from itertools import chain, takewhile
from typing import Any

import dlt
from dlt.extract import DltResource

from ingestion.checking import can_be_checked
from ingestion.http import Api, Limiter
from ingestion.privacy import Pseudonyms, erased_counts, pseudonyms
from ingestion.tables import (
    BIGINT,
    BOOL,
    DATE,
    TEXT,
    TIME,
    Row,
    Table,
    digest_of,
    in_batches,
    source_counts,
)

FORMS = Table(
    "typeform",
    "forms",
    {
        "id": TEXT,
        "title": TEXT,
        "definition": TEXT,
        "created_at": TIME,
        "last_updated_at": TIME,
    },
    primary_key=("id", "last_updated_at"),
)
FIELDS = Table(
    "typeform",
    "form_fields",
    {
        "form_id": TEXT,
        "field_id": TEXT,
        "field_ref": TEXT,
        "field_type": TEXT,
        "title": TEXT,
        "position": BIGINT,
    },
    primary_key=("form_id", "field_id"),
)
# Typeform neither lists deleted responses nor filters by arrival. So a day of a form is the
# unit that is replaced: every load brings whole days, and a response that is gone from its
# day goes from the table. A token is unique within its form only.
DAY = {"form_id": TEXT, "submitted_date": DATE}
RESPONSES = Table(
    "typeform",
    "responses",
    DAY
    | {
        "token": TEXT,
        "response_id": TEXT,
        "response_type": TEXT,
        "landed_at": TIME,
        "submitted_at": TIME,
        "hidden": TEXT,
        "calculated_score": BIGINT,
        "metadata": TEXT,
        "is_deleted": BOOL,
    },
    primary_key=("form_id", "submitted_date", "token"),
    merge_key=tuple(DAY),
    deleted_flag="is_deleted",
    personal=("token", "response_id", "hidden", "metadata"),
)
PSEUDONYMS = pseudonyms("typeform")
ERASED = erased_counts("typeform")
ANSWERS = Table(
    "typeform",
    "answers",
    DAY
    | {
        "token": TEXT,
        "position": BIGINT,
        "field_id": TEXT,
        "field_ref": TEXT,
        "field_type": TEXT,
        "answer_type": TEXT,
        "value": TEXT,
        "is_deleted": BOOL,
    },
    primary_key=("form_id", "submitted_date", "token", "position"),
    merge_key=tuple(DAY),
    deleted_flag="is_deleted",
    personal=("token", "value"),
)
COUNTS = source_counts("typeform")
TABLES = (FORMS, FIELDS, RESPONSES, ANSWERS, PSEUDONYMS, ERASED, COUNTS)

FORMS_PAGE, RESPONSES_PAGE = 200, 1000
# Typeform may show an answer half an hour after it was given.
OVERLAP = timedelta(hours=1)
ONE_DAY = timedelta(days=1)

Item = dict[str, Any]


@dataclass(frozen=True)
class Reading:
    """What a load brings of one form: some of its responses, and the days they fill."""

    form: Item
    definition: Item | None = None
    items: Sequence[Item] = ()
    # Each day here is complete in this load, so that what it held before is replaced.
    days: Sequence[date] = ()
    # Keys of responses among them whose person was erased here.
    erased: Collection[str] = ()
    total: int | None = None


@dataclass
class Held:
    """What earlier loads hold of one form, kept with the state of the load."""

    first_day: str
    # Responses before this day are settled; those from it on are read again by each load.
    since: str
    settled: int
    digest: str = field(default="")


@dlt.source(name="typeform", section="typeform", max_table_nesting=0)
def typeform(
    host: str = "https://api.typeform.com",
    access_token: str = dlt.secrets.value,
    requests_per_second: int = 2,
    stopped: Sequence[str] = (),
) -> Iterable[DltResource]:
    """Load every form one Typeform token can see, but for the tables in `stopped`."""
    limiter = Limiter(requests_per_second)
    scopes = "forms:read and responses:read"
    api = Api("typeform", host, access_token, "access_token", scopes, limiter)
    can_be_checked(lambda: [_page(api, form["id"], None) for form in _first_form(api)])
    people, users = Pseudonyms("typeform"), Pseudonyms("posthog")
    parent = dlt.resource(
        lambda: map(partial(_without_erased, people, users), _readings(api, stopped)),
        name="readings",
        selected=False,
    )
    return (
        FORMS.transformer(parent, _form_rows),
        FIELDS.transformer(parent, _field_rows),
        RESPONSES.transformer(parent, _response_rows),
        ANSWERS.transformer(parent, _answer_rows),
        PSEUDONYMS.transformer(parent, partial(_pseudonyms, people)),
        ERASED.transformer(parent, lambda reading: iter([_erased_rows(people, reading)])),
        COUNTS.transformer(
            parent,
            lambda reading: (
                iter(()) if RESPONSES.name in stopped else _count_rows(reading, api.now, stopped)
            ),
        ),
    )


def _without_erased(people: Pseudonyms, users: Pseudonyms, reading: Reading) -> Reading:
    """The reading without responses of people who were erased here."""
    keys = {_key(reading.form["id"], item): _user(item) for item in reading.items}
    gone = people.erased(keys)
    gone |= {key for key, user in keys.items() if users.erased([user])}
    kept = [item for item in reading.items if _key(reading.form["id"], item) not in gone]
    return replace(reading, items=kept, erased=gone)


def _key(form_id: str, item: Item) -> str:
    return f"{form_id}:{item['token']}"


def _user(item: Item) -> str | None:
    user = (item.get("hidden") or {}).get("user_id")
    return str(user) if user else None


def _erased_rows(people: Pseudonyms, reading: Reading) -> Sequence[Row]:
    return [
        {
            "table_name": "responses",
            "scope": reading.form["id"],
            "part": people.of(key),
            "row_count": 1,
        }
        for key in reading.erased
    ]


def _readings(api: Api, stopped: Sequence[str]) -> Iterator[Reading]:
    forms = list(_forms(api))
    state = dlt.current.source_state()
    # All tables are read together: what was left out is read again with the rest.
    if any(table not in stopped for table in state.get("stopped", {})):
        state["versions"], state["held"] = {}, {}
    state["vendor_now"] = api.now.isoformat()
    versions, held = state.setdefault("versions", {}), state.setdefault("held", {})
    for form in forms:
        form_id = form["id"]
        if versions.get(form_id) != form["last_updated_at"]:
            yield Reading(form, definition=api.get(f"/forms/{form_id}"))
            versions[form_id] = form["last_updated_at"]
        yield from _responses(api, form, held)


def _first_form(api: Api) -> list[Item]:
    items: list[Item] = api.get("/forms", {"page": 1, "page_size": 1})["items"]
    return items


def _forms(api: Api) -> Iterator[Item]:
    page, pages = 1, 1
    while page <= pages:
        answer = api.get("/forms", {"page": page, "page_size": FORMS_PAGE})
        yield from answer["items"]
        page, pages = page + 1, int(answer["page_count"])


def _responses(api: Api, form: Item, held: dict[str, Any]) -> Iterator[Reading]:
    # Read newest first and unfiltered: the first page then brings the newest answers and the
    # number of all in one answer, so that rows and count cannot disagree, in one request a
    # form of the two a second that Typeform grants.
    first = _page(api, form["id"], None)
    total, today = int(first["total_items"]), api.now.date()
    yield Reading(form, total=total)
    items = chain(first["items"], _after(api, form["id"], first["items"]))
    known = Held(**held[form["id"]]) if form["id"] in held else None
    if known:
        since = date.fromisoformat(known.since)
        recent = list(takewhile(lambda item: _day(item) >= since, items))
        if known.settled + len(recent) == total:
            digest = digest_of(recent)
            if digest != known.digest:
                yield Reading(form, items=recent, days=_days(since, today))
                held[form["id"]] = vars(_hold(known.first_day, recent, since, total, digest))
            return
        # An answer came in late or was deleted, at a place no filter of Typeform's names.
        items = chain(recent, _older(api, form["id"], recent[-1]["token"] if recent else None))
    yield from _whole(form, items, known, total, today, held)


def _whole(
    form: Item,
    items: Iterator[Item],
    known: Held | None,
    total: int,
    today: date,
    held: dict[str, Any],
) -> Iterator[Reading]:
    """Every response of a form, and every day on which it can have had one."""
    oldest = date.fromisoformat(known.first_day) if known else today
    recent: list[Item] = []
    for batch in in_batches(items, RESPONSES_PAGE):
        since = _since(recent or batch)
        recent.extend(item for item in batch if _day(item) >= since)
        oldest = min([oldest, *map(_day, batch)])
        yield Reading(form, items=batch)
    if known:
        yield Reading(form, days=_days(oldest, today))
    since = _since(recent) if recent else today
    held[form["id"]] = vars(
        Held(oldest.isoformat(), since.isoformat(), total - len(recent), digest_of(recent))
    )


def _hold(first_day: str, recent: list[Item], since: date, total: int, digest: str) -> Held:
    later = max(since, _since(recent)) if recent else since
    still = [item for item in recent if _day(item) >= later]
    kept = digest if len(still) == len(recent) else digest_of(still)
    return Held(first_day, later.isoformat(), total - len(still), kept)


def _since(items: Sequence[Item]) -> date:
    return (max(map(_submitted_at, items)) - OVERLAP).date()


def _page(api: Api, form_id: str, before: str | None) -> Item:
    parameters: dict[str, str | int] = {"page_size": RESPONSES_PAGE}
    return api.get(
        f"/forms/{form_id}/responses", parameters | ({"before": before} if before else {})
    )


def _after(api: Api, form_id: str, page: Sequence[Item]) -> Iterator[Item]:
    """The responses older than a page; a short page is the last one."""
    if len(page) == RESPONSES_PAGE:
        yield from _older(api, form_id, page[-1]["token"])


def _older(api: Api, form_id: str, before: str | None) -> Iterator[Item]:
    page = _page(api, form_id, before)["items"]
    while page:
        yield from page
        if len(page) < RESPONSES_PAGE:
            return
        page = _page(api, form_id, page[-1]["token"])["items"]


def _submitted_at(item: Item) -> datetime:
    return datetime.fromisoformat(item.get("submitted_at") or item["landed_at"])


def _day(item: Item) -> date:
    return _submitted_at(item).date()


def _days(start: date, end: date) -> list[date]:
    return [start + ONE_DAY * n for n in range((end - start).days + 1)]


def _form_rows(reading: Reading) -> Iterator[Sequence[Row]]:
    if reading.definition is not None:
        yield [
            {
                "id": reading.form["id"],
                "title": reading.form.get("title"),
                "definition": json.dumps(reading.definition, sort_keys=True),
                "created_at": reading.form.get("created_at"),
                "last_updated_at": reading.form["last_updated_at"],
            }
        ]


def _field_rows(reading: Reading) -> Iterator[Sequence[Row]]:
    if reading.definition is not None:
        fields = _flat(reading.definition.get("fields", ()))
        yield [
            {
                "form_id": reading.form["id"],
                "field_id": each["id"],
                "field_ref": each.get("ref"),
                "field_type": each.get("type"),
                "title": each.get("title"),
                "position": position,
            }
            for position, each in enumerate(fields, start=1)
        ]


def _flat(fields: Iterable[Item]) -> Iterator[Item]:
    """Questions in order, those inside a group included."""
    for each in fields:
        yield each
        yield from _flat(each.get("properties", {}).get("fields", ()))


def _gone(reading: Reading, **key: object) -> Iterator[Row]:
    """Rows that empty the days of a reading before its responses fill them."""
    for day in reading.days:
        # A token of its own, for dlt keeps one row a key before it looks at deletions.
        yield {
            "form_id": reading.form["id"],
            "submitted_date": day,
            "token": "",
            "is_deleted": True,
            **key,
        }


def _response_rows(reading: Reading) -> Iterator[Sequence[Row]]:
    if reading.items or reading.days:
        yield [
            *_gone(reading),
            *(_response_row(reading.form["id"], item) for item in reading.items),
        ]


def _response_row(form_id: str, item: Item) -> Row:
    return {
        "form_id": form_id,
        "submitted_date": _day(item),
        "token": item["token"],
        "response_id": item.get("response_id"),
        "response_type": item.get("response_type"),
        "landed_at": item.get("landed_at"),
        "submitted_at": item.get("submitted_at"),
        "hidden": json.dumps(item.get("hidden") or {}, sort_keys=True),
        "calculated_score": (item.get("calculated") or {}).get("score"),
        "metadata": json.dumps(item.get("metadata") or {}, sort_keys=True),
    }


def _answer_rows(reading: Reading) -> Iterator[Sequence[Row]]:
    if reading.items or reading.days:
        yield [
            *_gone(reading, position=0),
            *(row for item in reading.items for row in _answers(reading.form["id"], item)),
        ]


def _pseudonyms(known: Pseudonyms, reading: Reading) -> Iterator[Sequence[Row]]:
    """Of responses: a token is unique within its form only."""
    form_id = reading.form["id"]
    yield from known.rows(_key(form_id, item) for item in reading.items)


def _answers(form_id: str, item: Item) -> Iterator[Row]:
    for position, answer in enumerate(item.get("answers") or (), start=1):
        asked = answer.get("field", {})
        yield {
            "form_id": form_id,
            "submitted_date": _day(item),
            "token": item["token"],
            "position": position,
            "field_id": asked.get("id"),
            "field_ref": asked.get("ref"),
            "field_type": asked.get("type"),
            "answer_type": answer["type"],
            "value": _value(answer),
        }


def _value(answer: Item) -> str | None:
    """An answer as text, whatever its type."""
    value = answer.get(answer["type"])
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if answer["type"] == "choice":
        chosen = value.get("label") or value.get("other")
        return None if chosen is None else str(chosen)
    if answer["type"] == "choices":
        other = [value["other"]] if value.get("other") else []
        return ";".join([*value.get("labels", ()), *other])
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else str(value)


def _count_rows(reading: Reading, now: datetime, stopped: Sequence[str]) -> Iterator[Sequence[Row]]:
    if reading.total is not None and RESPONSES.name not in stopped:
        yield [
            {
                "table_name": "responses",
                "scope": reading.form["id"],
                "source_count": reading.total,
                "counted_at": now,
            }
        ]
