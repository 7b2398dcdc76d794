"""The research repository: CSV files in a folder, each exported anew when it changed."""

import csv
import io
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from simulator.company import Company
from simulator.wire import Row

# File: its columns, the last of which says since when a row is there.
FILES: dict[str, tuple[str, ...]] = {
    "studies": ("study_id", "name", "method", "started_at"),
    "participants": ("participant_id", "user_id", "email", "joined_at"),
    "consents": ("participant_id", "purpose", "is_given", "recorded_at"),
    "contacts": ("contact_id", "participant_id", "study_id", "channel", "contacted_at"),
    "sessions": (
        *("session_id", "programme", "round", "participant_id", "task", "is_success"),
        *("seconds", "held_at"),
    ),
    "notes": ("note_id", "study_id", "participant_id", "text", "noted_at"),
}
PURPOSE = "research contact"


def folder_of(url: str) -> Path:
    """Where the simulator at an address exports to."""
    data = Path(os.environ.get("PRODUCTOPS_DATA", "data")).absolute()
    return data / "simulator" / "research" / str(urlsplit(url).port)


class Repository:
    """What research has written down, as files that show what was known at a moment."""

    def __init__(self, company: Company) -> None:
        self._folder: Path | None = None
        self._rows: dict[str, Sequence[Row]] = {
            "studies": company.studies,
            "participants": [_of_panel(row) for row in company.panel],
            "consents": list(_consents(company.panel)),
            "contacts": [_of_panel(row) for row in company.research_contacts],
            "sessions": [_session(row) for row in company.usability_results],
            "notes": [_of_panel(row) for row in company.research_notes],
        }

    def open(self, folder: Path, now: datetime) -> None:
        """Export into a folder from now on."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.export(now)

    def close(self) -> None:
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def export(self, now: datetime) -> None:
        """Write the files that differ from what they would be now, dated now."""
        for name, columns in FILES.items() if self._folder else ():
            assert self._folder
            text, path = self._text(name, columns, now), self._folder / f"{name}.csv"
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")
                os.utime(path, (now.timestamp(), now.timestamp()))

    def _text(self, name: str, columns: tuple[str, ...], now: datetime) -> str:
        since = columns[-1]
        written = io.StringIO()
        writer = csv.writer(written, lineterminator="\n")
        writer.writerow(columns)
        for row in self._rows[name]:
            if row[since] is None or row[since] <= now:
                writer.writerow([_cell(row[column]) for column in columns])
        return written.getvalue()


def _of_panel(row: Row) -> Row:
    return {**row, "participant_id": row["panelist_id"]}


def _consents(panel: Sequence[Row]) -> Iterator[Row]:
    for row in panel:
        about = {"participant_id": row["panelist_id"], "purpose": PURPOSE}
        given = row["consented"] is not False
        yield {**about, "is_given": given, "recorded_at": row["joined_at"]}
        if row["withdrawn_at"]:
            yield {**about, "is_given": False, "recorded_at": row["withdrawn_at"]}


def _session(row: Row) -> Row:
    session = f"{row['programme']}-{row['round']}-{row['participant_id']}"
    return {**row, "session_id": session, "is_success": row["success"]}


_WRITTEN: dict[type, Callable[..., str]] = {
    bool: lambda value: "true" if value else "false",
    datetime: lambda value: value.astimezone(UTC).isoformat(timespec="seconds"),
}


def _cell(value: object) -> str:
    return "" if value is None else _WRITTEN.get(type(value), str)(value)
