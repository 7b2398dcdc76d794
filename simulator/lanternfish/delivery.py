"""What product plans and engineering works on: projects, their issues, and whose wish is whose."""

from collections.abc import Sequence

import numpy as np

from simulator.lanternfish import releases, tables
from simulator.lanternfish.journeys import World
from simulator.lanternfish.randomness import stream
from simulator.lanternfish.tables import Row
from simulator.lanternfish.timeline import DAY, DAYS, END_US, HOUR, SECOND, START_US, at_day, day_of

PROJECTS = tables.schema(
    project_id="text",
    name="text",
    description="text",
    priority="int",
    created_at="moment",
    target_at="moment",
    started_at="moment",
    completed_at="moment",
    canceled_at="moment",
)
ISSUES = tables.schema(
    issue_id="text",
    title="text",
    team="text",
    project_id="text",
    priority="int",
    estimate="float",
    created_at="moment",
    started_at="moment",
    completed_at="moment",
    canceled_at="moment",
    archived_at="moment",
    trashed_at="moment",
)
LINKS = tables.schema(
    feedback_id="text",
    issue_id="text",
    project_id="text",
    is_important="flag",
    linked_at="moment",
)
# Theme, name, priority, and the days it was written down, begun, shipped or given up.
_PROJECTS: tuple[tuple[str, str, int, str, str | None, str | None, str | None], ...] = (
    ("sso_scim", "Single sign-on and SCIM", 1, "2025-04-14", "2025-10-20", "2026-02-17", None),
    ("client_portal", "Client portal", 2, "2024-11-04", "2025-05-12", "2026-01-20", None),
    ("integrations", "More integrations", 3, "2024-08-12", "2024-09-16", "2025-06-30", None),
    ("performance", "Faster project lists", 2, "2024-09-02", "2024-10-07", "2025-03-10", None),
    ("notifications", "Fewer notifications", 3, "2025-02-03", "2025-06-16", "2025-09-22", None),
    ("templates", "Project templates", 4, "2025-01-13", "2026-03-02", None, None),
    ("reporting", "Reports for clients", 2, "2025-07-21", "2026-04-13", None, None),
    ("permissions", "Finer permissions", 3, "2025-09-08", None, None, None),
    ("mobile_app", "Offline mobile app", 4, "2024-10-14", None, None, "2025-11-24"),
    ("time_tracking", "Time tracking", 4, "2024-12-02", None, None, "2025-08-25"),
    ("dark_mode", "Dark mode", 4, "2024-08-05", None, None, None),
    ("gantt_view", "Gantt view", 3, "2024-07-15", "2024-09-23", "2025-02-24", None),
    ("automations", "Automations", 1, "2025-03-17", "2025-08-04", "2026-04-07", None),
    ("export", "Export dialogue", 2, "2026-01-12", "2026-02-16", "2026-04-27", None),
)
_TEAMS = ("APP", "PLT", "GRO")
_WORK = ("Build", "Fix", "Rework", "Measure", "Document", "Test")
_PARTS = (
    *("the project list", "the task editor", "invitations", "the client page", "exports"),
    *("the reports page", "search", "sign-in", "notification rules", "the billing page"),
)
_ESTIMATES = (1, 2, 3, 5, 8)
# Of those that customers ask for, product finds a project for three in four.
_LINKED = 0.75
_ARCHIVED_AFTER = 180 * DAY


def project_rows() -> list[Row]:
    return [
        {
            "project_id": f"project_{theme}",
            "name": name,
            "description": f"What customers call {name.lower()}.",
            "priority": priority,
            "created_at": _at(written),
            "target_at": None if begun is None else _at(begun) + 120 * DAY,
            "started_at": None if begun is None else _at(begun),
            "completed_at": None if shipped is None else _at(shipped),
            "canceled_at": None if dropped is None else _at(dropped),
        }
        for theme, name, priority, written, begun, shipped, dropped in _PROJECTS
    ]


def shipped() -> dict[str, int]:
    """When what a theme asks for was there, of those that have a project that was completed."""
    return {theme: _at(day) for theme, _, _, _, _, day, _ in _PROJECTS if day is not None}


def _at(text: str) -> int:
    return at_day(day_of(text)) + 9 * HOUR


def issue_rows(seed: int) -> list[Row]:
    """What each deploy shipped, and beside it what was given up, binned or still waits."""
    rng = stream(seed, 0, "issues")
    rows: list[Row] = []
    for deploy in releases.deploys(seed):
        begun, shipped = int(str(deploy["committed_at"])), int(str(deploy["deployed_at"]))
        for _ in range(int(str(deploy["changes"]))):
            started = begun - int(rng.uniform(0, 2) * DAY)
            created = started - int(rng.lognormal(1.6, 1.0) * DAY)
            rows.append(_issue(rng, len(rows), max(created, START_US), started, shipped))
    for number in range(len(rows) // 12):
        created = at_day(float(rng.uniform(0, DAYS - 1)))
        row = _issue(rng, len(rows), created, None, None)
        given_up = created + int(rng.uniform(1, 200) * DAY)
        if number % 3 and given_up < END_US:
            row["canceled_at"] = _whole(given_up)
            row["archived_at"] = _whole(given_up + _ARCHIVED_AFTER)
        elif number % 3 == 0 and number % 2:
            row["trashed_at"] = _whole(created + int(rng.uniform(1, 60) * DAY))
        rows.append(row)
    return rows


def _issue(
    rng: np.random.Generator, number: int, created: int, started: int | None, shipped: int | None
) -> dict[str, object]:
    part = _PARTS[int(rng.integers(0, len(_PARTS)))]
    title = f"{_WORK[int(rng.integers(0, len(_WORK)))]} {part}"
    project = _PROJECTS[int(rng.integers(0, len(_PROJECTS)))][0]
    estimate = float(_ESTIMATES[int(rng.integers(0, len(_ESTIMATES)))])
    return {
        "issue_id": f"issue_{number + 1:05d}",
        "title": title,
        "team": _TEAMS[int(rng.integers(0, len(_TEAMS)))],
        "project_id": f"project_{project}" if rng.random() < 0.6 else None,
        "priority": int(rng.integers(0, 5)),
        "estimate": estimate if started or rng.random() < 0.5 else None,
        "created_at": _whole(created),
        "started_at": None if started is None else _whole(max(started, created)),
        "completed_at": None if shipped is None else _whole(shipped),
        "canceled_at": None,
        "archived_at": None if shipped is None else _whole(shipped + _ARCHIVED_AFTER),
        "trashed_at": None,
    }


def _whole(at: int) -> int:
    return at // SECOND * SECOND


def link_rows(world: World, items: Sequence[Row], labels: Sequence[Row]) -> list[Row]:
    """Which wish product has put under which project, days after it was heard."""
    rng = world.rng("feedback links")
    rows: list[Row] = []
    for item, label in zip(items, labels, strict=True):
        linked, days, important = rng.random(), rng.exponential(3.0), rng.random()
        at = _whole(int(str(item["created_at"])) + int(days * DAY))
        if linked < _LINKED and at < END_US:
            rows.append(
                {
                    "feedback_id": item["feedback_id"],
                    "issue_id": None,
                    "project_id": f"project_{label['theme']}",
                    "is_important": bool(important < 0.15),
                    "linked_at": at,
                }
            )
    return rows
