"""The half-yearly product survey, which lives in SurveyMonkey: the company's second survey tool.

Each edition is a copy of the one before, as the tool makes them: same words, other ids.
"""

import json
from datetime import UTC, datetime

import numpy as np

from simulator.lanternfish import tables
from simulator.lanternfish.journeys import World
from simulator.lanternfish.tables import Row
from simulator.lanternfish.timeline import DAY, END_US, HOUR, SECOND, START_US, day_of

SURVEYS = tables.schema(
    id="text",
    title="text",
    created_at="moment",
    modified_at="moment",
    deleted_at="moment",
    definition="text",
)
RESPONSES = tables.schema(
    survey_id="text",
    id="text",
    status="text",
    created_at="moment",
    modified_at="moment",
    arrived_at="moment",
    deleted_at="moment",
    collector_id="text",
    recipient_id="text",
    total_time="int",
    ip_address="text",
    email="text",
    first_name="text",
    last_name="text",
    custom_variables="text",
    pages="text",
)
EDITIONS = ("2024-12-04", "2025-06-11", "2025-12-03", "2026-06-12")
# As the tool's own template has them: the best first, so that a choice's place is not its score.
SATISFACTION = (
    "Very satisfied",
    "Satisfied",
    "Neither satisfied nor dissatisfied",
    "Dissatisfied",
    "Very dissatisfied",
)
_USAGE = ("Every week", "Now and then", "Not any more")
_WISHES = (
    "Please make reports quicker to set up.",
    "The mobile app could do more.",
    "Nothing, keep going.",
    "Fewer notifications, please.",
    "I would pay for better exports.",
)
_RESPONSE, _LONGEST = 0.12, 18
_QUOTA = 0.97


def edition_rows() -> list[Row]:
    """The surveys with their questions, one an edition."""
    return [survey(number) for number in range(len(EDITIONS))]


def survey(number: int) -> Row:
    made = datetime.fromisoformat(f"{EDITIONS[number]}T08:00:00").replace(tzinfo=UTC)
    half = 1 if made.month <= 6 else 2
    return {
        "id": survey_id(number),
        "title": f"Product survey {made.year} H{half}",
        "created_at": made,
        "modified_at": made,
        "deleted_at": None,
        "definition": json.dumps({"pages": _pages(number)}),
    }


def survey_id(number: int) -> str:
    return str(401_000_001 + number)


def _question(number: int, place: int) -> str:
    return str(710_000_000 + 100 * number + place)


def _choice(number: int, place: int, choice: int) -> str:
    """A choice's id, which says nothing of what was chosen."""
    return str(4_800_000_000 + 10_000 * number + 100 * place + 7 * choice)


def _pages(number: int) -> list[dict[str, object]]:
    asked = (
        ("Overall, how satisfied are you with Lanternfish?", SATISFACTION),
        ("How often do you use it?", _USAGE),
        ("What should we do better?", ()),
    )
    return [
        {
            "id": str(330_000_000 + 10 * number + place),
            "title": "",
            "position": place,
            "questions": [
                {
                    "id": _question(number, place),
                    "position": 1,
                    "family": "single_choice" if choices else "open_ended",
                    "subtype": "vertical" if choices else "essay",
                    "headings": [{"heading": heading}],
                    **(
                        {"answers": {"choices": _choices(number, place, choices)}}
                        if choices
                        else {}
                    ),
                }
            ],
        }
        for place, (heading, choices) in enumerate(asked, start=1)
    ]


def _choices(number: int, place: int, texts: tuple[str, ...]) -> list[dict[str, object]]:
    return [
        {"id": _choice(number, place, n), "position": n, "text": text, "visible": True}
        for n, text in enumerate(texts, start=1)
    ]


def response(
    number: int,
    answer: int,
    created: int,
    who: dict[str, str],
    score: int | None,
    wish: str | None,
    status: str = "completed",
) -> dict[str, object]:
    """What somebody answered, with `score` from 5, very satisfied, to 1.

    `who` may hold `user_id`, `email` and names: the first is a variable of the survey's link, the
    others are known of those whom the tool itself wrote to.
    """
    usage = 3 if status == "disqualified" else 1
    given: list[tuple[int, dict[str, str]]] = []
    if score is not None:
        given.append((1, {"choice_id": _choice(number, 1, len(SATISFACTION) + 1 - score)}))
    if status != "partial":
        given.append((2, {"choice_id": _choice(number, 2, usage)}))
    if wish is not None and status == "completed":
        given.append((3, {"text": wish}))
    user = who.get("user_id")
    return {
        "survey_id": survey_id(number),
        "id": str(5_007_000_000 + 1_000_000 * number + answer),
        "status": status,
        "created_at": created,
        "modified_at": created + 90 * SECOND,
        "arrived_at": created + 100 * SECOND,
        "deleted_at": None,
        "collector_id": str(50_253_690 + number),
        "recipient_id": None if user else str(900_000 + answer),
        "total_time": 90,
        "ip_address": f"192.0.2.{answer % 250 + 1}",
        "email": who.get("email"),
        "first_name": who.get("first_name"),
        "last_name": who.get("last_name"),
        "custom_variables": json.dumps({"user_id": user} if user else {}),
        "pages": json.dumps(
            [
                {
                    "id": str(330_000_000 + 10 * number + place),
                    "questions": [{"id": _question(number, place), "answers": [answered]}],
                }
                for place, answered in given
            ]
        ),
    }


def responses(world: World) -> list[Row]:
    """All answers to all editions, told from a stream of their own."""
    rng = world.rng("product survey")
    rows: list[dict[str, object]] = []
    for number, text in enumerate(EDITIONS):
        rows += _edition(world, number, day_of(text), rng)
    # Taken back by who gave them: some long ago, one on the last night.
    for order, place in enumerate(rng.choice(len(rows), 4, replace=False).tolist()):
        created = rows[place]["created_at"]
        assert isinstance(created, int)
        rows[place]["deleted_at"] = END_US if order == 0 else min(created + 30 * DAY, END_US)
    return list(rows)


def _edition(
    world: World, number: int, day: int, rng: np.random.Generator
) -> list[dict[str, object]]:
    """Some of those active in 28 days, the happier the more their account gets out of it."""
    activity, accounts, people = world.activity, world.accounts, world.people
    recent = (activity.day >= day - 28) & (activity.day < day)
    users = np.unique(activity.user[recent])
    users = users[rng.random(len(users)) < _RESPONSE]
    latent = 3.7 + 0.5 * accounts.quality[people.account[users]] + rng.standard_normal(len(users))
    scores = np.clip(np.rint(latent), 1, 5).astype(int)
    lag = rng.exponential(5.0, len(users)) % _LONGEST
    created = START_US + ((day + lag) * DAY).astype(np.int64) // SECOND * SECOND + 9 * HOUR
    order = np.argsort(created, kind="stable")
    rows: list[dict[str, object]] = []
    offset = world.replica * 100_000
    for answer, n in enumerate(order.tolist(), start=1):
        user = int(users[n])
        if answer > _QUOTA * len(users):
            status = "overquota"
        else:
            status = str(rng.choice(["completed", "partial", "disqualified"], p=[0.88, 0.09, 0.03]))
        wish = _WISHES[int(rng.integers(0, len(_WISHES)))] if rng.random() < 0.35 else None
        who = _who(world, user, float(rng.random()))
        row = response(number, offset + answer, int(created[n]), who, int(scores[n]), wish, status)
        rows += _finished_later(row) if status == "completed" and rng.random() < 0.03 else [row]
    return rows


def _who(world: World, user: int, fate: float) -> dict[str, str]:
    people = world.people
    if fate < 0.04:
        return {}
    if fate < 0.84:
        return {"user_id": people.user_id[user]}
    names = {"first_name": people.first_name[user], "last_name": people.last_name[user]}
    return {"email": people.email[user], **names}


def _finished_later(row: dict[str, object]) -> list[dict[str, object]]:
    """A response that was left on the first page and finished on the next day."""
    modified, arrived = row["modified_at"], row["arrived_at"]
    assert isinstance(modified, int)
    assert isinstance(arrived, int)
    pages = row["pages"]
    assert isinstance(pages, str)
    begun = {**row, "status": "partial", "pages": json.dumps(json.loads(pages)[:1])}
    return [begun, {**row, "modified_at": modified + DAY, "arrived_at": arrived + DAY}]
