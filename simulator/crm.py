"""CRM records as a log of versions, and what they look like at any moment."""

import bisect
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from simulator.tables import TIME, micros, moment, parse_time

NEVER = np.iinfo(np.int64).max
OWN_COLUMNS = ("id", "created_at", "updated_at", "archived_at", "merged_into", "merged_at")
# Where HubSpot keeps "last changed": contacts have the name from before the others existed.
MODIFIED = {"contacts": "lastmodifieddate"}
NUMERIC = ("number", "datetime", "date")


def modified_property(kind: str) -> str:
    return MODIFIED.get(kind, "hs_lastmodifieddate")


def id_order(identifier: str) -> tuple[int, int, str]:
    """HubSpot ids are numbers written as text; foreign ones may be any text."""
    if identifier.isascii() and identifier.isdigit():
        return (0, int(identifier), identifier)
    return (1, 0, identifier)


def iso_millis(value: int) -> str:
    """The vendor's way to write a time: milliseconds and a Z."""
    return moment(value).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Change:
    """One value a property took."""

    value: str | None
    at: int


@dataclass(frozen=True)
class View:
    """The live and the archived records of one type at one moment, in id order."""

    at: int
    codes: np.ndarray
    rows: np.ndarray
    updated: np.ndarray
    archived_codes: np.ndarray
    archived_rows: np.ndarray
    merged_ids: dict[int, str] = field(default_factory=dict)

    def position(self, code: int) -> int | None:
        index = int(np.searchsorted(self.codes, code))
        return index if index < len(self.codes) and self.codes[index] == code else None


class Records:
    """All versions of the records of one type, column by column."""

    def __init__(self, kind: str, table: pa.Table, window_start: int) -> None:
        self.kind = kind
        self.modified = modified_property(kind)
        self._columns = {
            name: table[name] for name in table.column_names if name not in OWN_COLUMNS
        }
        ids = table["id"].to_pylist()
        created, updated = self._times(table, window_start)
        self.ids = sorted(set(ids), key=id_order)
        self._code = {identifier: code for code, identifier in enumerate(self.ids)}
        codes = np.array([self._code[identifier] for identifier in ids], dtype=np.int64)
        self._order = np.lexsort((updated, codes))
        self._codes, self._updated = codes[self._order], updated[self._order]
        self.created = np.full(len(self.ids), NEVER)
        np.minimum.at(self.created, codes, created)
        self.archived_at = self._first(codes, table["archived_at"])
        self.merged_at = self._first(codes, table["merged_at"])
        self._winner = self._winners(codes, table["merged_into"].to_pylist())
        self.view = lru_cache(maxsize=8)(self._view)

    def _times(self, table: pa.Table, window_start: int) -> tuple[np.ndarray, np.ndarray]:
        created = self._filled(table, "created_at", ("createdate", "hs_createdate"))
        changed = self._filled(
            table, "updated_at", (self.modified, "lastmodifieddate", "hs_lastmodifieddate")
        )
        created = np.where(created == NEVER, window_start, created)
        return created, np.where(changed == NEVER, created, changed)

    def _filled(self, table: pa.Table, own: str, properties: tuple[str, ...]) -> np.ndarray:
        values = _micros(table[own])
        for name in properties:
            if name in table.column_names and (values == NEVER).any():
                parsed = [parsed_micros(text) for text in table[name].to_pylist()]
                stand_in = np.array([NEVER if v is None else v for v in parsed], dtype=np.int64)
                values = np.where(values == NEVER, stand_in, values)
        return values

    def _first(self, codes: np.ndarray, column: pa.ChunkedArray) -> np.ndarray:
        """Per record, the earliest time any of its rows gives; NEVER where none does."""
        found = np.full(len(self.ids), NEVER)
        np.minimum.at(found, codes, _micros(column))
        return found

    def _winners(self, codes: np.ndarray, merged_into: list[str | None]) -> dict[int, int]:
        found: dict[int, int] = {}
        for code, winner in zip(codes.tolist(), merged_into, strict=True):
            if winner is not None and winner in self._code and self._code[winner] != code:
                found[code] = self._code[winner]
        return found

    @property
    def property_names(self) -> list[str]:
        return list(self._columns)

    def code(self, identifier: str) -> int | None:
        return self._code.get(identifier)

    def code_after(self, identifier: str) -> int:
        """The code of the first id beyond `identifier`, which need not exist (any more)."""
        return bisect.bisect_right(self.ids, id_order(identifier), key=id_order)

    def survivor(self, code: int, at: int) -> int:
        """The record this one has been merged into by `at`, over as many merges as there were."""
        seen = set()
        while code in self._winner and self.merged_at[code] <= at and code not in seen:
            seen.add(code)
            code = self._winner[code]
        return code

    def _view(self, at: int) -> View:
        known = np.flatnonzero(self._updated <= at)
        codes = self._codes[known]
        last = np.append(codes[1:] != codes[:-1], True) if len(codes) else np.array([], bool)
        rows, codes = known[last], codes[last]
        losers = [c for c in self._winner if self.merged_at[c] <= at]
        gone = np.zeros(len(self.ids), bool)
        gone[losers] = True
        archived = self.archived_at[codes] <= at
        live, dead = ~gone[codes] & ~archived, ~gone[codes] & archived
        updated = self._updated[rows]
        moved, merged_ids = self._merges(losers, at)
        touched = np.array([moved.get(code, 0) for code in codes.tolist()], dtype=np.int64)
        updated = np.maximum(updated, touched) if len(codes) else updated
        return View(at, codes[live], rows[live], updated[live], codes[dead], rows[dead], merged_ids)

    def _merges(self, losers: list[int], at: int) -> tuple[dict[int, int], dict[int, str]]:
        moved: dict[int, int] = {}
        swallowed: dict[int, list[int]] = {}
        for code in sorted(losers):
            winner = self.survivor(code, at)
            moved[winner] = max(moved.get(winner, 0), int(self.merged_at[code]))
            swallowed.setdefault(winner, []).append(code)
        return moved, {
            winner: ";".join(self.ids[code] for code in codes)
            for winner, codes in swallowed.items()
        }

    def updated_at(self, row: int) -> int:
        """When the version in `row` was written."""
        return int(self._updated[row])

    def live(self, code: int, at: int) -> bool:
        return self.view(at).position(code) is not None

    @cached_property
    def _values(self) -> dict[str, list[str | None]]:
        order = pa.array(self._order)
        return {name: column.take(order).to_pylist() for name, column in self._columns.items()}

    def properties(self, view: View, code: int, row: int, updated: int) -> dict[str, str | None]:
        """Every property of one record, the vendor's own included."""
        found = {name: values[row] for name, values in self._values.items()}
        found["hs_object_id"] = self.ids[code]
        found["createdate"] = iso_millis(int(self.created[code]))
        found[self.modified] = iso_millis(updated)
        if code in view.merged_ids:
            found["hs_merged_object_ids"] = view.merged_ids[code]
        return found

    def column(self, view: View, name: str) -> list[str | None]:
        """One property over the live records of a view."""
        if name == "hs_object_id":
            return [self.ids[code] for code in view.codes.tolist()]
        if name == "createdate":
            return [iso_millis(value) for value in self.created[view.codes].tolist()]
        if name == self.modified:
            return [iso_millis(value) for value in view.updated.tolist()]
        if name == "hs_merged_object_ids":
            return [view.merged_ids.get(code) for code in view.codes.tolist()]
        values = self._values.get(name)
        rows = view.rows.tolist()
        return [None] * len(rows) if values is None else [values[row] for row in rows]

    def numbers(self, view: View, name: str) -> np.ndarray:
        """The same as numbers: times in milliseconds, NaN where there is none."""
        if name == self.modified:
            return np.asarray(view.updated // 1000, dtype=float)
        if name == "createdate":
            return np.asarray(self.created[view.codes] // 1000, dtype=float)
        return np.array([as_number(text) for text in self.column(view, name)], dtype=float)

    def history(self, view: View, code: int, name: str, row: int, updated: int) -> list[Change]:
        """The values a property took by the time of the view, the newest first."""
        current = self.properties(view, code, row, updated).get(name)
        if name not in self._values or name in ("createdate", self.modified):
            return [] if current is None else [Change(current, updated)]
        changes: list[Change] = []
        for version in self._versions(code, view.at):
            value = self._values[name][version]
            if value != (changes[-1].value if changes else None):
                changes.append(Change(value, int(self._updated[version])))
        return changes[::-1]

    def _versions(self, code: int, at: int) -> Iterator[int]:
        start, end = np.searchsorted(self._codes, [code, code + 1])
        for row in range(int(start), int(end)):
            if self._updated[row] <= at:
                yield row

    def guess_type(self, name: str) -> str:
        """The property type HubSpot would give a column it was never told about."""
        values = [value for value in self._values.get(name, []) if value is not None]
        if values and all(_plainly_numeric(value) for value in values):
            return "number"
        if values and all(parsed_micros(value) is not None for value in values):
            return "datetime"
        return "string"


def _micros(column: pa.ChunkedArray) -> np.ndarray:
    filled = column.cast(TIME).cast(pa.int64()).fill_null(int(NEVER))
    return np.asarray(filled.to_numpy(), dtype=np.int64)


def parsed_micros(text: str | None) -> int | None:
    """A property value as a time; HubSpot itself gives both ISO and epoch milliseconds."""
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) >= 12:
        return int(text) * 1000
    if not text[:4].isdigit():
        return None
    try:
        return micros(parse_time(text)) // 1000 * 1000
    except (ValueError, OverflowError):
        return None


def as_number(text: str | None) -> float:
    """A number, or a time in milliseconds, or NaN."""
    if text is None:
        return float("nan")
    try:
        return float(text)
    except ValueError:
        at = parsed_micros(text)
        return float("nan") if at is None else at / 1000


def _plainly_numeric(text: str) -> bool:
    # 00123 is a code, not a number, and must keep its zeros.
    body = text.lstrip("-")
    if len(body) > 1 and body[0] == "0" and body[1] != ".":
        return False
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


@dataclass(frozen=True)
class Link:
    """An association seen from one of its ends."""

    to_id: str
    type_id: int
    label: str | None
    category: str


# HubSpot's own association types, and each one's number seen from the other end.
OPPOSITE = {279: 280, 1: 2, 341: 342, 5: 6, 3: 4, 449: 450}
OPPOSITE |= {there: here for here, there in OPPOSITE.items()}
STANDARD = {
    ("contacts", "companies"): 279,
    ("deals", "companies"): 341,
    ("deals", "contacts"): 3,
    ("contacts", "contacts"): 449,
}
PRIMARY = {1, 2, 5, 6}


@dataclass(frozen=True)
class Association:
    from_type: str
    from_id: str
    to_type: str
    to_id: str
    type_id: int
    label: str | None
    created: int
    removed: int


class Associations:
    """Who belongs to whom, from both ends, at any moment."""

    def __init__(self, table: pa.Table, records: dict[str, Records]) -> None:
        self._records = records
        self._all = [_association(row) for row in table.to_pylist()]
        self.view = lru_cache(maxsize=4)(self._view)

    def _view(self, at: int) -> dict[tuple[str, str], dict[str, list[Link]]]:
        """(from type, to type) -> id -> links, after removals and merges up to `at`."""
        found: dict[tuple[str, str], dict[str, list[Link]]] = {}
        for row in self._all:
            if row.created <= at < row.removed:
                here, there = (
                    self._now(row.from_type, row.from_id, at),
                    self._now(row.to_type, row.to_id, at),
                )
                if here and there:
                    self._add(found, row, here, there)
        return found

    def _now(self, kind: str, identifier: str, at: int) -> str | None:
        records = self._records.get(kind)
        code = records.code(identifier) if records else None
        if records is None or code is None:
            return None
        survivor = records.survivor(code, at)
        return records.ids[survivor] if records.live(survivor, at) else None

    def _add(
        self,
        found: dict[tuple[str, str], dict[str, list[Link]]],
        row: Association,
        here: str,
        there: str,
    ) -> None:
        back = OPPOSITE.get(row.type_id, row.type_id)
        ends = (
            (row.from_type, here, row.to_type, there, row.type_id),
            (row.to_type, there, row.from_type, here, back),
        )
        for from_type, from_id, to_type, to_id, type_id in ends:
            own = "HUBSPOT_DEFINED" if type_id in OPPOSITE else "USER_DEFINED"
            label = row.label or ("Primary" if type_id in PRIMARY else None)
            links = found.setdefault((from_type, to_type), {}).setdefault(from_id, [])
            link = Link(to_id, type_id, label, own)
            if link not in links:
                links.append(link)


def _association(row: dict[str, Any]) -> Association:
    pair = (row["from_type"], row["to_type"])
    standard = STANDARD.get(pair) or OPPOSITE.get(STANDARD.get(pair[::-1], 0), 0)
    created, removed = row["created_at"], row["removed_at"]
    return Association(
        row["from_type"],
        row["from_id"],
        row["to_type"],
        row["to_id"],
        standard if row["type_id"] is None else row["type_id"],
        row["label"],
        0 if created is None else micros(created),
        int(NEVER) if removed is None else micros(removed),
    )
