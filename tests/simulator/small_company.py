"""A company of a few rows, each there for a reason that a test names."""

import csv
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

NOW = datetime(2026, 6, 30, 12, 0, tzinfo=UTC)
POSTHOG = {"Authorization": "Bearer phx_demo"}
JUNE = "2026-06-{:02d}T12:00:00Z"
HUBSPOT = {"Authorization": "Bearer pat-demo"}
TYPEFORM = {"Authorization": "Bearer tfp_demo"}
SURVEYMONKEY = {"Authorization": "Bearer sm_demo"}
GITHUB = {"Authorization": "Bearer github_pat_demo", "X-GitHub-Api-Version": "2022-11-28"}
CONTACTS = 250


def write_csv(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Rows with any columns: what a row lacks is left empty."""
    listed = list(rows)
    names = list(dict.fromkeys(name for row in listed for name in row))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(listed)


def write(folder: Path) -> Path:
    """The whole company, as CSV files."""
    about = {"name": "Small", "window_start": "2026-01-01", "now": NOW.isoformat()}
    folder.mkdir(parents=True)
    (folder / "company.json").write_text(json.dumps(about))
    tables = {
        "posthog/events": events(),
        "posthog/persons": persons(),
        "posthog/surveys": surveys(),
        "posthog/feature_flags": feature_flags(),
        "hubspot/contacts": contacts(),
        "hubspot/companies": companies(),
        "hubspot/deals": deals(),
        "hubspot/owners": owners(),
        "hubspot/pipeline_stages": stages(),
        "hubspot/associations": associations(),
        "hubspot/properties": properties(),
        "typeform/forms": forms(),
        "typeform/responses": responses(),
        "surveymonkey/surveys": monkey_surveys(),
        "surveymonkey/responses": monkey_responses(),
        "business/feedback": feedback(),
        "business/issues": [
            {
                "issue_id": "issue_1",
                "title": "Fix search",
                "team": "APP",
                "created_at": "2026-06-01",
            }
        ],
        "business/releases": [
            {"release": f"R-{n}", "kind": "train", "released_at": JUNE.format(n)} for n in (10, 20)
        ]
        + [{"release": "R-0", "released_at": "2026-06-05", "deleted_at": "2026-06-30T13:00:00Z"}],
        "business/deploys": [
            {"deploy_id": f"deploy_{n}", "deployed_at": JUNE.format(n)} for n in range(10, 20)
        ],
        "business/pulls": pulls(),
        "business/code_issues": code_issues(),
        "business/people": people(),
        "business/accounts": [
            {"account_id": "acct_1", "name": "Acme", "domain": "acme.example"},
        ],
    }
    for name, rows in tables.items():
        write_csv(folder / f"{name}.csv", rows)
    return folder


def pulls() -> list[dict]:
    """40 pulls, four merged for each deploy of June 10 to 19 but for the last two; those wait."""
    rows = []
    for number in range(40):
        deploy = 10 + number // 4
        ended = f"2026-06-{deploy}T11:{10 + number % 4:02d}:00Z"
        rows.append(
            {
                "pull_id": f"pull_{number:02d}",
                "title": f"Change {number}",
                "author": "ada",
                "branch": f"ada/change-{number}",
                "deploy_id": f"deploy_{deploy}",
                "created_at": f"2026-06-{deploy - 3:02d}T09:00:00Z",
                "merged_at": ended,
            }
        )
    about_an_issue = {"title": "Fix search", "branch": "", "issue_id": "issue_1", "labels": "bug"}
    rows[0] |= about_an_issue
    # Merged an hour from now; closed without a merge.
    rows[38] |= {"merged_at": "2026-06-30T13:00:00Z", "deploy_id": ""}
    rows[39] |= {"merged_at": "", "closed_at": "2026-06-30T10:00:00Z", "deploy_id": ""}
    return rows


def code_issues() -> list[dict]:
    """An incident of the deploy of the 12th, a bug, one transferred in an hour, one to come."""
    told = (
        ("code_1", "Search is down", "deploy_12", "2026-06-12T12:03:00Z", "2026-06-12T14:00:00Z"),
        ("code_2", "Dates jump", "", "2026-06-14T12:00:00Z", ""),
        ("code_3", "Moved away", "", "2026-06-15T12:00:00Z", ""),
        ("code_4", "Not yet", "", "2026-07-01T00:00:00Z", ""),
    )
    rows = [
        {
            "code_issue_id": key,
            "title": title,
            "deploy_id": deploy,
            "created_at": opened,
            "closed_at": closed,
            "labels": "" if deploy else "bug;ui",
        }
        for key, title, deploy, opened, closed in told
    ]
    rows[2]["deleted_at"] = "2026-06-30T13:00:00Z"
    return rows


def events() -> list[dict]:
    """60 events an hour apart on 27 to 29 June; number 7 came two days late, number 8 twice."""
    rows = []
    for number in range(60):
        day, hour = divmod(number, 24)
        happened = f"2026-06-{27 + day}T{hour:02d}:30:00Z"
        rows.append(
            {
                "uuid": f"00000000-0000-4000-8000-{number:012d}",
                "event": "app_opened" if number % 2 else "$pageview",
                "distinct_id": f"user_{number % 5}",
                "person_id": f"person-{number % 5}",
                "timestamp": happened,
                "properties": json.dumps({"number": number, "$groups": {"account": "acct_1"}}),
                "inserted_at": "2026-06-29T23:00:00Z" if number == 7 else happened,
            }
        )
    return [*rows, {**rows[8], "inserted_at": "2026-06-28T20:00:00Z"}]


def persons() -> list[dict]:
    """Five people; user_1 was merged into person-0 on the 29th."""
    rows = [
        {
            "distinct_id": f"user_{number}",
            "person_id": f"person-{number}",
            "properties": json.dumps({"email": f"user{number}@acme.example"}),
            "person_distinct_id_version": 0,
            "inserted_at": "2026-06-27T00:00:00Z",
        }
        for number in range(5)
    ]
    merged = {
        "person_id": "person-0",
        "person_distinct_id_version": 1,
        "inserted_at": "2026-06-29T10:00:00Z",
    }
    return [*rows, {**rows[1], **merged}]


def surveys() -> list[dict]:
    return [
        {
            "id": f"survey-{number}",
            "name": f"Survey {number}",
            "created_at": "2026-02-01",
            "definition": json.dumps({"questions": [{"type": "open", "question": "Why?"}]}),
        }
        for number in range(3)
    ]


def feature_flags() -> list[dict]:
    return [{"id": 1, "name": "New editor", "created_at": "2026-02-01", "definition": "{}"}]


def contacts() -> list[dict]:
    """250 contacts a minute apart; 1003 changed twice, 1004 archived, 1005 merged into 1006."""
    rows: list[dict] = [
        {
            "id": 1000 + number,
            "email": f"user{number}@acme.example",
            "firstname": f"First {number:03d}",
            "plan_seats": number,
            "lifecyclestage": "lead",
            "created_at": "2026-03-01T00:00:00Z",
            "updated_at": f"2026-03-01T{number // 60:02d}:{number % 60:02d}:00Z",
        }
        for number in range(CONTACTS)
    ]
    rows[4]["archived_at"] = "2026-05-01T00:00:00Z"
    rows[5] |= {"merged_into": "1006", "merged_at": "2026-06-01T00:00:00Z"}
    later = {"lifecyclestage": "customer", "updated_at": "2026-06-30T11:00:00Z"}
    emptied = {"lifecyclestage": "", "updated_at": "2026-06-30T13:00:00Z"}
    return [*rows, {**rows[3], **later}, {**rows[3], **emptied}]


def companies() -> list[dict]:
    """Acme and its duplicate, which was merged away on 1 June."""
    return [
        {"id": 9001, "name": "Acme", "domain": "acme.example", "updated_at": "2026-02-01"},
        {
            "id": 9002,
            "name": "Acme Inc.",
            "domain": "www.acme.example",
            "updated_at": "2026-02-02",
            "merged_into": 9001,
            "merged_at": "2026-06-01",
        },
    ]


def deals() -> list[dict]:
    """One deal through three stages, and one that is still new."""
    first = {
        "id": 5001,
        "dealname": "Acme renewal",
        "pipeline": "default",
        "hubspot_owner_id": 1,
        "created_at": "2026-04-01",
    }
    steps = [
        ("appointmentscheduled", "1000", "2026-04-01T09:00:00Z"),
        ("contractsent", "1200", "2026-04-10T09:00:00Z"),
        ("closedwon", "1200", "2026-05-02T09:00:00Z"),
    ]
    moved = [
        {**first, "dealstage": stage, "amount": amount, "updated_at": at}
        for stage, amount, at in steps
    ]
    new = {
        **first,
        "id": 5002,
        "dealname": "Beta trial",
        "dealstage": "appointmentscheduled",
        "amount": "",
        "created_at": "2026-06-01",
        "updated_at": "2026-06-01",
    }
    return [*moved, new]


def owners() -> list[dict]:
    common = {"last_name": "Reed", "created_at": "2026-01-02", "updated_at": "2026-01-02"}
    return [
        {"id": 1, "email": "ann@small.example", "first_name": "Ann", "user_id": 11, **common},
        {
            **common,
            "id": 2,
            "email": "bob@small.example",
            "first_name": "Bob",
            "user_id": 12,
            "archived_at": "2026-05-05",
        },
    ]


def stages() -> list[dict]:
    named = [
        ("appointmentscheduled", "0.2", "false"),
        ("contractsent", "0.9", "false"),
        ("closedwon", "1.0", "true"),
    ]
    return [
        {
            "object_type": "deals",
            "pipeline_id": "default",
            "pipeline_label": "Sales",
            "stage_id": stage,
            "stage_label": stage.title(),
            "display_order": order,
            "probability": probability,
            "is_closed": closed,
            "created_at": "2026-01-01",
        }
        for order, (stage, probability, closed) in enumerate(named)
    ]


def associations() -> list[dict]:
    """Contacts 1000 and 1001 at Acme, 1005 (merged into 1006) at its duplicate, deal 5001."""
    pairs = [
        ("contacts", 1000, "companies", 9001, ""),
        ("contacts", 1001, "companies", 9001, "2026-06-15T00:00:00Z"),
        ("contacts", 1005, "companies", 9002, ""),
        ("deals", 5001, "companies", 9001, ""),
        ("deals", 5001, "contacts", 1000, ""),
    ]
    return [
        {
            "from_type": from_type,
            "from_id": from_id,
            "to_type": to_type,
            "to_id": to_id,
            "created_at": "2026-04-01",
            "removed_at": removed,
        }
        for from_type, from_id, to_type, to_id, removed in pairs
    ]


def properties() -> list[dict]:
    return [
        {"object_type": "contacts", "name": "plan_seats", "label": "Seats", "type": "number"},
        {
            "object_type": "contacts",
            "name": "churn_risk",
            "label": "Churn risk",
            "type": "string",
            "created_at": "2026-07-02T00:00:00Z",
        },
    ]


def forms() -> list[dict]:
    """The NPS form and its second version, and a CSAT form."""
    scale = {"id": "fieldScore", "ref": "nps_score", "type": "opinion_scale", "title": "0 to 10?"}
    why = {"id": "fieldWhy", "ref": "nps_reason", "type": "long_text", "title": "Why?"}
    first = {"fields": [scale]}
    return [
        {
            "id": "npsForm",
            "title": "NPS",
            "created_at": "2026-01-01",
            "last_updated_at": updated,
            "definition": json.dumps(definition),
        }
        for updated, definition in (
            ("2026-01-01", first),
            ("2026-07-01", {"fields": [scale, why]}),
        )
    ] + [
        {
            "id": "csatForm",
            "title": "CSAT",
            "created_at": "2026-01-01",
            "last_updated_at": "2026-01-01",
            "definition": json.dumps(first),
        }
    ]


def responses() -> list[dict]:
    """40 answers, two a second apart from the next two; 3 deleted later, 39 arrives late."""
    rows: list[dict] = []
    for number in range(40):
        second = number // 2
        submitted = f"2026-06-30T11:00:{second:02d}Z"
        answer = {
            "type": "number",
            "number": number % 11,
            "field": {"id": "fieldScore", "ref": "nps_score", "type": "opinion_scale"},
        }
        rows.append(
            {
                "form_id": "npsForm",
                "token": f"token{number:03d}",
                "response_id": f"response{number:03d}",
                "landed_at": "2026-06-30T10:00:00Z",
                "submitted_at": submitted,
                "arrived_at": submitted,
                "hidden": json.dumps({"user_id": f"user_{number % 5}"}),
                "answers": json.dumps([answer]),
                "calculated_score": number % 11,
            }
        )
    rows[3]["deleted_at"] = "2026-06-30T13:00:00Z"
    rows[39]["arrived_at"] = "2026-06-30T12:20:00Z"
    partial = {
        "form_id": "npsForm",
        "token": "partial0",
        "landed_at": "2026-06-30T10:30:00Z",
        "arrived_at": "2026-06-30T10:30:00Z",
        "response_type": "partial",
    }
    return [*rows, partial]


def feedback() -> list[dict]:
    """Three messages of the product's users, one of them just written, and one to support."""
    return [
        {
            "feedback_id": "601",
            "account_id": "acct_1",
            "user_id": "user_1",
            "channel": "in_app",
            "created_at": JUNE.format(1),
            "text": "Where is <export>?\n\nI mean CSV.",
            "priority": "high",
            "tags": "export;vip",
            "replied_at": JUNE.format(2),
            "solved_at": JUNE.format(3),
            "rating": 4,
            "rating_comment": "Good.",
            "rated_at": JUNE.format(5),
        },
        {
            "feedback_id": "602",
            "user_id": "user_2",
            "channel": "in_app",
            "created_at": JUNE.format(10),
            "text": "Slow.",
            "deleted_at": "2026-06-30T13:00:00Z",
        },
        {
            "feedback_id": "603",
            "user_id": "user_1",
            "channel": "in_app",
            "created_at": "2026-06-30T11:59:50Z",
            "text": "Just written.",
        },
        {
            "feedback_id": "604",
            "channel": "support",
            "created_at": JUNE.format(9),
            "text": "Another tool's.",
        },
    ]


def people() -> list[dict]:
    """Ann of Acme, and Bob, whose account nobody knows and who is deleted in an hour."""
    return [
        {
            "user_id": "user_1",
            "account_id": "acct_1",
            "email": "ann@acme.example",
            "full_name": "Ann Reed",
        },
        {"user_id": "user_2", "email": "bob@beta.example", "deleted_at": "2026-06-30T13:00:00Z"},
    ]


def monkey_surveys() -> list[dict]:
    """A survey of one question with answers, edited on 1 July, and one that nobody answered."""
    choices = [{"id": str(70 + n), "position": n, "text": f"Text {n}"} for n in range(1, 4)]
    asked = {
        "id": "61",
        "position": 1,
        "family": "single_choice",
        "subtype": "vertical",
        "headings": [{"heading": "Satisfied?"}],
        "answers": {"choices": choices},
    }
    more = {"id": "62", "family": "open_ended", "subtype": "essay", "headings": [{"heading": "?"}]}
    first = {"id": "901", "title": "Satisfaction", "created_at": "2026-03-01T00:00:00Z"}
    return [
        {**first, "definition": json.dumps({"pages": [{"id": "51", "questions": [asked]}]})},
        {
            **first,
            "modified_at": "2026-07-01T00:00:00Z",
            "definition": json.dumps({"pages": [{"id": "51", "questions": [asked, more]}]}),
        },
        {"id": "902", "title": "Empty", "created_at": "2026-02-01T00:00:00Z"},
    ]


def monkey_responses() -> list[dict]:
    """120 answers, two a second; 0 is finished, 1 deleted and 2 arrives after the clock's start."""
    statuses = {0: "partial", 5: "overquota", 6: "disqualified"}
    rows: list[dict] = []
    for number in range(120):
        at = f"2026-06-30T10:{number // 120:02d}:{number // 2 % 60:02d}Z"
        answers = [{"choice_id": str(71 + number % 3)}]
        rows.append(
            {
                "survey_id": "901",
                "id": str(1000 + number),
                "status": statuses.get(number, "completed"),
                "created_at": at,
                "email": f"user{number}@acme.example" if number == 4 else "",
                "custom_variables": json.dumps({"user_id": f"user_{number % 5}"}),
                "pages": json.dumps(
                    [{"id": "51", "questions": [{"id": "61", "answers": answers}]}]
                ),
            }
        )
    rows[1]["deleted_at"] = "2026-06-30T13:00:00Z"
    rows[2]["arrived_at"] = "2026-06-30T12:30:00Z"
    finished = {"status": "completed", "modified_at": "2026-06-30T12:10:00Z"}
    return [*rows, {**rows[0], **finished}]
