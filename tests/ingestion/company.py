"""Small companies written by hand, and the vendors that serve them."""

import json
import shutil
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion import SOURCES
from ingestion.pipeline import LoadReport, data_dir, extract, load, warehouse_path

NOW = datetime(2026, 6, 30, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)

Rows = list[dict[str, Any]]


@dataclass
class Company:
    """The tables of a company folder, to be changed by a test before they are served."""

    folder: Path
    tables: dict[str, Rows] = field(default_factory=dict)

    def write(self) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        about = {
            "name": "Handmade",
            "seed": 1,
            "size": "hand",
            "timezone": "UTC",
            "window_start": (NOW - 60 * DAY).isoformat(),
            "window_end": (NOW + 60 * DAY).isoformat(),
            "now": NOW.isoformat(),
        }
        (self.folder / "company.json").write_text(json.dumps(about))
        for name, rows in self.tables.items():
            if rows:
                path = self.folder / f"{name}.parquet"
                path.parent.mkdir(exist_ok=True)
                pq.write_table(pa.Table.from_pylist(_padded(rows)), path)
        return self.folder


def _padded(rows: Rows) -> Rows:
    """Rows with every column, for Arrow takes the columns of the first."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name) for name in names} for row in rows]


@dataclass(frozen=True)
class Vendors:
    """The vendors of a company on localhost, with the simulator's controls."""

    url: str

    def control(self, path: str, method: str = "GET", body: object = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}/__sim/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as response:
            text = response.read()
        return json.loads(text) if text else None

    def at(self, moment: datetime) -> None:
        self.control("clock", "POST", {"now": moment.isoformat()})

    def break_with(self, **fault: Any) -> None:
        self.control("faults", "POST", [fault])

    def mend(self) -> None:
        self.control("faults", "DELETE")

    def forget_requests(self) -> None:
        self.control("requests", "DELETE")

    def request_count(self) -> int:
        return int(self.control("requests")["total"])


def load_now(*sources: str) -> dict[str, LoadReport]:
    return {name: load(extract(name)) for name in sources or SOURCES}


def start_over() -> None:
    """Forget everything loaded, but not what the vendors keep beside it."""
    for name in ("dlt", "warehouse"):
        shutil.rmtree(data_dir() / name)


def query(sql: str) -> list[tuple]:
    with duckdb.connect(str(warehouse_path()), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.execute(sql).fetchall()


def contents(*sources: str) -> dict[str, list[str]]:
    """Every row of every raw table, but for when the vendor was asked."""
    said = "columns(c -> c not in ('_dlt_load_id', 'listed_at'))"
    held = {}
    for name in sources or SOURCES:
        for table in SOURCES[name].tables:
            if table.name not in ("source_counts", "exports"):
                rows = query(f"select {said} from {name}.{table.name}")
                held[f"{name}.{table.name}"] = sorted(map(str, rows))
    return held


def handmade(folder: Path) -> Company:
    """Forty days of a company of twenty people, known to all vendors."""
    days = [NOW - n * DAY - HOUR for n in range(40, 0, -1)]
    events = [
        {
            "uuid": f"00000000-0000-4000-8000-{number:012d}",
            "distinct_id": f"user_{number % 20:06d}",
            "event": "task_completed",
            "timestamp": at,
            "inserted_at": at + timedelta(minutes=1),
            "properties": json.dumps({"number": number}),
        }
        for number, at in enumerate(at for at in days for _ in range(5))
    ]
    persons = [
        {
            "distinct_id": f"user_{number:06d}",
            "person_id": f"person_{number:06d}",
            "properties": json.dumps({"email": f"p{number}@word1.example"}),
            "person_distinct_id_version": 0,
            "person_version": 0,
            "created_at": days[0],
            "inserted_at": days[0],
            "is_deleted": False,
        }
        for number in range(20)
    ]
    surveys = [
        {"id": f"survey-{n}", "name": f"Survey {n}", "created_at": days[0], "definition": "{}"}
        for n in range(3)
    ]
    contacts = [
        {
            "id": str(100 + n),
            "email": f"p{n}@word1.example",
            "created_at": days[0],
            "updated_at": days[n],
        }
        for n in range(20)
    ]
    companies = [
        {"id": str(500 + n), "name": f"Word {n}", "created_at": days[0], "updated_at": days[n]}
        for n in range(5)
    ]
    deals = [
        {
            "id": str(900 + n),
            "dealname": f"Deal {n}",
            "dealstage": stage,
            "pipeline": "default",
            "amount": str(1000 * (n + 1)),
            "created_at": days[n],
            "updated_at": days[n + later],
        }
        for n in range(6)
        for stage, later in (("appointmentscheduled", 0), ("qualifiedtobuy", 5))
    ]
    associations = [
        {
            "from_type": kind,
            "from_id": from_id,
            "to_type": "companies",
            "to_id": str(500 + n % 5),
            "type_id": "5",
            "created_at": days[0],
        }
        for kind, ids in (
            ("contacts", [c["id"] for c in contacts[:15]]),
            ("deals", [str(900 + n) for n in range(6)]),
        )
        for n, from_id in enumerate(ids)
    ]
    definition = {
        "id": "npsFrm01",
        "title": "NPS",
        "fields": [
            {"id": "f1", "ref": "nps_score", "type": "opinion_scale", "title": "Score?"},
            {"id": "f2", "ref": "nps_reason", "type": "long_text", "title": "Why?"},
        ],
    }
    forms = [
        {
            "id": "npsFrm01",
            "title": "NPS",
            "created_at": days[0],
            "last_updated_at": days[0],
            "definition": json.dumps(definition),
        }
    ]
    responses = [response(number, at) for number, at in enumerate(days)]
    subscriptions = [
        {
            "subscription_id": f"sub_{n}",
            "account_id": f"acct_{n}",
            "seats": n + 1,
            "unit_price": "55.00",
            "started_at": days[n],
        }
        for n in range(3)
    ]
    invoices = [
        {
            "invoice_id": f"in_{n}",
            "account_id": f"acct_{n}",
            "issued_at": days[n],
            "amount": f"{55 * (n + 1)}.00",
        }
        for n in range(3)
    ]
    feedback = [said(number, at) for number, at in enumerate(days)]
    people = [
        {
            "user_id": f"user_{n:06d}",
            "account_id": f"acct_{n % 3}",
            "email": f"p{n}@word1.example",
            "full_name": f"Pat Number{n}",
        }
        for n in range(20)
    ]
    feedback += [
        {
            "feedback_id": f"wish_{n}",
            "account_id": f"acct_{n % 3}",
            "channel": ("sales_call", "community")[n % 2],
            "created_at": days[n],
            "text": f"Wish {n}",
        }
        for n in range(6)
    ]
    issues = [
        {
            "issue_id": f"issue_{n}",
            "title": f"Work {n}",
            "created_at": days[n],
            "started_at": days[n + 2],
            "completed_at": days[n + 4],
        }
        for n in range(6)
    ]
    panel = [
        {
            "panelist_id": f"panel_{n:03d}",
            "user_id": f"user_{n:06d}",
            "email": f"p{n}@word1.example",
            "joined_at": days[n],
            "consented": True,
        }
        for n in range(4)
    ]
    asked = [
        {
            "contact_id": f"contact_{n}",
            "panelist_id": f"panel_{n % 4:03d}",
            "study_id": "study_1",
            "channel": "interview",
            "contacted_at": days[10 + n],
        }
        for n in range(8)
    ]
    tables = {
        "business/people": people,
        "business/research_panel": panel,
        "business/research_contacts": asked,
        "business/feedback": feedback,
        "business/issues": issues,
        "business/subscriptions": subscriptions,
        "business/invoices": invoices,
        "posthog/events": events,
        "posthog/persons": persons,
        "posthog/surveys": surveys,
        "hubspot/contacts": contacts,
        "hubspot/companies": companies,
        "hubspot/deals": deals,
        "hubspot/associations": associations,
        "typeform/forms": forms,
        "typeform/responses": responses,
        "surveymonkey/surveys": [monkey_survey("901", days[0]), monkey_survey("902", days[0])],
        "surveymonkey/responses": [monkey_response(n, at) for n, at in enumerate(days)],
        "business/releases": [
            {"release": f"R-{n}", "released_at": at} for n, at in enumerate(days[::10])
        ],
        "business/deploys": [
            {"deploy_id": f"deploy_{n:02d}", "deployed_at": at} for n, at in enumerate(days)
        ],
        "business/pulls": [pull(n, at - HOUR) for n, at in enumerate(days)],
        "business/code_issues": [code_issue(n, at + HOUR) for n, at in enumerate(days[::8])],
    }
    return Company(folder, tables)


def pull(number: int, merged: datetime, **others: Any) -> dict[str, Any]:
    return {
        "pull_id": f"pull_{number:05d}",
        "title": f"Change {number}",
        "author": "ada",
        "deploy_id": f"deploy_{number:02d}",
        "created_at": merged - 2 * DAY,
        "merged_at": merged,
    } | others


def code_issue(number: int, at: datetime, **others: Any) -> dict[str, Any]:
    return {
        "code_issue_id": f"code_{number:05d}",
        "title": f"Broken {number}",
        "labels": "ops;Incident",
        "deploy_id": f"deploy_{8 * number:02d}",
        "created_at": at,
        "closed_at": at + HOUR,
    } | others


def response(number: int, at: datetime, **others: Any) -> dict[str, Any]:
    answers = [
        {
            "field": {"id": "f1", "ref": "nps_score", "type": "opinion_scale"},
            "type": "number",
            "number": number % 11,
        },
        {
            "field": {"id": "f2", "ref": "nps_reason", "type": "long_text"},
            "type": "text",
            "text": f"Reason {number}",
        },
    ]
    return {
        "form_id": "npsFrm01",
        "token": f"token{number:06d}",
        "landed_at": at - timedelta(minutes=2),
        "submitted_at": at,
        "arrived_at": at,
        "response_type": "completed",
        "hidden": json.dumps({"user_id": f"user_{number % 20:06d}"}),
        "answers": json.dumps(answers),
    } | others


def monkey_survey(survey_id: str, at: datetime, **others: Any) -> dict[str, Any]:
    choices = [{"id": f"{survey_id}1{n}", "position": n, "text": f"Text {n}"} for n in range(5)]
    asked = [
        {
            "id": f"{survey_id}1",
            "family": "single_choice",
            "subtype": "vertical",
            "headings": [{"heading": "Satisfied?"}],
            "answers": {"choices": choices},
        },
        {
            "id": f"{survey_id}2",
            "family": "open_ended",
            "subtype": "essay",
            "headings": [{"heading": "Why?"}],
        },
    ]
    return {
        "id": survey_id,
        "title": f"Survey {survey_id}",
        "created_at": at,
        "modified_at": at,
        "deleted_at": None,
        "definition": json.dumps({"pages": [{"id": "1", "questions": asked}]}),
    } | others


def monkey_response(number: int, at: datetime, **others: Any) -> dict[str, Any]:
    survey_id = others.get("survey_id", "901")
    answers = [
        {"id": f"{survey_id}1", "answers": [{"choice_id": f"{survey_id}1{number % 5}"}]},
        {"id": f"{survey_id}2", "answers": [{"text": f"Reason {number}"}]},
    ]
    return {
        "survey_id": survey_id,
        "id": f"{5_000_000 + number}",
        "status": "completed",
        "created_at": at,
        "modified_at": at,
        "arrived_at": at,
        "deleted_at": None,
        "total_time": 60,
        "ip_address": "192.0.2.1",
        "email": f"p{number % 20}@word1.example" if number % 3 else None,
        "custom_variables": json.dumps({"user_id": f"user_{number % 20:06d}"}),
        "pages": json.dumps([{"id": "1", "questions": answers}]),
    } | others


def said(number: int, at: datetime, **others: Any) -> dict[str, Any]:
    """What somebody wrote to support or into the product; every third is rated two days later."""
    return {
        "feedback_id": f"fb_{number}",
        "account_id": f"acct_{number % 3}",
        "user_id": f"user_{number % 20:06d}",
        "channel": "in_app" if number % 2 else "support",
        "created_at": at,
        "text": f"Question {number}",
        "replied_at": at + HOUR,
        "solved_at": at + 6 * HOUR,
        "rating": None if number % 3 else 1 + number % 5,
        "rating_comment": None if number % 3 else f"Comment {number}",
        "rated_at": at + 2 * DAY,
    } | others
