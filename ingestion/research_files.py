"""The research repository and panel: CSV files in a folder or bucket, one table by name.

files → readings (one file each) → studies, participants, consents, contacts, sessions, notes;
pseudonyms, bad_rows, source_counts. Files are called `contacts.csv`, `contacts-2026-06.csv` or
`contacts/june.csv`; others are left alone. Try it alone: `python -m ingestion research_files`.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import dlt
import pyarrow as pa
from dlt.extract import DltResource
from dlt.sources.filesystem import filesystem

from ingestion.checking import can_be_checked
from ingestion.drift import note_new_column
from ingestion.errors import SettingError, ShapeError, setting_name
from ingestion.privacy import Pseudonyms, erased_counts, pseudonyms
from ingestion.tables import BIGINT, BOOL, TEXT, TIME, Row, Table, source_counts

# Which file a row came from, and when that was written: the newest file knows best.
ORIGIN = {"file": TEXT, "modified_at": TIME, "is_deleted": BOOL}


def _file(
    name: str, columns: Mapping[str, pa.DataType], key: tuple[str, ...], personal: tuple[str, ...]
) -> Table:
    return Table(
        *("research_files", name),
        {**columns, **ORIGIN},
        primary_key=key,
        merge_key=("file",),
        newest="modified_at",
        deleted_flag="is_deleted",
        personal=personal,
    )


STUDIES = _file(
    "studies",
    {"study_id": TEXT, "name": TEXT, "method": TEXT, "started_at": TIME},
    ("study_id",),
    (),
)
PARTICIPANTS = _file(
    "participants",
    {"participant_id": TEXT, "user_id": TEXT, "email": TEXT, "joined_at": TIME},
    ("participant_id",),
    ("participant_id", "user_id", "email"),
)
CONSENTS = _file(
    "consents",
    {"participant_id": TEXT, "purpose": TEXT, "is_given": BOOL, "recorded_at": TIME},
    ("participant_id", "purpose", "recorded_at"),
    ("participant_id",),
)
CONTACTS = _file(
    "contacts",
    {
        "contact_id": TEXT,
        "participant_id": TEXT,
        "study_id": TEXT,
        "channel": TEXT,
        "contacted_at": TIME,
    },
    ("contact_id",),
    ("participant_id",),
)
# A row for each task that was tried in a session.
SESSIONS = _file(
    "sessions",
    {
        "session_id": TEXT,
        "programme": TEXT,
        "round": BIGINT,
        "participant_id": TEXT,
        "task": TEXT,
        "is_success": BOOL,
        "seconds": BIGINT,
        "held_at": TIME,
    },
    ("session_id", "task"),
    ("session_id", "participant_id"),
)
# What somebody said in an interview or a session, a row for each thing.
NOTES = _file(
    "notes",
    {
        "note_id": TEXT,
        "study_id": TEXT,
        "participant_id": TEXT,
        "text": TEXT,
        "noted_at": TIME,
    },
    ("note_id",),
    # Numbered by people who like to write who it was into the number.
    ("note_id", "participant_id", "text"),
)
PSEUDONYMS = pseudonyms("research_files")
ERASED = erased_counts("research_files")
BAD_ROWS = Table(
    "research_files",
    "bad_rows",
    {
        "file": TEXT,
        "line": BIGINT,
        "table_name": TEXT,
        "column_name": TEXT,
        "reason": TEXT,
        "content": TEXT,
        "is_deleted": BOOL,
    },
    primary_key=("file", "line"),
    merge_key=("file",),
    deleted_flag="is_deleted",
    personal=("content",),
)
COUNTS = source_counts("research_files")
FILES = {
    table.name: table for table in (STUDIES, PARTICIPANTS, CONSENTS, CONTACTS, SESSIONS, NOTES)
}
TABLES = (*FILES.values(), PSEUDONYMS, ERASED, BAD_ROWS, COUNTS)
FLAGS = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}

Item = dict[str, Any]


class BadValueError(ValueError):
    """A cell that its column cannot hold."""


@dataclass(frozen=True)
class Reading:
    """What one file holds: rows for its table, and those that no table can take.

    Without a table: how many files there are.
    """

    table: Table | None
    file: str
    modified_at: datetime
    rows: Sequence[Row] = ()
    bad: Sequence[Row] = field(default_factory=list)
    count: int | None = None


@dlt.source(name="research_files", section="research_files", max_table_nesting=0)
def research_files(
    bucket_url: str = dlt.secrets.value,
    stopped: Sequence[str] = (),
) -> Iterable[DltResource]:
    """Load the CSV files below one folder or bucket, but for the tables in `stopped`."""
    can_be_checked(lambda: _listed(bucket_url))
    people = Pseudonyms("research_files")
    parent = dlt.resource(
        lambda: _readings(bucket_url, people, stopped), name="readings", selected=False
    )
    return (
        *(table.transformer(parent, partial(_rows_of, table)) for table in FILES.values()),
        PSEUDONYMS.transformer(parent, partial(_pseudonyms, people)),
        # Filled by an erasure alone: what is dropped at the door is not counted either.
        ERASED.transformer(parent, lambda reading: iter(())),
        BAD_ROWS.transformer(parent, lambda reading: iter([_bad_rows(reading)])),
        COUNTS.transformer(parent, lambda reading: iter([_counts(reading)])),
    )


def _readings(bucket_url: str, people: Pseudonyms, stopped: Sequence[str]) -> Iterator[Reading]:
    state = dlt.current.source_state()
    known: dict[str, list[str]] = state.setdefault("files", {})
    # Files are read again for a table that was left out.
    for table in [table for table in state.get("stopped", {}) if table not in stopped]:
        for name in [name for name, (_, of) in known.items() if of == table]:
            del known[name]
    found = {item["relative_path"]: item for item in _listed(bucket_url)}
    for name, item in sorted(
        found.items(), key=lambda each: (each[1]["modification_date"], each[0])
    ):
        table = _table_of(name)
        # A file that was put back in its old form has another date, and perhaps an older one.
        mark = f"{item['modification_date'].isoformat()} {item['size_in_bytes']}"
        if table and table.name not in stopped and known.get(name, [None])[0] != mark:
            yield _read(table, name, item, people)
            known[name] = [mark, table.name]
    newest = max(item["modification_date"] for item in found.values()).astimezone(UTC)
    for name in [name for name in known if name not in found]:
        yield Reading(FILES[known.pop(name)[1]], name, newest)
    yield Reading(None, "all", newest, count=len(found))
    state["vendor_now"] = newest.isoformat()


def _listed(bucket_url: str) -> list[Item]:
    setting = setting_name("research_files", "bucket_url")
    if not bucket_url:
        raise SettingError(f"research_files: {setting} is empty; set it in .env")
    found = list(filesystem(bucket_url, file_glob="**/*.csv"))
    if not found:
        # A folder that is not mounted must not look like one that was emptied.
        raise SettingError(
            f"research_files: {setting} is {bucket_url!r}, where no CSV file is; name the folder or"
            " bucket with studies.csv, participants.csv, consents.csv, contacts.csv, sessions.csv"
        )
    return found


def _table_of(name: str) -> Table | None:
    """The table that a file's name, or the folder it is in, begins with."""
    first = re.split(r"[^a-z]", PurePosixPath(name).parts[0].lower())[0]
    return FILES.get(first)


def _read(table: Table, name: str, item: Item, people: Pseudonyms) -> Reading:
    modified: datetime = item["modification_date"].astimezone(UTC)
    with item.open(mode="rb") as file:  # type: ignore[attr-defined]
        # Spreadsheets begin a file with a mark of its encoding.
        content = file.read()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ShapeError(
            f"research_files: {name} is no UTF-8 text (byte {error.start}); nothing of this"
            " source was loaded. Export it as CSV in UTF-8"
        ) from error
    reader = csv.DictReader(io.StringIO(text), strict=False)
    _compare(table, [str(each) for each in reader.fieldnames or ()], modified)
    rows: list[Row] = []
    bad: list[Row] = []
    for line in reader:
        origin = {"file": name, "modified_at": modified}
        try:
            row = {column: _cell(table, column, line) for column in _declared(table)}
            rows.append({**row, **origin})
        except BadValueError as error:
            column, reason = error.args
            content = json.dumps({str(key): value for key, value in line.items()}, sort_keys=True)
            bad.append(
                {
                    **{"file": name, "line": reader.line_num, "table_name": table.name},
                    **{"column_name": column, "reason": reason, "content": content},
                }
            )
    return Reading(table, name, modified, _without_erased(people, rows), bad)


def _declared(table: Table) -> list[str]:
    return [column for column in table.columns if column not in ORIGIN]


def _compare(table: Table, header: Sequence[str], now: datetime) -> None:
    """Note new columns of a file, and stop its table for those that are gone."""
    for column in header:
        if column not in table.columns:
            note_new_column("research_files", table.name, column, "text", now.isoformat())
    for column in _declared(table):
        if column not in header:
            table.dropped(column)


def _cell(table: Table, column: str, line: Mapping[str, Any]) -> object:
    text = line.get(column)
    text = text.strip() if isinstance(text, str) else None
    if None in line:
        raise BadValueError("", "more cells than columns")
    if not text:
        if column in table.primary_key:
            raise BadValueError(column, "missing")
        return None
    try:
        return _PARSED[table.columns[column]](text)
    except (ValueError, KeyError) as error:
        raise BadValueError(column, _REASONS[table.columns[column]]) from error


def _moment(text: str) -> datetime:
    read = datetime.fromisoformat(text)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


_PARSED: dict[pa.DataType, Any] = {  # Any: each reads text as its type
    TEXT: str,
    BIGINT: int,
    BOOL: lambda text: FLAGS[text.lower()],
    TIME: _moment,
}
_REASONS = {BIGINT: "not a whole number", BOOL: "neither true nor false", TIME: "not a time"}


def _without_erased(people: Pseudonyms, rows: list[Row]) -> list[Row]:
    """The rows without those of people who were erased here, by id or by address."""

    def names(row: Row) -> Iterator[str]:
        for column in ("participant_id", "email"):
            if row.get(column):
                yield str(row[column]) if column == "participant_id" else str(row[column]).lower()

    return [row for row in rows if not people.erased(names(row))]


def _rows_of(table: Table, reading: Reading) -> Iterator[Sequence[Row]]:
    if reading.table is table:
        # What empties a file's rows has a key of its own, since dlt keeps one row a key.
        empty = {
            column: f"file:{reading.file}" if table.columns[column] == TEXT else reading.modified_at
            for column in table.primary_key
        }
        origin = {"file": reading.file, "modified_at": reading.modified_at, "is_deleted": True}
        yield [{**empty, **origin}, *reading.rows]


def _pseudonyms(people: Pseudonyms, reading: Reading) -> Iterator[Sequence[Row]]:
    ids = (row.get(column) for row in reading.rows for column in ("participant_id", "note_id"))
    yield from people.rows(str(each) for each in ids if each)


def _bad_rows(reading: Reading) -> Sequence[Row]:
    if reading.table is None:
        return []
    return [{"file": reading.file, "line": 0, "is_deleted": True}, *reading.bad]


def _counts(reading: Reading) -> Sequence[Row]:
    """How many different things a file tells of; those it shares with others count in each."""
    key = reading.table.primary_key if reading.table else ()
    told = len({tuple(row[column] for column in key) for row in reading.rows})
    return [
        {
            "table_name": reading.table.name if reading.table else "files",
            "scope": reading.file,
            "source_count": told if reading.count is None else reading.count,
            "counted_at": reading.modified_at,
        }
    ]
