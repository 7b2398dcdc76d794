"""Cases from files into the tables of a scratch DuckDB."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa


@dataclass(frozen=True)
class Case:
    """One question with its answer. `number` names its relations: `cases.events_12` and so on."""

    number: int
    path: Path
    content: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.content.get("id") or self.path.stem)

    @property
    def metric(self) -> str:
        """The family; `query.metric` says which number of it."""
        return str(self.content.get("metric") or self.path.parent.name)

    @property
    def query(self) -> dict[str, Any]:
        return dict(self.content.get("query") or {})

    @property
    def expected(self) -> dict[str, Any]:
        return dict(self.content["expected"])

    def relation(self, kind: str) -> str:
        return f"cases.{kind}_{self.number}"


def read(paths: Iterable[Path]) -> list[Case]:
    """Return the cases of files and folders, in the order of their paths.

    Raises:
        SystemExit: a path is not there, or a file is no case.
    """
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise SystemExit(f"{path} is not there; give files or folders of cases")
        files += sorted(path.rglob("*.json")) if path.is_dir() else [path]
    found = []
    for number, file in enumerate(files):
        try:
            content = json.loads(file.read_text())
            content["expected"]
        except (ValueError, KeyError, TypeError) as error:
            raise SystemExit(f"{file} is no case: {type(error).__name__}: {error}") from None
        found.append(Case(number, file, content))
    if not found:
        raise SystemExit("there is no case in what was given")
    return found


EVENTS = """
create table cases.deliveries (
    case_number integer, event_id bigint, delivery_id varchar, person_id varchar,
    distinct_id varchar, event varchar, occurred_at timestamp, properties json,
    person_properties json, groups json, person_created_at timestamp, person_seen_at timestamp)
"""


def _text(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def _utc(text: str | None) -> str | None:
    return None if text is None else text.replace("Z", "+00:00")


def load(connection: duckdb.DuckDBPyConnection, cases: list[Case]) -> None:
    """Make `cases.events_N` of each case with events, a delivery that came twice left out once."""
    connection.execute("set TimeZone = 'UTC'; create schema cases")
    connection.execute(EVENTS)
    rows = [row for case in cases for row in _deliveries(case)]
    names = [each[0] for each in connection.execute("from cases.deliveries limit 0").description]
    if rows:
        columns = list(zip(*rows, strict=True))
        given = pa.table(
            {
                name: pa.array(column, pa.int64() if name in INTEGERS else pa.string())
                for name, column in zip(names, columns, strict=True)
            }
        )
        connection.register("given", given)
        times = " , ".join(
            f"cast({name} as timestamptz) as {name}"
            for name in ("occurred_at", "person_created_at", "person_seen_at")
        )
        connection.execute(f"insert into cases.deliveries select * replace ({times}) from given")
        connection.unregister("given")
    for case in cases:
        connection.execute(
            f"create view {case.relation('events')} as select * from cases.deliveries"
            f" where case_number = {case.number} qualify row_number() over (partition by"
            " coalesce(delivery_id, cast(event_id as varchar)) order by event_id) = 1"
        )


INTEGERS = {"case_number", "event_id"}
NOBODY = "00000000-0000-0000-0000-000000000000"


def _deliveries(case: Case) -> Iterable[tuple[Any, ...]]:
    persons = case.content.get("persons") or {}
    seen: dict[str, str] = {}
    for event in case.content.get("events") or []:
        person = event.get("person_id")
        if person is not None:
            seen[person] = min(seen.get(person, event["timestamp"]), event["timestamp"])
    for sequence, event in enumerate(case.content.get("events") or []):
        person = event.get("person_id")
        person = None if person == NOBODY else person
        known = persons.get(person) or {}
        yield (
            case.number,
            sequence,
            event.get("uuid"),
            person,
            event.get("distinct_id"),
            event["event"],
            _utc(event["timestamp"]),
            _text(event.get("properties") or {}),
            _text(known.get("properties") or {}),
            _text(event.get("groups") or {}),
            _utc(known.get("created_at")),
            _utc(seen.get(person)) if person is not None else None,
        )
