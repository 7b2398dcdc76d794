"""A company folder, read once: the tables the vendors serve and the clock they start from."""

import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from simulator import events
from simulator.crm import Associations, Records
from simulator.shipping import CODE_ISSUES, DEPLOYS, PULLS, RELEASES
from simulator.tables import (
    TIME,
    CompanyError,
    Shape,
    Span,
    micros,
    moment,
    parse_time,
    read,
)

TEXT, INTEGER, FLAG, NUMBER = pa.string(), pa.int64(), pa.bool_(), pa.float64()
OBJECT_TYPES = ("contacts", "companies", "deals")

PERSONS = Shape(
    "posthog/persons",
    {
        "distinct_id": TEXT,
        "person_id": TEXT,
        "properties": TEXT,
        "person_distinct_id_version": INTEGER,
        "person_version": INTEGER,
        "created_at": TIME,
        "inserted_at": TIME,
        "is_deleted": FLAG,
    },
    ("distinct_id", "person_id"),
)
DEFINITION = {
    "id": TEXT,
    "name": TEXT,
    "created_at": TIME,
    "updated_at": TIME,
    "definition": TEXT,
}
SURVEYS = Shape("posthog/surveys", DEFINITION, ("id",))
FLAGS = Shape("posthog/feature_flags", DEFINITION, ("id",))
RECORD = {
    "id": TEXT,
    "created_at": TIME,
    "updated_at": TIME,
    "archived_at": TIME,
    "merged_into": TEXT,
    "merged_at": TIME,
}
OWNERS = Shape(
    "hubspot/owners",
    {
        "id": TEXT,
        "email": TEXT,
        "first_name": TEXT,
        "last_name": TEXT,
        "user_id": INTEGER,
        "created_at": TIME,
        "updated_at": TIME,
        "archived_at": TIME,
    },
    ("id",),
)
STAGES = Shape(
    "hubspot/pipeline_stages",
    {
        "object_type": TEXT,
        "pipeline_id": TEXT,
        "pipeline_label": TEXT,
        "stage_id": TEXT,
        "stage_label": TEXT,
        "display_order": INTEGER,
        "probability": TEXT,
        "is_closed": FLAG,
        "created_at": TIME,
    },
    ("pipeline_id", "stage_id"),
)
ASSOCIATIONS = Shape(
    "hubspot/associations",
    {
        "from_type": TEXT,
        "from_id": TEXT,
        "to_type": TEXT,
        "to_id": TEXT,
        "type_id": INTEGER,
        "label": TEXT,
        "created_at": TIME,
        "removed_at": TIME,
    },
    ("from_type", "from_id", "to_type", "to_id"),
)
PROPERTIES = Shape(
    "hubspot/properties",
    {
        "object_type": TEXT,
        "name": TEXT,
        "label": TEXT,
        "type": TEXT,
        "field_type": TEXT,
        "created_at": TIME,
    },
    ("object_type", "name"),
)
FORMS = Shape(
    "typeform/forms",
    {
        "id": TEXT,
        "title": TEXT,
        "created_at": TIME,
        "last_updated_at": TIME,
        "definition": TEXT,
    },
    ("id",),
)
RESPONSES = Shape(
    "typeform/responses",
    {
        "form_id": TEXT,
        "token": TEXT,
        "response_id": TEXT,
        "landed_at": TIME,
        "submitted_at": TIME,
        "arrived_at": TIME,
        "deleted_at": TIME,
        "response_type": TEXT,
        "hidden": TEXT,
        "answers": TEXT,
        "calculated_score": NUMBER,
    },
    ("form_id", "token"),
)
MONKEY_SURVEYS = Shape(
    "surveymonkey/surveys",
    {
        "id": TEXT,
        "title": TEXT,
        "created_at": TIME,
        "modified_at": TIME,
        "deleted_at": TIME,
        "definition": TEXT,
    },
    ("id", "created_at"),
)
MONKEY_RESPONSES = Shape(
    "surveymonkey/responses",
    {
        "survey_id": TEXT,
        "id": TEXT,
        "status": TEXT,
        "created_at": TIME,
        "modified_at": TIME,
        "arrived_at": TIME,
        "deleted_at": TIME,
        "collector_id": TEXT,
        "recipient_id": TEXT,
        "total_time": INTEGER,
        "ip_address": TEXT,
        "email": TEXT,
        "first_name": TEXT,
        "last_name": TEXT,
        "custom_variables": TEXT,
        "pages": TEXT,
    },
    ("survey_id", "id", "created_at"),
)
COMPLETION = ("completed", "partial", "overquota", "disqualified")

SPEND = Shape(
    "business/marketing_spend",
    {"month": TIME, "channel": TEXT, "campaign": TEXT, "amount_usd": TEXT, "recorded_at": TIME},
    ("month", "channel", "amount_usd"),
)
ACCOUNTS = Shape(
    "business/accounts",
    {
        "account_id": TEXT,
        "name": TEXT,
        "domain": TEXT,
        "billing_email": TEXT,
        "closed_at": TIME,
    },
    ("account_id",),
)
SUBSCRIPTIONS = Shape(
    "business/subscriptions",
    {
        "subscription_id": TEXT,
        "account_id": TEXT,
        "plan": TEXT,
        "seats": INTEGER,
        "unit_price": TEXT,
        "currency": TEXT,
        "interval": TEXT,
        "started_at": TIME,
        "ended_at": TIME,
    },
    ("subscription_id", "account_id", "seats", "unit_price", "started_at"),
)
INVOICES = Shape(
    "business/invoices",
    {
        "invoice_id": TEXT,
        "account_id": TEXT,
        "subscription_id": TEXT,
        "issued_at": TIME,
        "period_start": TIME,
        "period_end": TIME,
        "amount": TEXT,
        "currency": TEXT,
        "status": TEXT,
        "paid_at": TIME,
    },
    ("invoice_id", "account_id", "issued_at", "amount"),
)
CREDIT_NOTES = Shape(
    "business/credit_notes",
    {
        "credit_note_id": TEXT,
        "invoice_id": TEXT,
        "amount": TEXT,
        "reason": TEXT,
        "issued_at": TIME,
    },
    ("credit_note_id", "invoice_id", "amount", "issued_at"),
)
PEOPLE = Shape(
    "business/people",
    {
        "user_id": TEXT,
        "account_id": TEXT,
        "email": TEXT,
        "full_name": TEXT,
        "deleted_at": TIME,
    },
    ("user_id",),
)
FEEDBACK = Shape(
    "business/feedback",
    {
        "feedback_id": TEXT,
        "account_id": TEXT,
        "user_id": TEXT,
        "email": TEXT,
        "full_name": TEXT,
        "channel": TEXT,
        "created_at": TIME,
        "subject": TEXT,
        "text": TEXT,
        "priority": TEXT,
        "tags": TEXT,
        "replied_at": TIME,
        "solved_at": TIME,
        "rating": INTEGER,
        "rating_comment": TEXT,
        "rated_at": TIME,
        "told_at": TIME,
        "deleted_at": TIME,
    },
    ("feedback_id", "channel", "created_at", "text"),
)
# What sales and the community hear is kept as an account's request.
NEEDS = ("sales_call", "community")
PRIORITIES = ("low", "normal", "high", "urgent")
FEEDBACK_LINKS = Shape(
    "business/feedback_links",
    {
        "feedback_id": TEXT,
        "issue_id": TEXT,
        "project_id": TEXT,
        "is_important": FLAG,
        "linked_at": TIME,
    },
    ("feedback_id",),
)
WORK = {
    "priority": INTEGER,
    "created_at": TIME,
    "started_at": TIME,
    "completed_at": TIME,
    "canceled_at": TIME,
    "archived_at": TIME,
    "trashed_at": TIME,
}
PROJECTS = Shape(
    "business/projects",
    {"project_id": TEXT, "name": TEXT, "description": TEXT, "target_at": TIME, **WORK},
    ("project_id", "name", "created_at"),
)
ISSUES = Shape(
    "business/issues",
    {
        "issue_id": TEXT,
        "title": TEXT,
        "team": TEXT,
        "project_id": TEXT,
        "estimate": NUMBER,
        **WORK,
    },
    ("issue_id", "title", "created_at"),
)
PANEL = Shape(
    "business/research_panel",
    {
        "panelist_id": TEXT,
        "user_id": TEXT,
        "email": TEXT,
        "joined_at": TIME,
        "consented": FLAG,
        "withdrawn_at": TIME,
    },
    ("panelist_id",),
)
RESEARCH_CONTACTS = Shape(
    "business/research_contacts",
    {
        "contact_id": TEXT,
        "panelist_id": TEXT,
        "study_id": TEXT,
        "channel": TEXT,
        "contacted_at": TIME,
    },
    ("contact_id", "panelist_id", "contacted_at"),
)
RESEARCH_NOTES = Shape(
    "business/research_notes",
    {
        "note_id": TEXT,
        "panelist_id": TEXT,
        "study_id": TEXT,
        "text": TEXT,
        "noted_at": TIME,
    },
    ("note_id", "panelist_id", "text", "noted_at"),
)
STUDIES = Shape(
    "business/studies",
    {"study_id": TEXT, "name": TEXT, "method": TEXT, "started_at": TIME},
    ("study_id",),
)
USABILITY = Shape(
    "business/usability_results",
    {
        "programme": TEXT,
        "round": INTEGER,
        "participant_id": TEXT,
        "task": TEXT,
        "success": FLAG,
        "seconds": INTEGER,
        "held_at": TIME,
    },
    ("programme", "round", "participant_id", "task"),
)
MONTH = timedelta(days=30)
# Whose times tell how long the company's history is.
SPANNING = (
    *(PERSONS, SURVEYS, FLAGS, OWNERS, STAGES, ASSOCIATIONS, PROPERTIES, FORMS),
    MONKEY_SURVEYS,
)


@dataclass(frozen=True)
class Company:
    """Everything the vendors know, with the times at which they came to know it."""

    name: str
    now: datetime
    window_start: int
    events: events.EventLog
    persons: pa.Table
    surveys: list[dict[str, Any]]
    feature_flags: list[dict[str, Any]]
    records: Mapping[str, Records]
    associations: Associations
    owners: list[dict[str, Any]]
    stages: list[dict[str, Any]]
    properties: list[dict[str, Any]]
    forms: list[dict[str, Any]]
    responses: list[dict[str, Any]]
    monkey_surveys: list[dict[str, Any]]
    monkey_responses: list[dict[str, Any]]
    spend: list[dict[str, Any]]
    accounts: list[dict[str, Any]]
    subscriptions: list[dict[str, Any]]
    invoices: list[dict[str, Any]]
    credit_notes: list[dict[str, Any]]
    people: list[dict[str, Any]]
    feedback: list[dict[str, Any]]
    feedback_links: list[dict[str, Any]]
    projects: list[dict[str, Any]]
    issues: list[dict[str, Any]]
    releases: list[dict[str, Any]]
    deploys: list[dict[str, Any]]
    pulls: list[dict[str, Any]]
    code_issues: list[dict[str, Any]]
    panel: list[dict[str, Any]]
    research_contacts: list[dict[str, Any]]
    research_notes: list[dict[str, Any]]
    studies: list[dict[str, Any]]
    usability_results: list[dict[str, Any]]


def cache_folder() -> Path:
    """Where converted copies of foreign files go; never into the folder they came from."""
    return Path(os.environ.get("PRODUCTOPS_DATA", "data")) / "simulator" / "imports"


def open_company(folder: Path, cache: Path | None = None) -> Company:
    """Read a company folder, or say in one line which cell of which file is wrong."""
    about = _about(folder)
    span = Span()
    window_start = _time(about, "window_start")
    log = events.open_log(folder, cache or cache_folder())
    start = micros(window_start) if window_start else log.earliest or 0
    span.widen(log.latest)
    tables = {shape.name: read(folder, shape, span) for shape in SPANNING}
    responses = read(folder, RESPONSES, span)
    monkey_responses = read(folder, MONKEY_RESPONSES, span)
    records = {kind: _records(folder, kind, start, span) for kind in OBJECT_TYPES}
    now = _time(about, "now") or moment(span.latest or start) + timedelta(hours=1)
    return Company(
        name=str(about.get("name", folder.name)),
        now=now,
        window_start=start,
        events=log,
        persons=_persons(tables[PERSONS.name], start),
        surveys=_definitions(tables[SURVEYS.name], SURVEYS.name),
        feature_flags=_definitions(tables[FLAGS.name], FLAGS.name),
        records=records,
        associations=Associations(tables[ASSOCIATIONS.name], records),
        owners=tables[OWNERS.name].to_pylist(),
        stages=tables[STAGES.name].to_pylist(),
        properties=tables[PROPERTIES.name].to_pylist(),
        forms=_definitions(tables[FORMS.name], FORMS.name),
        responses=_responses(responses),
        monkey_surveys=_definitions(tables[MONKEY_SURVEYS.name], MONKEY_SURVEYS.name),
        monkey_responses=_monkey_responses(monkey_responses),
        spend=_spend(read(folder, SPEND)),
        accounts=read(folder, ACCOUNTS).to_pylist(),
        subscriptions=_billed(folder, SUBSCRIPTIONS, "unit_price"),
        invoices=_billed(folder, INVOICES, "amount"),
        credit_notes=_billed(folder, CREDIT_NOTES, "amount"),
        people=read(folder, PEOPLE).to_pylist(),
        feedback=_feedback(read(folder, FEEDBACK)),
        feedback_links=read(folder, FEEDBACK_LINKS).to_pylist(),
        projects=_work(folder, PROJECTS),
        issues=_work(folder, ISSUES),
        releases=read(folder, RELEASES).to_pylist(),
        deploys=read(folder, DEPLOYS).to_pylist(),
        pulls=read(folder, PULLS).to_pylist(),
        code_issues=read(folder, CODE_ISSUES).to_pylist(),
        panel=read(folder, PANEL).to_pylist(),
        research_contacts=read(folder, RESEARCH_CONTACTS).to_pylist(),
        research_notes=read(folder, RESEARCH_NOTES).to_pylist(),
        studies=read(folder, STUDIES).to_pylist(),
        usability_results=read(folder, USABILITY).to_pylist(),
    )


def _about(folder: Path) -> dict[str, Any]:
    path = folder / "company.json"
    if not folder.is_dir():
        raise CompanyError(f"{folder}: no such folder; give --company a folder with company.json")
    if not path.is_file():
        raise CompanyError(f'{path}: missing; write one, {{"name": "Our company"}} is enough')
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise CompanyError(f"{path}: not readable as JSON ({error}); correct it") from error
    if not isinstance(about, dict):
        raise CompanyError(f'{path}: {about!r} is not an object; write {{"name": "Our company"}}')
    return about


def _time(about: dict[str, Any], key: str) -> datetime | None:
    value = about.get(key)
    try:
        return None if value is None else parse_time(str(value))
    except ValueError as error:
        raise CompanyError(
            f"company.json: {key!r}: {value!r} is not a time; write 2026-06-30T12:00:00Z"
        ) from error


def _records(folder: Path, kind: str, start: int, span: Span) -> Records:
    shape = Shape(f"hubspot/{kind}", RECORD, ("id",), keeps_extra=True)
    return Records(kind, read(folder, shape, span), start)


def _persons(table: pa.Table, start: int) -> pa.Table:
    """The log of persons, oldest arrival first."""
    arrived = pc.coalesce(table["inserted_at"], table["created_at"], pa.scalar(moment(start), TIME))
    filled = {
        "properties": pc.fill_null(table["properties"], "{}"),
        "person_distinct_id_version": pc.fill_null(table["person_distinct_id_version"], 0),
        "person_version": pc.fill_null(table["person_version"], 0),
        "created_at": pc.coalesce(table["created_at"], arrived),
        "inserted_at": arrived,
        "is_deleted": pc.fill_null(table["is_deleted"], False),
    }
    whole = {name: filled.get(name, table[name]) for name in PERSONS.columns}
    return pa.table(whole).sort_by("inserted_at")


def _definitions(table: pa.Table, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.to_pylist()
    for index, row in enumerate(rows):
        row["definition"] = _json(row["definition"], name, "definition", index, dict)
    return rows


def _responses(table: pa.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.to_pylist()
    for index, row in enumerate(rows):
        row["hidden"] = _json(row["hidden"], RESPONSES.name, "hidden", index, dict)
        row["answers"] = _json(row["answers"], RESPONSES.name, "answers", index, list)
    return rows


def _monkey_responses(table: pa.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.to_pylist()
    name = MONKEY_RESPONSES.name
    for index, row in enumerate(rows):
        row["status"] = row["status"] or "completed"
        if row["status"] not in COMPLETION:
            remedy = "write " + _or(COMPLETION)
            raise _wrong(MONKEY_RESPONSES, "status", index, row["status"], remedy)
        variables = row["custom_variables"]
        row["custom_variables"] = _json(variables, name, "custom_variables", index, dict)
        row["pages"] = _json(row["pages"], name, "pages", index, list)
    return rows


def _spend(table: pa.Table) -> list[dict[str, Any]]:
    """Bookings with exact amounts; one without a time was made on the first of its month."""
    rows: list[dict[str, Any]] = table.to_pylist()
    for index, row in enumerate(rows):
        row["amount_usd"] = _money(row["amount_usd"], SPEND, "amount_usd", index)
        row["recorded_at"] = row["recorded_at"] or row["month"]
        row["month"] = row["month"].date().replace(day=1)
    return rows


def _billed(folder: Path, shape: Shape, amount: str) -> list[dict[str, Any]]:
    """Rows of billing with their amounts in cents and what they leave out filled in."""
    rows: list[dict[str, Any]] = read(folder, shape).to_pylist()
    for index, row in enumerate(rows):
        row[amount] = int(_money(row[amount], shape, amount, index) * 100)
        row["currency"] = (row.get("currency") or "usd").lower()
        if shape is SUBSCRIPTIONS:
            row |= {"plan": row["plan"] or "standard", "interval": row["interval"] or "month"}
        if shape is INVOICES:
            row["status"] = row["status"] or "paid"
            row["period_start"] = row["period_start"] or row["issued_at"]
            row["period_end"] = row["period_end"] or row["period_start"] + MONTH
    return rows


def _feedback(table: pa.Table) -> list[dict[str, Any]]:
    """What customers said; who rated without a time did so when it was solved."""
    rows: list[dict[str, Any]] = table.to_pylist()
    for index, row in enumerate(rows):
        if row["priority"] not in (None, *PRIORITIES):
            raise _wrong(FEEDBACK, "priority", index, row["priority"], "write " + _or(PRIORITIES))
        if row["rating"] is not None and not 1 <= row["rating"] <= 5:
            raise _wrong(FEEDBACK, "rating", index, row["rating"], "write a number from 1 to 5")
        if row["channel"] in NEEDS and row["account_id"] is None:
            raise _wrong(FEEDBACK, "account_id", index, None, "write whose request it is")
        row["rated_at"] = row["rated_at"] or row["solved_at"] or row["created_at"]
    return rows


def _or(texts: tuple[str, ...]) -> str:
    return f"{', '.join(texts[:-1])} or {texts[-1]}"


def _wrong(shape: Shape, column: str, index: int, value: object, remedy: str) -> CompanyError:
    return CompanyError(f"{shape.name}: column {column!r}, row {index + 1}: {value!r}; {remedy}")


def _work(folder: Path, shape: Shape) -> list[dict[str, Any]]:
    """Issues or projects, with what they leave out filled in."""
    rows: list[dict[str, Any]] = read(folder, shape).to_pylist()
    for index, row in enumerate(rows):
        row["priority"] = row["priority"] or 0
        if not 0 <= row["priority"] <= 4:
            raise CompanyError(
                f"{shape.name}: column 'priority', row {index + 1}: {row['priority']};"
                " write 0 (none), 1 (urgent), 2, 3 or 4 (low)"
            )
        if shape is ISSUES:
            row["team"] = row["team"] or "ENG"
    return rows


def identifiers(company: Company) -> dict[str, str]:
    """What the issue tracker calls each issue: its team's key and a number, the oldest first."""
    numbers: Counter[str] = Counter()
    found: dict[str, str] = {}
    for row in sorted(company.issues, key=lambda each: (each["created_at"], each["issue_id"])):
        numbers[row["team"]] += 1
        found[row["issue_id"]] = f"{row['team']}-{numbers[row['team']]}"
    return found


def crm_ids(company: Company) -> dict[str, str]:
    """The oldest CRM company of each domain, which is the one that somebody once copied."""
    records = company.records["companies"]
    if "domain" not in records.property_names:
        return {}
    view = records.view(micros(company.now))
    found: dict[str, str] = {}
    for code, domain in zip(view.codes.tolist(), records.column(view, "domain"), strict=True):
        if domain:
            found.setdefault(domain, records.ids[code])
    return found


def _money(text: str, shape: Shape, column: str, index: int) -> Decimal:
    try:
        return Decimal(text).quantize(Decimal("0.01"))
    except InvalidOperation as error:
        raise _wrong(shape, column, index, text, "write a number") from error


def _json(text: str | None, name: str, column: str, index: int, kind: type) -> Any:
    # JSON is whatever its writer meant: only its outermost type is ours to check.
    try:
        found = kind() if text is None else json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, kind):
        raise CompanyError(
            f"{name}: column {column!r}, row {index + 1}: {str(text)[:80]!r};"
            f" write a JSON {'object' if kind is dict else 'list'}"
        )
    return found
