"""NPS by wave, one answer a respondent."""

import json
from collections import defaultdict
from dataclasses import dataclass

from simulator.truth.persons import Persons
from simulator.truth.product import Product
from simulator.truth.records import Records, moment


@dataclass(frozen=True)
class Answer:
    at: int
    token: str
    respondent: str
    account: str | None
    score: int


def quarter(at: int) -> str:
    on = moment(at)
    return f"{on.year}-Q{(on.month + 2) // 3}"


def read_nps(
    records: Records, persons: Persons, product: Product, now: int
) -> dict[str, list[Answer]]:
    """The latest valid answer of each respondent in each wave."""
    columns = ("form_id", "token", "submitted_at", "arrived_at", "deleted_at", "hidden", "answers")
    person_of_email = persons.of_email()
    latest: dict[tuple[str, str], Answer] = {}
    for form, token, submitted, arrived, deleted, hidden, answers in records.rows(
        "typeform/responses", columns
    ):
        gone = deleted is not None and deleted <= now
        if submitted is None or (arrived or submitted) > now or gone:
            continue
        score = _score(json.loads(answers or "[]"))
        if score is None:
            continue
        known = json.loads(hidden or "{}")
        email = str(known.get("email") or "").strip().lower()
        person = persons.person_of.get(known.get("user_id") or "") or person_of_email.get(email)
        if person in persons.internal:
            continue
        respondent = person or known.get("user_id") or email or f"{form} {token}"
        account = product.account_of.get(person or "")
        key = (quarter(submitted), respondent)
        answer = Answer(submitted, token, respondent, account, score)
        if key not in latest or (answer.at, answer.token) > (latest[key].at, latest[key].token):
            latest[key] = answer
    waves: dict[str, list[Answer]] = defaultdict(list)
    for (wave, _), answer in sorted(latest.items()):
        waves[wave].append(answer)
    return waves


def _score(answers: list) -> int | None:
    """The number given to the question `nps_score`, if it is a whole one from 0 to 10."""
    for answer in answers:
        if (answer.get("field") or {}).get("ref") != "nps_score":
            continue
        number = answer.get("number")
        if isinstance(number, int | float) and number == int(number) and 0 <= number <= 10:
            return int(number)
    return None


def nps(answers: list[Answer]) -> dict:
    promoters = sum(answer.score >= 9 for answer in answers)
    detractors = sum(answer.score <= 6 for answer in answers)
    count = len(answers)
    return {
        "responses": count,
        "promoters": promoters,
        "passives": count - promoters - detractors,
        "detractors": detractors,
        "nps": round(100 * (promoters - detractors) / count, 4) if count else None,
    }
