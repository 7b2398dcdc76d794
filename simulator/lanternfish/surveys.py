"""Surveys: Typeform's NPS waves and CSAT, and PostHog's in-app pulse."""

import json
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from simulator.lanternfish import tables
from simulator.lanternfish.accounts import INTERNAL
from simulator.lanternfish.events import Collector
from simulator.lanternfish.journeys import World
from simulator.lanternfish.tables import Row
from simulator.lanternfish.timeline import (
    DAY,
    DAYS,
    END_US,
    HOUR,
    SECOND,
    START_US,
    day_of,
    iso,
)

NPS_FORM, CSAT_FORM = "npsFrm01", "csatFm01"
WAVES = tuple(
    day_of(text)
    for text in (
        "2024-08-14",
        "2024-11-13",
        "2025-02-12",
        "2025-05-14",
        "2025-08-13",
        "2025-11-13",
        "2026-02-11",
        "2026-05-13",
    )
)
_BAD_WAVE, _DROPPED_WAVE = day_of("2025-11-13"), day_of("2026-02-11")
DROPPED_PAGE = 25
_RESPONSE = 0.28
_PULSE_ID = "018f6f2e-6d3a-4b52-9a31-6a7f0c1d2e3f"
_PULSE_QUESTION = "0b7c2a94-53f1-4d0e-8a6b-2f9e1c4d7a58"
_REASON_QUESTION = "7d1e9b36-0c42-4f8a-b5d3-91a6e2f07c14"
_PULSE_START = day_of("2025-10-01")
_REASONS = (
    "It keeps our client projects in one place.",
    "Good value, a few rough edges.",
    "The client portal saves us many calls.",
    "Reports take too long to set up.",
    "It has been slow lately.",
    "Support answers quickly.",
)
FORMS = tables.schema(
    id="text", title="text", created_at="moment", last_updated_at="moment", definition="text"
)
RESPONSES = tables.schema(
    form_id="text",
    token="text",
    response_id="text",
    landed_at="moment",
    submitted_at="moment",
    arrived_at="moment",
    deleted_at="moment",
    response_type="text",
    hidden="text",
    answers="text",
    calculated_score="int",
)
DEFINITIONS = tables.schema(
    id="text", name="text", created_at="moment", updated_at="moment", definition="text"
)


def scale_field(form_id: str) -> dict[str, object]:
    """The scored question of a form, as a response refers to it."""
    if form_id == NPS_FORM:
        return {"id": "npsQ01score", "type": "opinion_scale", "ref": "nps_score"}
    return {"id": "csatQ01scor", "type": "rating", "ref": "csat_score"}


def text_field(form_id: str) -> dict[str, object]:
    if form_id == NPS_FORM:
        return {"id": "npsQ02why0", "type": "long_text", "ref": "nps_reason"}
    return {"id": "csatQ02why", "type": "long_text", "ref": "csat_comment"}


def form_rows() -> list[Row]:
    """Both forms in Typeform's shape."""
    nps = {"steps": 11, "start_at_one": False, "labels": {"left": "Never", "right": "Certainly"}}
    return [
        _form(NPS_FORM, "How likely are you to recommend Lanternfish?", nps),
        _form(CSAT_FORM, "How satisfied are you with our support?", {"steps": 5, "shape": "star"}),
    ]


def _form(form_id: str, question: str, properties: dict[str, object]) -> Row:
    made = datetime(2024, 7, 1, 8, tzinfo=UTC)
    title = "NPS" if form_id == NPS_FORM else "CSAT"
    comment = {"title": "What is the main reason for your score?", "properties": {}}
    definition = {
        "id": form_id,
        "type": "quiz",
        "title": title,
        "hidden": ["user_id", "email"],
        "settings": {"language": "en", "is_public": True, "progress_bar": "proportion"},
        "fields": [
            {
                **scale_field(form_id),
                "title": question,
                "properties": properties,
                "validations": {"required": True},
            },
            {**text_field(form_id), **comment, "validations": {"required": False}},
        ],
        "_links": {"display": f"https://forms.lanternfish.example/to/{form_id}"},
    }
    return {
        "id": form_id,
        "title": title,
        "created_at": made,
        "last_updated_at": made,
        "definition": json.dumps(definition),
    }


def response(
    form_id: str,
    number: int,
    submitted: int,
    hidden: dict[str, str],
    score: int | None,
    reason: str | None,
) -> dict[str, object]:
    """One completed response; the token and id are numbers, so two forms share response ids."""
    answers: list[dict[str, object]] = []
    if score is not None:
        answers.append({"type": "number", "number": score, "field": scale_field(form_id)})
    if reason is not None:
        answers.append({"type": "text", "text": reason, "field": text_field(form_id)})
    prefix = "" if number <= 50 else form_id[0]
    return {
        "form_id": form_id,
        "token": f"{prefix}tkn{number:08d}",
        "response_id": f"rsp{number:08d}",
        "landed_at": submitted - 45 * SECOND,
        "submitted_at": submitted,
        "arrived_at": submitted + 20 * SECOND,
        "deleted_at": None,
        "response_type": "completed",
        "hidden": json.dumps(hidden),
        "answers": json.dumps(answers),
        "calculated_score": 0,
    }


def responses(world: World) -> list[Row]:
    """All answers to both forms; the server's order is by time, ours by form."""
    return [*_nps(world), *_csat(world)]


def _nps(world: World) -> list[Row]:
    rng = world.rng("nps")
    answered: list[tuple[int, int, int | None]] = []
    for wave in WAVES:
        answered += _wave(world, wave, rng)
    answered.sort()
    twice = _repeaters(answered)
    offset = world.replica * 1_000_000
    rows: list[dict[str, object]] = []
    for number, (at, user, score) in enumerate(answered):
        told = _REASONS[int(rng.integers(0, len(_REASONS)))] if rng.random() < 0.4 else None
        fate = rng.random() if score is not None else 0.5
        # Who answers a wave twice is recognisable both times, else no one could tell.
        hidden = _hidden(world, user, 1.0 if user in twice else fate)
        rows.append(response(NPS_FORM, offset + number + 1, at, hidden, score, told))
    _drop_page(rows)
    _delete_some(rows, rng, 6)
    return list(rows)


def _repeaters(answered: list[tuple[int, int, int | None]]) -> set[int]:
    """Users with two answers less than a month apart."""
    latest: dict[int, int] = {}
    found: set[int] = set()
    for at, user, _ in answered:
        if at - latest.get(user, 0) < 30 * DAY:
            found.add(user)
        latest[user] = at
    return found


def _wave(world: World, wave: int, rng: np.random.Generator) -> list[tuple[int, int, int | None]]:
    """Who answers a wave and what: those active in 28 days, by how happy their account is."""
    activity, accounts = world.activity, world.accounts
    recent = (activity.day >= wave - 28) & (activity.day < wave)
    users = np.unique(activity.user[recent])
    users = users[rng.random(len(users)) < _RESPONSE]
    account = world.people.account[users]
    latent = 1.05 + 0.35 * accounts.quality[account] + rng.standard_normal(len(users))
    if wave == _BAD_WAVE:
        latent -= 0.60 * accounts.exposed[account]
    score = _scores(latent, rng)
    at = _moments(wave, rng.exponential(2.2, len(users)), rng)
    answers: list[tuple[int, int, int | None]] = []
    for moment, user, value in zip(at.tolist(), users.tolist(), score.tolist(), strict=True):
        skipped = rng.random() < 0.01
        answers.append((moment, user, None if skipped else value))
        # Some answer the reminder too; their latest answer of the wave counts.
        if not skipped and rng.random() < 0.02:
            again = moment + int(rng.uniform(1, 3) * DAY) // SECOND * SECOND
            answers.append((again, user, int(rng.integers(0, 11))))
    return answers


def _scores(latent: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    promoter = 9 + rng.integers(0, 2, len(latent))
    passive = 7 + rng.integers(0, 2, len(latent))
    detractor = np.minimum(6, np.floor(7 * np.sqrt(rng.random(len(latent))))).astype(int)
    return np.where(latent > 0.92, promoter, np.where(latent < -0.05, detractor, passive))


def _moments(day: int, lag: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    whole = START_US + (day + np.floor(np.minimum(lag, 12)).astype(np.int64)) * DAY
    second = rng.integers(6 * 3_600, 20 * 3_600, len(lag))
    return whole + second * SECOND


def _hidden(world: World, user: int, fate: float) -> dict[str, str]:
    email = world.people.email[user]
    if fate < 0.02:
        return {}
    return (
        {"email": email} if fate < 0.08 else {"user_id": world.people.user_id[user], "email": email}
    )


def _drop_page(rows: list[dict[str, object]]) -> None:
    """One page of the February 2026 wave reaches the API two days late."""
    wave = START_US + _DROPPED_WAVE * DAY
    first = next(n for n, row in enumerate(rows) if _moment(row, "submitted_at") >= wave) + 100
    for row in rows[first : first + DROPPED_PAGE]:
        row["arrived_at"] = _moment(row, "arrived_at") + 2 * DAY


def _delete_some(rows: list[dict[str, object]], rng: np.random.Generator, count: int) -> None:
    for order, number in enumerate(rng.choice(len(rows), count, replace=False).tolist()):
        last_night = END_US - (order + 1) * DAY + 14 * HOUR
        later = _moment(rows[number], "submitted_at") + 20 * DAY
        rows[number]["deleted_at"] = last_night if order < 2 else min(later, last_night)


def _moment(row: dict[str, object], name: str) -> int:
    value = row[name]
    assert isinstance(value, int)
    return value


def _csat(world: World) -> list[Row]:
    """After about every 300th active day somebody rates a support contact."""
    rng = world.rng("csat")
    day = world.activity.day
    asks = rng.random(len(day)) < 0.004
    # Each of the last three days brings answers, whatever the chance.
    for last in range(DAYS - 3, DAYS):
        asks[np.flatnonzero(day == last)[:2]] = True
    asked = np.flatnonzero(asks)
    at = np.sort(world.opened[asked] + rng.integers(600, 7_200, len(asked)) * SECOND)
    order = np.argsort(world.opened[asked], kind="stable")
    rows: list[dict[str, object]] = []
    offset = world.replica * 1_000_000
    for number, row in enumerate(asked[order].tolist()):
        user = int(world.activity.user[row])
        quality = world.accounts.quality[world.people.account[user]]
        rating = int(np.clip(np.rint(4.1 + 0.3 * quality + rng.normal(0, 0.9)), 1, 5))
        told = _REASONS[int(rng.integers(0, len(_REASONS)))] if rng.random() < 0.25 else None
        moment = int(at[number]) // SECOND * SECOND
        hidden = _hidden(world, user, rng.random())
        rows.append(response(CSAT_FORM, offset + number + 1, moment, hidden, rating, told))
    _delete_some(rows, rng, 4)
    return list(rows)


def pulse(world: World, collector: Collector) -> None:
    """PostHog's own survey in the product: shown, then sent in one or two parts, or dismissed."""
    rng, activity = world.rng("pulse"), world.activity
    shown = (activity.day >= _PULSE_START) & (rng.random(len(activity.day)) < 0.01)
    rows = np.flatnonzero(
        shown & (world.accounts.kind[world.people.account[activity.user]] != INTERNAL)
    )
    users = activity.user[rows]
    group = world.group(users)
    base = {"$survey_id": _PULSE_ID, "$survey_name": "Product pulse"}
    extra = collector.extras.number(base)
    collector.add("survey shown", world.opened[rows] + 90 * SECOND, users, group, extra)
    fate = rng.random(len(rows))
    away = fate > 0.65
    collector.add(
        "survey dismissed", world.opened[rows[away]] + 100 * SECOND, users[away], group[away], extra
    )
    for row in rows[fate < 0.35].tolist():
        user = int(activity.user[row])
        score = int(rng.integers(1, 6))
        partial = bool(rng.random() < 0.3)
        sent: dict[str, object] = {
            **base,
            "$survey_submission_id": f"sub-{world.replica}-{row}",
            f"$survey_response_{_PULSE_QUESTION}": score,
        }
        steps = (({"$survey_completed": False}, 110),) if partial else ()
        for state, second in (*steps, ({"$survey_completed": True}, 130)):
            collector.add(
                "survey sent",
                world.opened[row] + second * SECOND,
                user,
                world.group(np.array([user])),
                collector.extras.number({**sent, **state}),
            )


def survey_rows() -> list[Row]:
    """PostHog's survey definitions."""
    begin = START_US + _PULSE_START * DAY
    questions = [
        {
            "id": _PULSE_QUESTION,
            "type": "rating",
            "question": "How well does Lanternfish fit your week?",
            "display": "number",
            "scale": 5,
            "lowerBoundLabel": "Poorly",
            "upperBoundLabel": "Very well",
        },
        {"id": _REASON_QUESTION, "type": "open", "question": "Why?", "optional": True},
    ]
    definition: dict[str, object] = {
        "id": _PULSE_ID,
        "name": "Product pulse",
        "description": "A short question after work is done.",
        "type": "popover",
        "schedule": "once",
        "linked_flag": _survey_flag(11, "product-pulse"),
        "linked_flag_id": 11,
        "targeting_flag": _survey_flag(12, "survey-targeting-product-pulse"),
        "internal_targeting_flag": _survey_flag(13, "survey-targeting-product-pulse-custom"),
        "questions": questions,
        "conditions": None,
        "appearance": None,
        "created_at": iso(begin - DAY),
        "created_by": staff_member(),
        "start_date": iso(begin),
        "end_date": None,
        "archived": False,
        "responses_limit": None,
        "feature_flag_keys": [],
        "iteration_count": None,
        "iteration_frequency_days": None,
        "iteration_start_dates": None,
        "current_iteration": None,
        "current_iteration_start_date": None,
        "enable_partial_responses": True,
        "user_access_level": None,
    }
    return [_definition_row(_PULSE_ID, "Product pulse", begin - DAY, definition)]


def _survey_flag(number: int, key: str) -> dict[str, object]:
    """A flag as a survey refers to it: whom it may be shown to."""
    everyone = {"properties": [], "rollout_percentage": 100}
    return {
        "id": number,
        "team_id": 1,
        "name": f"Targeting of the product pulse ({number})",
        "key": key,
        "filters": {"groups": [everyone]},
        "deleted": False,
        "active": True,
        "version": 1,
        "ensure_experience_continuity": False,
        "has_encrypted_payloads": False,
        "evaluation_contexts": [],
    }


def staff_member() -> dict[str, object]:
    return {
        "id": 1,
        "uuid": "5a0f4c1e-92d7-4b6a-8f35-c07be1d24a90",
        "distinct_id": "staff-1",
        "first_name": "Product",
        "last_name": "Operations",
        "email": "product.operations@lanternfish.example",
        "is_email_verified": True,
        "hedgehog_config": None,
        "role_at_organization": "product",
    }


def _definition_row(key: str, name: str, at: int, definition: dict[str, object]) -> Row:
    return {
        "id": key,
        "name": name,
        "created_at": at,
        "updated_at": at,
        "definition": json.dumps(definition),
    }


def flag_rows() -> list[Row]:
    """PostHog's feature flags: the rollout of Automations and the two experiments."""
    flags = (
        ("automations-rollout", "Automations, by user", "2026-01-12", ()),
        ("onboarding-checklist", "Onboarding checklist", "2025-03-31", ("control", "test")),
        ("search-ranking", "Search ranking", "2026-01-18", ("control", "test")),
    )
    rows: list[Row] = []
    for number, (key, name, made, variants) in enumerate(flags, start=1):
        at = START_US + day_of(made) * DAY + 9 * HOUR
        filters: dict[str, object] = {
            "groups": [{"properties": [], "rollout_percentage": 100 if variants else 50}],
            "multivariate": {"variants": [{"key": v, "rollout_percentage": 50} for v in variants]}
            if variants
            else None,
        }
        definition = {
            "id": number,
            "key": key,
            "name": name,
            "filters": filters,
            "deleted": False,
            "active": True,
            "created_at": iso(at),
            "created_by": staff_member(),
            "version": 1,
            "ensure_experience_continuity": False,
        }
        rows.append(_definition_row(str(number), name, at, definition))
    return rows
