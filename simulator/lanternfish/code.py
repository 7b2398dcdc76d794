"""Beside the code: the pulls each deploy carried, those that came to nothing, and issues."""

from collections.abc import Sequence

from simulator.lanternfish import delivery, releases, tables
from simulator.lanternfish.randomness import stream
from simulator.lanternfish.tables import Row
from simulator.lanternfish.timeline import DAY, DAYS, END_US, SECOND, at_day

PULLS = tables.schema(
    pull_id="text",
    title="text",
    author="text",
    labels="text",
    issue_id="text",
    deploy_id="text",
    created_at="moment",
    merged_at="moment",
    closed_at="moment",
)
CODE_ISSUES = tables.schema(
    code_issue_id="text",
    title="text",
    author="text",
    labels="text",
    deploy_id="text",
    created_at="moment",
    closed_at="moment",
)
_AUTHORS = ("ada", "bo", "chidi", "dana", "emil", "farah", "grete", "hugo")
_BUGS = (
    *("Dates jump by a day", "Search forgets its filter", "Export stops at 1,000 rows"),
    *("Menu hides behind the header", "Comments load twice", "Avatar stays grey"),
)
# What waited for its deploy was merged within the hour before it.
_MERGING = 3_600 * SECOND
_MINUTE = 60 * SECOND


def pull_rows(seed: int) -> list[Row]:
    """One pull for each issue that a deploy shipped, and some that never were."""
    rng = stream(seed, 0, "pulls")
    issues = delivery.issue_rows(seed)
    rows: list[Row] = []
    carried = _issues_of_deploys(seed, issues)
    before = 0
    for deploy in sorted(carried, key=lambda each: each["deployed_at"]):
        deployed = _whole(deploy["deployed_at"])
        room = min(_MERGING, deployed - before) // SECOND
        # Time for staging to see the last of them first.
        least = min(150, room // 2)
        waits = sorted((int(rng.uniform(least, room)) for _ in deploy["issues"]), reverse=True)
        for issue, wait in zip(deploy["issues"], waits, strict=True):
            merged = deployed - wait * SECOND
            rows.append(
                {
                    **_pull(len(rows), issue, str(rng.choice(_AUTHORS))),
                    "deploy_id": deploy["deploy_id"],
                    "created_at": _whole(deploy["committed_at"]),
                    "merged_at": merged,
                    "closed_at": merged,
                }
            )
        before = deployed
    return rows + _given_up(seed, issues, len(rows))


def _issues_of_deploys(seed: int, issues: Sequence[Row]) -> list[dict]:
    """Deploys with the issues they shipped: `changes` each, in the order they are written in."""
    waiting = iter(issues)
    return [
        {**deploy, "issues": [next(waiting) for _ in range(int(str(deploy["changes"])))]}
        for deploy in releases.deploys(seed)
    ]


def _given_up(seed: int, issues: Sequence[Row], count: int) -> list[Row]:
    """Every second issue that nobody shipped was tried: left open, or closed unmerged."""
    rng = stream(seed, 0, "pulls given up")
    rows: list[Row] = []
    unshipped = [issue for issue in issues if issue["completed_at"] is None]
    for issue in unshipped[::2]:
        ended = issue["canceled_at"] or issue["trashed_at"]
        until = int(str(ended)) if ended else END_US
        created = int(str(issue["created_at"]))
        begun = _whole(created + rng.uniform(0.1, 0.9) * (until - created))
        rows.append(
            {
                **_pull(count + len(rows), issue, str(rng.choice(_AUTHORS))),
                "created_at": begun,
                "closed_at": _whole(until) if ended else None,
            }
        )
    return rows


def _pull(number: int, issue: Row, author: str) -> dict[str, object]:
    title = str(issue["title"])
    return {
        "pull_id": f"pull_{number + 1:05d}",
        "title": title,
        "author": author,
        "labels": "bug" if title.startswith("Fix") else None,
        "issue_id": issue["issue_id"],
    }


def code_issue_rows(seed: int) -> list[Row]:
    """An incident for each deploy that failed, and bugs that no deploy is known to have caused."""
    rng = stream(seed, 0, "code issues")
    rows: list[dict[str, object]] = []
    for deploy in releases.deploys(seed):
        if deploy["failed"]:
            opened = int(str(deploy["deployed_at"])) + int(rng.uniform(1, 5) * _MINUTE)
            rows.append(
                {
                    "title": "Errors after the deploy",
                    "labels": "incident",
                    "deploy_id": deploy["deploy_id"],
                    "created_at": _whole(opened),
                    "closed_at": _whole(deploy["restored_at"]),
                }
            )
    for _ in range(DAYS // 4):
        opened = at_day(float(rng.uniform(0, DAYS - 1)))
        closed = opened + int(rng.exponential(9) * DAY)
        rows.append(
            {
                "title": str(rng.choice(_BUGS)),
                "labels": "bug",
                "created_at": _whole(opened),
                "closed_at": _whole(closed) if closed < END_US else None,
            }
        )
    return [
        {**row, "code_issue_id": f"code_{n:05d}", "author": str(rng.choice(_AUTHORS))}
        for n, row in enumerate(rows, start=1)
    ]


def _whole(at: object) -> int:
    """A moment as the code's host keeps it, to the second."""
    return int(float(str(at))) // SECOND * SECOND
