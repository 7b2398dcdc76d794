"""The contract with each vendor's shapes: what is taken in, what stops a table, what was accepted.

    new column      taken in and listed, until somebody accepts it
    changed type    stops its table, until its values are as declared again, or it is accepted:
                    then they are converted to the declared type, and one that cannot be stops again
    dropped column  stops its table, until it is back, or it is accepted: then it is null

A table that is stopped keeps its rows, and the next load goes on where it stopped. What is accepted
lies in data/contract.json; what is listed, in the table `<source>.drift`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import dlt

from ingestion.errors import IngestionError, ShapeError
from ingestion.paths import data_dir

Kind = Literal["new column", "changed type", "dropped column"]
COLUMNS = (
    "table_name varchar, column_name varchar, kind varchar, declared_type varchar,"
    " found_type varchar, first_seen_at varchar, last_seen_at varchar, stops_table boolean,"
    " is_accepted boolean"
)


@dataclass(frozen=True)
class Drift:
    """A column that is not what was declared."""

    source: str
    table: str
    column: str
    kind: Kind
    declared: str | None = None
    found: str | None = None

    @property
    def name(self) -> str:
        return f"{self.source}.{self.table}.{self.column}"

    def __str__(self) -> str:
        if self.kind == "new column":
            return f"{self.name} is new ({self.found})"
        if self.kind == "dropped column":
            return f"{self.name} is gone; it was {self.declared}"
        return f"{self.name} is {self.declared}, and the vendor now sends {self.found}"


class DriftError(ShapeError):
    """A column that stops its table."""

    def __init__(self, drift: Drift) -> None:
        super().__init__(
            f"{drift}; {drift.source}.{drift.table} was not loaded. If it is meant to be so, accept"
            f" it with `python -m ingestion accept {drift.name}`"
        )
        self.drift = drift


class NothingToAcceptError(IngestionError):
    """A column that drifted nowhere, or that is not known."""


def accepted() -> dict[str, str]:
    """Return the accepted columns, as `source.table.column`, and what was accepted of each."""
    path = data_dir() / "contract.json"
    found: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return found


def is_accepted(source: str, table: str, column: str, kind: Kind) -> bool:
    return accepted().get(f"{source}.{table}.{column}") == kind


def accept(drift: Drift) -> None:
    """Remember a drift as meant."""
    path = data_dir() / "contract.json"
    fresh = path.with_name(".contract.json")
    fresh.write_text(json.dumps({**accepted(), drift.name: drift.kind}, indent=1, sort_keys=True))
    fresh.replace(path)


def note_new_column(source: str, table: str, column: str, found: str, now: str) -> None:
    """List a column that was taken in; to be called while a resource is read."""
    noted = dlt.current.source_state().setdefault("new_columns", {})
    drift = Drift(source, table, column, "new column", None, found)
    noted[f"{table}.{column}"] = _entry(drift, noted.get(f"{table}.{column}"), now)


def note_stopped(stopped: Mapping[str, Drift], now: str) -> None:
    """List the tables that are stopped in this load, and no others."""
    state = dlt.current.source_state()
    before = state.get("stopped", {})
    state["stopped"] = {
        table: _entry(drift, before.get(table), now) for table, drift in stopped.items()
    }


def _entry(drift: Drift, before: Mapping[str, Any] | None, now: str) -> dict[str, Any]:
    return {
        **asdict(drift),
        "first_seen_at": before["first_seen_at"] if before else now,
        "last_seen_at": now,
    }


def listed(state: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Return the rows of `<source>.drift` that a load state means, in the order of COLUMNS."""
    rows = []
    for group in ("stopped", "new_columns"):
        for entry in state.get(group, {}).values():
            drift = Drift(**{name: entry[name] for name in Drift.__dataclass_fields__})
            rows.append(
                (
                    *(drift.table, drift.column, drift.kind, drift.declared, drift.found),
                    *(entry["first_seen_at"], entry["last_seen_at"], group == "stopped"),
                    accepted().get(drift.name) == drift.kind,
                )
            )
    return rows
