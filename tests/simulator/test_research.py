"""Research's files show what was written down by the clock, and are dated when they changed."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from simulator.__main__ import environment
from simulator.server import create_app, running
from tests.simulator.small_company import NOW, write, write_csv

PANEL = [
    {
        "panelist_id": "pan_1",
        "user_id": "user_1",
        "email": "user1@acme.example",
        "joined_at": "2026-06-01T12:00:00Z",
        "withdrawn_at": "2026-07-02T12:00:00Z",
    },
    {"panelist_id": "pan_2", "joined_at": "2026-07-02T12:00:00Z", "consented": "false"},
]
ASKED = [
    {
        "contact_id": f"ctc_{number}",
        "panelist_id": "pan_1",
        "study_id": "study_1",
        "channel": "survey",
        "contacted_at": at,
    }
    for number, at in enumerate(("2026-06-10", "2026-06-20", "2026-07-02"))
]
TRIED = [
    {
        "programme": "export",
        "round": 1,
        "participant_id": "p1",
        "task": task,
        "success": "true",
        "seconds": 40,
        "held_at": "2026-06-11T09:00:00Z",
    }
    for task in ("find", "share")
]


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("PRODUCTOPS_DATA", str(tmp_path / "data"))
    folder = write(tmp_path / "company")
    write_csv(folder / "business" / "research_panel.csv", PANEL)
    write_csv(folder / "business" / "research_contacts.csv", ASKED)
    write_csv(folder / "business" / "usability_results.csv", TRIED)
    with running(create_app(folder, now=NOW)) as served:
        yield served


def exports(url: str) -> Path:
    return Path(environment(url)["SOURCES__RESEARCH_FILES__BUCKET_URL"])


def rows(url: str, name: str) -> list[dict[str, str]]:
    with (exports(url) / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_file_is_there_with_its_header_and_what_has_happened(url: str) -> None:
    assert sorted(path.name for path in exports(url).iterdir()) == [
        *("consents.csv", "contacts.csv", "notes.csv"),
        *("participants.csv", "sessions.csv", "studies.csv"),
    ]
    assert rows(url, "studies") == []
    assert [row["contact_id"] for row in rows(url, "contacts")] == ["ctc_0", "ctc_1"]
    assert rows(url, "consents") == [
        {
            "participant_id": "pan_1",
            "purpose": "research contact",
            "is_given": "true",
            "recorded_at": "2026-06-01T12:00:00+00:00",
        }
    ]
    assert [(row["session_id"], row["task"]) for row in rows(url, "sessions")] == [
        ("export-1-p1", "find"),
        ("export-1-p1", "share"),
    ]


def test_a_file_that_changed_is_dated_anew_and_no_other(url: str) -> None:
    def dates() -> dict[str, float]:
        return {path.stem: path.stat().st_mtime for path in exports(url).iterdir()}

    assert set(dates().values()) == {NOW.timestamp()}
    moved = {"now": "2026-07-03T00:00:00Z"}
    requests.post(f"{url}/__sim/clock", json=moved, timeout=5)
    changed = {name for name, at in dates().items() if at != NOW.timestamp()}
    assert changed == {"consents", "contacts", "participants"}
    assert [(row["participant_id"], row["is_given"]) for row in rows(url, "consents")] == [
        *(("pan_1", "true"), ("pan_1", "false"), ("pan_2", "false"))
    ]


def test_the_files_go_when_the_simulator_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRODUCTOPS_DATA", str(tmp_path / "data"))
    with running(create_app(write(tmp_path / "company"), now=NOW)) as url:
        folder = exports(url)
        assert folder.is_dir()
    assert not folder.exists()
