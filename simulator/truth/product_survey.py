"""Satisfaction as the half-yearly survey was answered in SurveyMonkey, one answer a respondent."""

import json
from collections import Counter

from simulator.truth.persons import Persons
from simulator.truth.records import Records
from simulator.truth.surveys import quarter

# What the choices of the satisfaction question are worth, by their words.
WORTH = {
    "Very satisfied": 5,
    "Satisfied": 4,
    "Neither satisfied nor dissatisfied": 3,
    "Dissatisfied": 2,
    "Very dissatisfied": 1,
}
COLUMNS = (
    *("survey_id", "id", "status", "created_at", "modified_at", "arrived_at", "deleted_at"),
    *("email", "custom_variables", "pages"),
)


def count_product_surveys(records: Records, persons: Persons, now: int) -> dict[str, dict]:
    """By title: answers with a score by status, and those that count with what they say."""
    titles, worth = {}, {}
    for key, title, definition in records.rows(
        "surveymonkey/surveys", ("id", "title", "definition")
    ):
        titles[key] = title
        for choice in _choices(json.loads(definition)):
            worth[choice["id"]] = WORTH.get(choice["text"])
    statuses: dict[str, Counter] = {title: Counter() for title in titles.values()}
    latest: dict[tuple[str, str, str], tuple[int, str, int]] = {}
    for row in _standing(records, now):
        person = _person(row, persons)
        scores = [score for each in _chosen(row["pages"]) if (score := worth.get(each))]
        if not scores or person in persons.internal:
            continue
        title = titles[row["survey_id"]]
        statuses[title][row["status"]] += 1
        if row["status"] != "completed":
            continue
        who = person or _user(row) or _email(row) or row["id"]
        key = (title, quarter(row["created_at"]), who)
        latest[key] = max(latest.get(key, (0, "", 0)), (row["created_at"], row["id"], scores[0]))
    return {
        title: {"answers": dict(sorted(found.items())), **_told(title, latest)}
        for title, found in sorted(statuses.items())
    }


def _told(title: str, latest: dict[tuple[str, str, str], tuple[int, str, int]]) -> dict:
    scores = [score for (survey, _, _), (_, _, score) in latest.items() if survey == title]
    satisfied = sum(score >= 4 for score in scores)
    return {
        "counted": len(scores),
        "satisfied": satisfied,
        "csat": round(satisfied / len(scores), 6) if scores else None,
    }


def _standing(records: Records, now: int) -> list[dict]:
    """Each response as it was last changed before `now`, unless it was taken back."""
    found: dict[tuple[str, str], dict] = {}
    gone = set()
    for row in records.dictionaries("surveymonkey/responses", COLUMNS):
        key = (row["survey_id"], row["id"])
        row["modified_at"] = row["modified_at"] or row["created_at"]
        if row["deleted_at"] is not None and row["deleted_at"] <= now:
            gone.add(key)
        if (row["arrived_at"] or row["modified_at"]) > now:
            continue
        if key not in found or row["modified_at"] > found[key]["modified_at"]:
            found[key] = row
    return [row for key, row in found.items() if key not in gone]


def _choices(definition: dict) -> list[dict]:
    questions = [asked for page in definition["pages"] for asked in page["questions"]]
    return [each for asked in questions for each in asked.get("answers", {}).get("choices", ())]


def _chosen(pages: str | None) -> list[str]:
    given = [asked for page in json.loads(pages or "[]") for asked in page["questions"]]
    return [
        each["choice_id"] for asked in given for each in asked["answers"] if "choice_id" in each
    ]


def _user(row: dict) -> str:
    return str(json.loads(row["custom_variables"] or "{}").get("user_id") or "")


def _email(row: dict) -> str:
    return str(row["email"] or "").strip().lower()


def _person(row: dict, persons: Persons) -> str | None:
    return persons.person_of.get(_user(row)) or persons.of_email().get(_email(row))
