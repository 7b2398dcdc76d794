"""SurveyMonkey: surveys, their questions and choices, responses and answers, one row an answer.

A private app may ask 500 times a day. So one list says what changed, a survey costs one question a
night, and what a day leaves unread is read on the next (`ingestion.survey_progress`).

readings (what is new of one survey) → surveys, questions, choices, responses, answers,
survey_reads, source_counts. Try it alone: `python -m ingestion surveymonkey`.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import dlt
from dlt.extract import DltResource

from ingestion.budget import DayBudget, DayOverError
from ingestion.checking import can_be_checked
from ingestion.http import Api
from ingestion.privacy import Pseudonyms, erased_counts, pseudonyms
from ingestion.survey_progress import Progress, modified
from ingestion.tables import BIGINT, BOOL, TEXT, TIME, Row, Table, source_counts

SURVEYS = Table(
    "surveymonkey",
    "surveys",
    {"id": TEXT, "title": TEXT, "created_at": TIME, "modified_at": TIME},
    primary_key=("id",),
)
QUESTIONS = Table(
    "surveymonkey",
    "questions",
    {
        "survey_id": TEXT,
        "question_id": TEXT,
        "family": TEXT,
        "subtype": TEXT,
        "heading": TEXT,
        "position": BIGINT,
    },
    primary_key=("survey_id", "question_id"),
)
# Answers name what was chosen by its id alone.
CHOICES = Table(
    "surveymonkey",
    "choices",
    {
        "survey_id": TEXT,
        "question_id": TEXT,
        "choice_id": TEXT,
        "text": TEXT,
        "position": BIGINT,
        "weight": BIGINT,
    },
    primary_key=("survey_id", "question_id", "choice_id"),
)
RESPONSES = Table(
    "surveymonkey",
    "responses",
    {
        "survey_id": TEXT,
        "id": TEXT,
        "status": TEXT,
        "created_at": TIME,
        "modified_at": TIME,
        "collector_id": TEXT,
        "recipient_id": TEXT,
        "user_id": TEXT,
        "custom_variables": TEXT,
        "custom_value": TEXT,
        "email": TEXT,
        "first_name": TEXT,
        "last_name": TEXT,
        "ip_address": TEXT,
        "total_time": BIGINT,
        # The reading of the whole survey that brought the row; see survey_reads.
        "generation": BIGINT,
        "version": BIGINT,
    },
    primary_key=("survey_id", "id"),
    newest="version",
    personal=(
        *("id", "recipient_id", "user_id", "custom_variables", "custom_value"),
        *("email", "first_name", "last_name", "ip_address"),
    ),
)
ANSWERS = Table(
    "surveymonkey",
    "answers",
    {
        "survey_id": TEXT,
        "response_id": TEXT,
        "position": BIGINT,
        "question_id": TEXT,
        "choice_id": TEXT,
        "row_id": TEXT,
        "text": TEXT,
        # That of the response it belongs to: a load may bring a response twice.
        "version": BIGINT,
        "is_deleted": BOOL,
    },
    primary_key=("survey_id", "response_id", "position"),
    merge_key=("survey_id", "response_id"),
    newest="version",
    deleted_flag="is_deleted",
    personal=("response_id", "text"),
)
# SurveyMonkey does not list what was deleted. When its count says that something is gone, the whole
# survey is read again under the next number; what an older reading brought and this one did not is
# gone there. A number stands here when its reading is complete.
READS = Table(
    "surveymonkey",
    "survey_reads",
    {"survey_id": TEXT, "generation": BIGINT, "waits_since": TIME},
    primary_key=("survey_id",),
)
PSEUDONYMS = pseudonyms("surveymonkey")
ERASED = erased_counts("surveymonkey")
COUNTS = source_counts("surveymonkey")
TABLES = (SURVEYS, QUESTIONS, CHOICES, RESPONSES, ANSWERS, READS, PSEUDONYMS, ERASED, COUNTS)

SURVEYS_PAGE, RESPONSES_PAGE = 1000, 100
ONE_SECOND = timedelta(seconds=1)
# More seconds than have passed since 1970, until the year 2286.
ONE_READING = 10**10
# How many surveys that wait are named.
NAMED = 5

Item = dict[str, Any]


@dataclass(frozen=True)
class Reading:
    """What a load brings of one survey: its questions, some responses, or how far it was read."""

    survey: Item
    definition: Item | None = None
    items: Sequence[Item] = ()
    generation: int = 0
    # Keys of responses among them whose person was erased here.
    erased: Collection[str] = ()
    total: int | None = None
    progress: Row | None = None


@dlt.source(name="surveymonkey", section="surveymonkey", max_table_nesting=0)
def surveymonkey(
    host: str = "https://api.surveymonkey.com",
    access_token: str = dlt.secrets.value,
    requests_per_second: int = 2,
    # Below the 500 of a private app, so that somebody can still look something up.
    requests_per_day: int = 400,
    # The custom variable in which a survey's link carries the product's id of a person.
    user_variable: str = "user_id",
    stopped: Sequence[str] = (),
) -> Iterable[DltResource]:
    """Load every survey one SurveyMonkey token can see, but for the tables in `stopped`."""
    budget = DayBudget(requests_per_day, requests_per_second)
    scopes = "View Surveys and View Response Details"
    api = Api(
        *("surveymonkey", host, access_token, "access_token", scopes, budget),
        on_answer=budget.note,
    )
    can_be_checked(lambda: [_page(api, survey, per_page=1) for survey in _first_survey(api)])
    people, users = Pseudonyms("surveymonkey"), Pseudonyms("posthog")
    door = partial(_without_erased, people, users, user_variable)
    parent = dlt.resource(
        lambda: map(door, _readings(api, budget, people, stopped)), name="readings", selected=False
    )
    return (
        SURVEYS.transformer(parent, _survey_rows),
        QUESTIONS.transformer(parent, _question_rows),
        CHOICES.transformer(parent, _choice_rows),
        RESPONSES.transformer(parent, partial(_response_rows, user_variable)),
        ANSWERS.transformer(parent, _answer_rows),
        READS.transformer(parent, _read_rows),
        PSEUDONYMS.transformer(parent, partial(_pseudonyms, people)),
        ERASED.transformer(parent, lambda reading: iter([_erased_rows(people, reading)])),
        COUNTS.transformer(
            parent,
            lambda reading: (
                iter(()) if RESPONSES.name in stopped else _count_rows(reading, api.now)
            ),
        ),
    )


def _without_erased(
    people: Pseudonyms, users: Pseudonyms, user_variable: str, reading: Reading
) -> Reading:
    """The reading without responses of people who were erased here."""
    gone = {
        _key(item)
        for item in reading.items
        if people.erased([_key(item), (_contact(item, "email") or "").strip().lower()])
        or users.erased([_user(user_variable, item)])
    }
    kept = [item for item in reading.items if _key(item) not in gone]
    return replace(reading, items=kept, erased=gone)


def _key(item: Item) -> str:
    return f"{item['survey_id']}:{item['id']}"


def _user(user_variable: str, item: Item) -> str | None:
    user = (item.get("custom_variables") or {}).get(user_variable)
    return str(user) if user else None


def _contact(item: Item, name: str) -> str | None:
    """What is known of somebody to whom the tool itself wrote."""
    contact = (item.get("metadata") or {}).get("contact") or {}
    value = (contact.get(name) or {}).get("value")
    return str(value) if value else None


def _readings(
    api: Api, budget: DayBudget, people: Pseudonyms, stopped: Sequence[str]
) -> Iterator[Reading]:
    state = dlt.current.source_state()
    budget.keep(state.setdefault("spent", {}))
    surveys = state.setdefault("surveys", {})
    known = {key: Progress(people.of, **kept) for key, kept in surveys.items()}
    # All tables are read together: what was left out is read again with the rest.
    if any(table not in stopped for table in state.get("stopped", {})):
        for progress in known.values():
            progress.restart()
            progress.version = None
    state["waiting"] = None
    try:
        listed = list(_surveys(api))
    except DayOverError as over:
        state["waiting"] = f"surveymonkey: {over}; all surveys wait till tomorrow"
        return
    state["vendor_now"] = api.now.isoformat()
    waiting: list[str] = []
    for item in sorted(listed, key=lambda item: _urgency(item, known.get(item["id"]))):
        progress = known.setdefault(item["id"], Progress(people.of))
        try:
            yield from _read(api, item, progress)
        except DayOverError:
            progress.wait(api.now)
            waiting.append(str(item.get("title") or item["id"]))
        yield from _told(item, progress)
        surveys[item["id"]] = progress.kept()
    for key in known.keys() - {item["id"] for item in listed}:
        yield from _gone(key, known[key])
        surveys[key] = known[key].kept()
    if waiting:
        state["waiting"] = _sentence(budget, waiting, len(listed))


def _sentence(budget: DayBudget, waiting: list[str], count: int) -> str:
    named = ", ".join(repr(title) for title in waiting[:NAMED])
    more = f" and {len(waiting) - NAMED} more" if len(waiting) > NAMED else ""
    said = f"{len(waiting)} of {count} surveys wait till tomorrow: {named}{more}"
    return f"surveymonkey: {budget.over()}; {said}"


def _urgency(item: Item, progress: Progress | None) -> tuple[bool, str, str]:
    """Surveys with news first, and of those the ones not read for longest: none waits for ever."""
    is_quiet = progress is not None and progress.has_counted(item.get("response_count"))
    return is_quiet, progress.read_at if progress else "", item["id"]


def _first_survey(api: Api) -> list[Item]:
    items: list[Item] = api.get("/v3/surveys", {"page": 1, "per_page": 1})["data"]
    return items


def _surveys(api: Api) -> Iterator[Item]:
    number, more = 1, True
    included = "response_count,date_created,date_modified"
    while more:
        asked: dict[str, str | int] = {"page": number, "per_page": SURVEYS_PAGE}
        page = api.get("/v3/surveys", {**asked, "include": included})
        yield from page["data"]
        number, more = number + 1, "next" in page["links"]


def _read(api: Api, item: Item, progress: Progress) -> Iterator[Reading]:
    """What is new of one survey: one question on most nights, none if nothing can be new."""
    if progress.version != item["date_modified"]:
        yield Reading(item, definition=api.get(f"/v3/surveys/{item['id']}/details"))
        progress.version = item["date_modified"]
    if progress.is_settled(item.get("response_count"), api.now):
        yield Reading(item, total=progress.count)
        return
    while True:
        # The newest page has the number of all, so that rows and count cannot disagree.
        page = _page(api, item)
        while not _reaches_back(page, progress.reached):
            yield from _walk(api, item, progress)
            page = _page(api, item)
        yield from _taken(item, progress, page["data"])
        if progress.agrees_with(int(page["total"])):
            progress.finish(int(page["total"]), item.get("response_count"), api.now)
            yield Reading(item, total=progress.count)
            return
        # An answer was deleted or came in late, at a place that no filter names.
        progress.restart()


def _reaches_back(page: Item, bound: datetime | None) -> bool:
    """Whether a page of the newest changes goes back to one that was read."""
    if "next" not in page["links"] or not page["data"]:
        return True
    return bound is not None and modified(page["data"][-1]) <= bound


def _walk(api: Api, item: Item, progress: Progress) -> Iterator[Reading]:
    """Responses from where reading stopped on, in the order of their last change.

    Every page begins at the last change of the one before and not at its number: a response that is
    changed meanwhile moves to the end, and those behind it would move to a page already read.
    """
    since, number = progress.begin(), 1
    while True:
        # "After this date" may or may not mean the second itself.
        bound = {"start_modified_at": _text(since - ONE_SECOND)} if since else {}
        page = _page(api, item, sort_order="ASC", page=number, **bound)
        yield from _taken(item, progress, page["data"])
        if "next" not in page["links"]:
            return
        last = modified(page["data"][-1]) if page["data"] else since
        if last is not None and (since is None or last > since):
            since, number = last, 1
        else:
            number += 1


def _taken(item: Item, progress: Progress, items: Sequence[Item]) -> Iterator[Reading]:
    fresh = progress.take(items)
    if fresh:
        yield Reading(item, items=fresh, generation=progress.generation)


def _page(api: Api, item: Item, **asked: str | int) -> Item:
    usual: dict[str, str | int] = {"per_page": RESPONSES_PAGE, "sort_by": "date_modified"}
    parameters = {**usual, "sort_order": "DESC", **asked}
    return api.get(f"/v3/surveys/{item['id']}/responses/bulk", parameters)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def _told(item: Item, progress: Progress) -> Iterator[Reading]:
    """How far a survey was read, if that is news."""
    row = progress.told()
    if row is not None:
        yield Reading(item, progress={"survey_id": item["id"], **row})


def _gone(key: str, progress: Progress) -> Iterator[Reading]:
    """A survey that is no longer listed has no responses there either."""
    progress.close()
    yield from _told({"id": key}, progress)
    yield Reading({"id": key}, total=0)


def _survey_rows(reading: Reading) -> Iterator[Sequence[Row]]:
    if reading.definition is not None:
        yield [
            {
                "id": reading.survey["id"],
                "title": reading.definition["title"],
                "created_at": reading.survey.get("date_created"),
                "modified_at": reading.survey["date_modified"],
            }
        ]


def _asked(reading: Reading) -> list[Item]:
    """The questions of a survey in order."""
    pages = reading.definition["pages"] if reading.definition is not None else ()
    return [question for page in pages for question in page["questions"]]


def _question_rows(reading: Reading) -> Iterator[Sequence[Row]]:
    yield [
        {
            "survey_id": reading.survey["id"],
            "question_id": question["id"],
            "family": question.get("family"),
            "subtype": question.get("subtype"),
            "heading": next((each["heading"] for each in question.get("headings") or ()), None),
            "position": position,
        }
        for position, question in enumerate(_asked(reading), start=1)
    ]


def _choice_rows(reading: Reading) -> Iterator[Sequence[Row]]:
    yield [
        {
            "survey_id": reading.survey["id"],
            "question_id": question["id"],
            "choice_id": choice["id"],
            "text": choice.get("text"),
            "position": choice.get("position"),
            "weight": choice.get("weight"),
        }
        for question in _asked(reading)
        for choice in (question.get("answers") or {}).get("choices") or ()
    ]


def _response_rows(user_variable: str, reading: Reading) -> Iterator[Sequence[Row]]:
    yield [
        {
            "survey_id": item["survey_id"],
            "id": item["id"],
            "status": item["response_status"],
            "created_at": item["date_created"],
            "modified_at": item["date_modified"],
            "collector_id": item.get("collector_id"),
            "recipient_id": item.get("recipient_id") or None,
            "user_id": _user(user_variable, item),
            "custom_variables": json.dumps(item.get("custom_variables") or {}, sort_keys=True),
            "custom_value": item.get("custom_value") or None,
            "email": _contact(item, "email"),
            "first_name": _contact(item, "first_name"),
            "last_name": _contact(item, "last_name"),
            "ip_address": item.get("ip_address") or None,
            "total_time": item.get("total_time"),
            "generation": reading.generation,
            "version": _version(reading, item),
        }
        for item in reading.items
    ]


def _version(reading: Reading, item: Item) -> int:
    """Which of two rows of one response is the later: that of a later reading, then of a change."""
    return reading.generation * ONE_READING + int(modified(item).timestamp())


def _answer_rows(reading: Reading) -> Iterator[Sequence[Row]]:
    yield [row for item in reading.items for row in _answers(item, _version(reading, item))]


def _answers(item: Item, version: int) -> Iterator[Row]:
    key = {"survey_id": item["survey_id"], "response_id": item["id"], "version": version}
    # Whoever takes back all answers leaves no other row to replace them.
    yield {**key, "position": 0, "is_deleted": True}
    given = (
        (question["id"], answer)
        for page in item.get("pages") or ()
        for question in page.get("questions") or ()
        for answer in question.get("answers") or ()
    )
    for position, (question, answer) in enumerate(given, start=1):
        yield {
            **key,
            "position": position,
            "question_id": question,
            "choice_id": answer.get("choice_id"),
            "row_id": answer.get("row_id"),
            "text": answer.get("text"),
        }


def _read_rows(reading: Reading) -> Iterator[Sequence[Row]]:
    if reading.progress is not None:
        yield [reading.progress]


def _pseudonyms(known: Pseudonyms, reading: Reading) -> Iterator[Sequence[Row]]:
    yield from known.rows(map(_key, reading.items))


def _erased_rows(people: Pseudonyms, reading: Reading) -> Sequence[Row]:
    return [
        {
            "table_name": "responses",
            "scope": reading.survey["id"],
            "part": people.of(key),
            "row_count": 1,
        }
        for key in sorted(reading.erased)
    ]


def _count_rows(reading: Reading, now: datetime) -> Iterator[Sequence[Row]]:
    if reading.total is not None:
        yield [
            {
                "table_name": "responses",
                "scope": reading.survey["id"],
                "source_count": reading.total,
                "counted_at": now,
            }
        ]
