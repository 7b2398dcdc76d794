"""What research keeps: the panel, who was asked and what they said, and two usability rounds."""

from collections.abc import Sequence

import numpy as np

from simulator.lanternfish import feedback, tables
from simulator.lanternfish.journeys import World
from simulator.lanternfish.randomness import stream
from simulator.lanternfish.tables import Row
from simulator.lanternfish.timeline import DAY, END_US, HOUR, SECOND, at_day, day_of

PANEL_SHARE = 0.062
# Requests to a panellist in 90 days; about one in six gets three or more.
_REQUESTS_IN_90_DAYS = 1.36
_REACH_BACK = 360
_CHANNELS = ("interview", "survey", "beta", "usability_test")
_ROUNDS = (
    (1, "2026-02-03", 25, {"export": 13, "create_report": 19, "invite_client": 21}),
    (2, "2026-05-05", 22, {"export": 19, "create_report": 17, "invite_client": 19}),
)
PANEL = tables.schema(
    panelist_id="text", user_id="text", email="text", joined_at="moment", consented="flag"
)
CONTACTS = tables.schema(
    contact_id="text", panelist_id="text", study_id="text", channel="text", contacted_at="moment"
)
NOTES = tables.schema(
    note_id="text", panelist_id="text", study_id="text", text="text", noted_at="moment"
)
# Of those asked for a talk, how many came; and what is said there is mostly what hurts.
_CAME = 0.45
_SEVERITIES = (0.1, 0.7, 1.0)
STUDIES = tables.schema(study_id="text", name="text", method="text", started_at="moment")
USABILITY = tables.schema(
    programme="text",
    round="int",
    participant_id="text",
    task="text",
    success="flag",
    seconds="int",
    held_at="moment",
)


def panel_rows(world: World) -> tuple[list[Row], list[Row]]:
    """The panel and the requests its people received."""
    rng, people = world.rng("panel"), world.people
    seen = np.flatnonzero(world.activity.seen() & world.outside(np.arange(len(people))))
    members = seen[rng.random(len(seen)) < PANEL_SHARE].tolist()
    panel: list[Row] = []
    contacts: list[Row] = []
    for user in members:
        panelist = f"pan_{people.ids[user]:06d}"
        panel.append(
            {
                "panelist_id": panelist,
                "user_id": people.user_id[user],
                "email": people.email[user],
                "joined_at": at_day(float(world.activity.first_day[user])) + 15 * HOUR,
                "consented": True,
            }
        )
        for _ in range(int(rng.poisson(_REQUESTS_IN_90_DAYS * _REACH_BACK / 90))):
            at = END_US - int(rng.uniform(0, _REACH_BACK) * DAY) // SECOND * SECOND
            contacts.append(
                {
                    "contact_id": f"ctc_{world.replica}_{len(contacts) + 1:05d}",
                    "panelist_id": panelist,
                    "study_id": f"study_{int(rng.integers(1, 9)):02d}",
                    "channel": _CHANNELS[int(rng.integers(0, len(_CHANNELS)))],
                    "contacted_at": at,
                }
            )
    return panel, contacts


def note_rows(world: World, contacts: Sequence[Row]) -> list[Row]:
    """What those said who came to an interview or a test, a few days after they were asked."""
    rng = world.rng("research notes")
    rows: list[Row] = []
    for contact in contacts:
        came, days, severe = rng.random(), rng.uniform(2, 9), rng.random()
        theme, variant = int(rng.integers(0, len(feedback.NAMES))), int(rng.integers(0, 2))
        at = int(str(contact["contacted_at"])) + int(days * DAY) // SECOND * SECOND
        if contact["channel"] in ("interview", "usability_test") and came < _CAME and at < END_US:
            rows.append(
                {
                    "note_id": f"note_{world.replica}_{len(rows) + 1:05d}",
                    "panelist_id": contact["panelist_id"],
                    "study_id": contact["study_id"],
                    "text": feedback.words(
                        theme, int(np.searchsorted(_SEVERITIES, severe, side="right")), variant
                    ),
                    "noted_at": at,
                }
            )
    return rows


def study_rows() -> list[Row]:
    names = (
        ("Why reports are rebuilt by hand", "interview"),
        ("Export: task study, round 1", "usability_test"),
        ("Client portal beta diary", "diary"),
        ("How agencies plan capacity", "interview"),
        ("Single sign-on: what IT asks", "interview"),
        ("Automations: first week", "survey"),
        ("Export: task study, round 2", "usability_test"),
        ("Mobile on site visits", "field"),
    )
    return [
        {
            "study_id": f"study_{number:02d}",
            "name": name,
            "method": method,
            "started_at": at_day(day_of("2025-07-07") + 42 * (number - 1)) + 9 * HOUR,
        }
        for number, (name, method) in enumerate(names, start=1)
    ]


def usability_rows(seed: int) -> list[Row]:
    """Two rounds of the same tasks; between them the export dialogue was rebuilt."""
    rng = stream(seed, 0, "usability")
    rows: list[Row] = []
    for number, begins, participants, passed in _ROUNDS:
        for task, successes in passed.items():
            done = set(rng.permutation(participants)[:successes].tolist())
            for participant in range(participants):
                at = at_day(day_of(begins) + participant // 5) + (8 + participant % 5) * HOUR
                rows.append(
                    {
                        "programme": "export-redesign",
                        "round": number,
                        "participant_id": f"r{number}-p{participant + 1:02d}",
                        "task": task,
                        "success": participant in done,
                        "seconds": int(rng.uniform(40, 240)),
                        "held_at": at,
                    }
                )
    return rows
