"""What is fresh, what failed and since when, and what readers see meanwhile."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from reports.published import NotPublishedError, publications, reading, serving

# Nightly: a day and two hours without an answer is late, a day and a half is a missed night.
LATE, MISSED = timedelta(hours=26), timedelta(hours=36)
OK, WRONG, NOTHING = 0, 1, 2


@dataclass
class Status:
    """The state of everything; `code` is what a monitor reads."""

    code: int = OK
    readers_see: str = ""
    night: str = ""
    sources: list[dict[str, Any]] = field(default_factory=list)
    problems: list[dict[str, str]] = field(default_factory=list)
    # Rows put aside in what readers see, by raw table.
    quarantined: dict[str, int] = field(default_factory=dict)

    def problem(self, what: str, since: str | None, detail: str = "") -> None:
        self.problems.append({"what": what, "since": since or "unknown", "detail": detail})
        self.code = max(self.code, WRONG)


def status(now: datetime | None = None) -> Status:
    """Return the state of this data folder at a moment (default: now)."""
    now = now or datetime.now(UTC)
    record = _record()
    found = Status()
    _readers(found, now)
    _night(found, record.get("night", {}), now)
    for name, entry in sorted(record.get("sources", {}).items()):
        _source(found, name, entry, now)
    for incident in record.get("incidents", {}).values():
        found.problem(incident["title"], incident["since"], incident["detail"])
    return found


def _record() -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads((serving() / "status.json").read_text())
    except (OSError, ValueError):
        return {}
    return record


def _readers(found: Status, now: datetime) -> None:
    try:
        newest = publications()
    except NotPublishedError as error:
        found.readers_see = str(error)
        found.code = NOTHING
        return
    current = next((each for each in newest if each["is_current"]), newest[0])
    found.quarantined = _quarantined()
    published_at = current["published_at"].replace(tzinfo=UTC)
    as_of = current.get("data_as_of")
    found.readers_see = (
        f"{current['publication_id']}, published {_ago(now - published_at)} ago,"
        f" data as of {as_of:%Y-%m-%d %H:%M} UTC"
        if as_of
        else f"{current['publication_id']}, published {_ago(now - published_at)} ago"
    )


def _quarantined() -> dict[str, int]:
    try:
        with reading() as connection:
            counts = connection.execute(
                "select source || '.' || table_name, count(distinct row_key)"
                " from core.quarantine group by all order by 1"
            ).fetchall()
    except duckdb.CatalogException:
        return {}  # published before there was such a table
    return dict(counts)


def _night(found: Status, night: dict[str, Any], now: datetime) -> None:
    if not night:
        found.night = "no night has run since this was recorded"
        return
    began = datetime.fromisoformat(night["began_at"])
    if "ended_at" in night:
        found.night = f"{night['outcome']} at {night['ended_at']}"
        if now - datetime.fromisoformat(night["ended_at"]) > MISSED:
            found.problem("No night ran", night["ended_at"], f"not for {MISSED}")
    elif _is_alive(night.get("pid")):
        found.night = f"at work since {night['began_at']}"
    else:
        found.night = f"began at {night['began_at']} and never ended"
        found.problem(
            "The night was killed",
            night["began_at"],
            f"began {_ago(now - began)} ago; run it again, it takes up where it was",
        )


def _is_alive(pid: int | None) -> bool:
    return bool(pid) and Path(f"/proc/{pid}").exists()


def _source(found: Status, name: str, entry: dict[str, Any], now: datetime) -> None:
    age = now - datetime.fromisoformat(entry["reached_at"])
    state = "fresh" if age <= LATE else "late" if age <= MISSED else "stale"
    found.sources.append(
        {
            "source": name,
            "state": state,
            "reached_at": entry["reached_at"],
            "news_at": entry.get("news_at"),
        }
    )
    if state == "stale":
        found.problem(f"{name} is stale", entry["reached_at"], f"not reached for {_ago(age)}")


def _ago(age: timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"
