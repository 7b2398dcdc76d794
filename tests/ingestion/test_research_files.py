"""Research's CSV files: changed ones are read again, and a line that fits no table is set aside."""

import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from governance.person import find
from ingestion.errors import IngestionError
from ingestion.pipeline import accept_column, data_dir, warehouse_path
from ingestion.privacy import forget_at_the_door
from tests.ingestion.company import DAY, HOUR, NOW, Vendors, contents, load_now, query

HEADER = "contact_id,participant_id,study_id,channel,contacted_at\n"
Write = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of exports that somebody keeps by hand, with a file of every kind."""
    folder = tmp_path / "exports"
    folder.mkdir()
    monkeypatch.setenv("SOURCES__RESEARCH_FILES__BUCKET_URL", str(folder))
    return folder


@pytest.fixture
def write(folder: Path) -> Write:
    def written(name: str, text: str, hours: int = 0) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        at = (NOW + timedelta(hours=hours)).timestamp()
        os.utime(path, (at, at))
        return path

    return written


def contact(number: int, who: str = "panel_001", at: str = "2026-06-01T10:00:00Z") -> str:
    return f"contact_{number},{who},study_1,interview,{at}\n"


def held(table: str, columns: str = "*") -> list[tuple]:
    return sorted(query(f"select {columns} from research_files.{table}"), key=str)


def load() -> Any:
    return load_now("research_files")["research_files"]


def test_the_demo_companys_panel_arrives_as_it_was_at_the_clock(vendors: Vendors) -> None:
    vendors.at(NOW - 25 * DAY)
    load()
    before = held("contacts", "contact_id")
    vendors.at(NOW)
    report = load()
    assert len(before) < len(held("contacts")) == 8
    assert held("consents", "participant_id, is_given")[0] == ("panel_000", True)
    # Only the file that changed was read again.
    assert {name for name, count in report.rows.items() if count} == {
        *("contacts", "pseudonyms", "source_counts")
    }


def test_a_quiet_night_changes_nothing(vendors: Vendors) -> None:
    load()
    before = contents("research_files")
    vendors.at(NOW + HOUR)
    assert set(load().rows) == {"source_counts"}
    assert contents("research_files") == before


def test_nights_one_by_one_end_as_one_load(vendors: Vendors) -> None:
    for day in (-39, -30, -22, -10, 0):
        vendors.at(NOW + day * DAY)
        load()
    step_by_step = held("contacts", "* exclude (_dlt_load_id)")
    for name in ("dlt", "warehouse"):
        shutil.rmtree(data_dir() / name)
    load()
    assert held("contacts", "* exclude (_dlt_load_id)") == step_by_step


def test_a_line_taken_out_of_a_file_is_gone_and_so_is_a_files_last(write: Write) -> None:
    write("contacts-may.csv", HEADER + contact(1) + contact(2))
    write("contacts-june.csv", HEADER + contact(3))
    load()
    assert len(held("contacts")) == 3
    write("contacts-may.csv", HEADER + contact(2), hours=1)
    load()
    assert held("contacts", "contact_id") == [("contact_2",), ("contact_3",)]
    write("contacts-june.csv", HEADER, hours=2)
    load()
    assert held("contacts", "contact_id") == [("contact_2",)]


def test_a_file_that_was_removed_takes_its_rows_along(write: Write) -> None:
    write("contacts/may.csv", HEADER + contact(1))
    june = write("contacts/june.csv", HEADER + contact(2))
    load()
    june.unlink()
    load()
    assert held("contacts", "contact_id") == [("contact_1",)]
    counts = dict(query("select scope, source_count from research_files.source_counts"))
    assert counts == {"contacts/may.csv": 1, "contacts/june.csv": 0, "all": 1}


def test_of_one_thing_in_two_files_the_newest_counts(write: Write) -> None:
    write("contacts-a.csv", HEADER + contact(1, "panel_002"), hours=2)
    write("contacts-b.csv", HEADER + contact(1, "panel_001"), hours=1)
    load()
    assert held("contacts", "participant_id") == [("panel_002",)]
    write("contacts-b.csv", HEADER + contact(1, "panel_003"), hours=3)
    load()
    assert held("contacts", "participant_id") == [("panel_003",)]


def test_a_file_put_back_in_its_old_form_is_read_again(write: Write) -> None:
    write("contacts.csv", HEADER + contact(1) + contact(2), hours=5)
    load()
    write("contacts.csv", HEADER + contact(1), hours=0)
    load()
    assert held("contacts", "contact_id") == [("contact_1",)]


BAD = [
    (contact(2, at="soon"), "contacted_at", "not a time"),
    (contact(2).replace("contact_2", ""), "contact_id", "missing"),
    (contact(2).strip() + ",one,more\n", "", "more cells than columns"),
]


@pytest.mark.parametrize(("line", "column", "reason"), BAD)
def test_a_bad_line_is_set_aside_whole_until_it_is_mended(
    write: Write, line: str, column: str, reason: str
) -> None:
    write("contacts.csv", HEADER + contact(1) + line + contact(3))
    load()
    assert held("contacts", "contact_id") == [("contact_1",), ("contact_3",)]
    assert held("bad_rows", "file, line, table_name, column_name, reason") == [
        ("contacts.csv", 3, "contacts", column, reason)
    ]
    assert "study_1" in held("bad_rows", "content")[0][0]
    write("contacts.csv", HEADER + contact(1) + contact(2) + contact(3), hours=1)
    load()
    assert len(held("contacts")) == 3
    assert held("bad_rows") == []


def test_numbers_and_flags_are_read_as_people_write_them(write: Write) -> None:
    columns = "session_id,programme,round,participant_id,task,is_success,seconds,held_at\n"
    rows = "s1,export,1,p1,find,Yes,40,2026-06-01\ns2,export,1,p2,find,maybe,,\n"
    # As a spreadsheet writes it.
    write("sessions.csv", "\ufeff" + columns + rows)
    load()
    assert held("sessions", "round, is_success, seconds") == [(1, True, 40)]
    assert held("bad_rows", "column_name, reason") == [("is_success", "neither true nor false")]


def test_a_new_column_is_listed_and_one_that_is_gone_stops_its_table_alone(write: Write) -> None:
    write("contacts.csv", HEADER.strip() + ",mood\n" + contact(1).strip() + ",fine\n")
    write("studies.csv", "study_id,name,started_at\nstudy_1,Why,2026-06-01\n")
    report = load()
    assert set(report.stopped) == {"studies"}
    assert held("contacts", "contact_id") == [("contact_1",)]
    assert held("drift", "table_name, column_name, kind, stops_table") == [
        ("contacts", "mood", "new column", False),
        ("studies", "method", "dropped column", True),
    ]
    accept_column("research_files.studies.method")
    assert load().stopped == {}
    assert held("studies", "study_id, method") == [("study_1", None)]


def test_somebody_erased_stays_away_under_an_old_id_and_a_new_one(write: Write) -> None:
    columns = "participant_id,user_id,email,joined_at\n"
    forget_at_the_door(research_files=["panel_001", "ann@word1.example"])
    write(
        "participants.csv",
        columns + "panel_001,,x@word1.example,\npanel_002,,Ann@Word1.example,\npanel_003,,,\n",
    )
    write("contacts.csv", HEADER + contact(1, "panel_001") + contact(2, "panel_003"))
    load()
    assert held("participants", "participant_id") == [("panel_003",)]
    assert held("contacts", "participant_id") == [("panel_003",)]
    assert held("pseudonyms", "id") == [("panel_003",)]


def test_a_panelist_is_one_person_with_the_product_and_the_crm(vendors: Vendors) -> None:
    load_now()
    with duckdb.connect(str(warehouse_path()), read_only=True) as connection:
        person = find(connection, "panel_002")
    assert person.participant_ids == {"panel_002"}
    assert person.emails == {"p2@word1.example"}
    assert "user_000002" in person.posthog_ids
    assert person.contact_ids == {"102"}


def test_other_files_are_left_alone(write: Write) -> None:
    write("contacts.csv", HEADER + contact(1))
    write("readme.csv", "anything\n")
    write("notes.txt", "anything")
    load()
    assert query("select distinct table_name from research_files.source_counts order by 1") == [
        ("contacts",),
        ("files",),
    ]


def test_a_folder_without_a_file_is_no_emptied_one(folder: Path, write: Write) -> None:
    path = write("contacts.csv", HEADER + contact(1))
    load()
    path.unlink()
    with pytest.raises(IngestionError, match=r"SOURCES__RESEARCH_FILES__BUCKET_URL is .*no CSV"):
        load()
    assert len(held("contacts")) == 1


def test_a_file_in_another_encoding_is_named(write: Write) -> None:
    path = write("contacts.csv", HEADER)
    path.write_bytes(HEADER.encode() + b"contact_1,M\xfcller,,,\n")
    with pytest.raises(IngestionError, match=r"contacts.csv is no UTF-8 text \(byte 67\)"):
        load()
