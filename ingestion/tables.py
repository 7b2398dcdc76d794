"""How a raw table is declared, and how rows become it: typed Arrow, never guessed from data."""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import dlt
import pyarrow as pa
from dlt.extract import DltResource, DltSource

from ingestion.destination import APPEND_KEY, LOAD_ID
from ingestion.drift import Drift, DriftError, is_accepted

TEXT = pa.string()
BIGINT = pa.int64()
BOOL = pa.bool_()
DATE = pa.date32()
TIME = pa.timestamp("us", "UTC")

Row = Mapping[str, object]
LOAD_ID_COLUMN = {"name": LOAD_ID, "data_type": "text", "nullable": True}


@dataclass(frozen=True)
class Table:
    """A raw table: `<source>.<name>`, its typed columns and what makes a row unique."""

    source: str
    name: str
    columns: Mapping[str, pa.DataType]
    # Without a key dlt's merge appends silently, so an empty key means: append.
    primary_key: tuple[str, ...] = ()
    # An appended row that agrees with another in all of these is the same, delivered twice.
    append_key: tuple[str, ...] = ()
    # All rows that share this key are replaced together.
    merge_key: tuple[str, ...] = ()
    # Of two rows with one key in one load, the one with the greatest value here stays.
    newest: str | None = None
    # Rows with this flag set delete and are not kept.
    deleted_flag: str | None = None
    # Columns that say who somebody is, or hold free text or JSON that may.
    personal: tuple[str, ...] = ()

    @property
    def schema(self) -> pa.Schema:
        keys = {*self.primary_key, *self.merge_key}
        return pa.schema([pa.field(n, t, n not in keys) for n, t in self.columns.items()])

    @property
    def hints(self) -> dict[str, Any]:  # Any: the keyword arguments of dlt.resource
        # Filled by the destination; dlt has to know of it to create it and to merge it.
        columns: dict[str, Any] = {LOAD_ID: LOAD_ID_COLUMN}
        if self.newest:
            columns[self.newest] = {"name": self.newest, "dedup_sort": "desc"}
        if self.deleted_flag:
            columns[self.deleted_flag] = {"name": self.deleted_flag, "hard_delete": True}
        for name in self.personal:
            columns.setdefault(name, {"name": name})["x-personal"] = True
        for name in self.append_key:
            columns.setdefault(name, {"name": name})[APPEND_KEY] = True
        hints: dict[str, Any] = {
            "name": self.name,
            "write_disposition": "append",
            "columns": columns,
        }
        if self.primary_key:
            hints |= {"write_disposition": "merge", "primary_key": list(self.primary_key)}
        if self.merge_key:
            hints |= {"merge_key": list(self.merge_key)}
        return hints

    def arrow(self, rows: Iterable[Row]) -> pa.Table:
        listed = list(rows)
        arrays = [
            pa.array([self._value(name, kind, row.get(name)) for row in listed], kind)
            for name, kind in self.columns.items()
        ]
        return pa.Table.from_arrays(arrays, schema=self.schema)

    def resource(self, rows: Callable[[], Iterator[Sequence[Row]]]) -> DltResource:
        """A resource that writes each batch `rows` yields."""
        return dlt.resource(lambda: (self.arrow(batch) for batch in rows()), **self.hints)

    def transformer(
        self, parent: DltResource, rows: Callable[[Any], Iterator[Sequence[Row]]]
    ) -> DltResource:
        """A resource that writes what `rows` makes of each item of `parent`."""
        # Any: whatever the parent yields.
        return dlt.transformer(
            lambda item: (self.arrow(batch) for batch in rows(item) if batch),
            data_from=parent,
            **self.hints,
        )

    def _value(self, column: str, kind: pa.DataType, value: object) -> object:
        if value is None:
            return None
        convert, taken = _CONVERSIONS[kind]
        # bool is an int to Python and a change of type to us.
        is_as_declared = isinstance(value, taken) and (kind == BOOL or not isinstance(value, bool))
        drift = Drift(
            self.source, self.name, column, "changed type", str(kind), type(value).__name__
        )
        if not is_as_declared and is_accepted(self.source, self.name, column, drift.kind):
            is_as_declared = True
            value = value if kind == BOOL else json.dumps(value).strip('"')
        if is_as_declared:
            try:
                return convert(value)
            except ValueError:
                pass
        raise DriftError(drift)

    def dropped(self, column: str) -> None:
        """Take note that a declared column did not come.

        Raises:
            DriftError: nobody accepted that.
        """
        if not is_accepted(self.source, self.name, column, "dropped column"):
            kind = str(self.columns[column])
            raise DriftError(Drift(self.source, self.name, column, "dropped column", kind))


def _text(value: Any) -> str:  # Any: str, int or float, as checked by the caller
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _time(value: Any) -> datetime:  # Any: str or datetime, as checked by the caller
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def _whole(value: Any) -> int:  # Any: int, float or accepted text, as checked by the caller
    if isinstance(value, str):
        value = float(value)
    if isinstance(value, float) and not (math.isfinite(value) and value.is_integer()):
        raise ValueError(value)
    return int(value)


_CONVERSIONS: dict[pa.DataType, tuple[Callable[[Any], object], tuple[type, ...]]] = {
    TEXT: (_text, (str, int, float)),
    BIGINT: (_whole, (int, float)),
    BOOL: (bool, (bool,)),
    DATE: (lambda value: value, (date,)),
    TIME: (_time, (str, datetime)),
}


def empty(tables: Iterable[Table]) -> DltSource:
    """A source that creates `tables` and puts nothing into them."""
    tables = list(tables)

    @dlt.source(name=tables[0].source, max_table_nesting=0)
    def declared() -> list[DltResource]:
        return [table.resource(lambda: iter([[]])) for table in tables]

    return declared()


def changed(table: Table, rows: Sequence[Row]) -> bool:
    """Whether `rows` differ from those of the load before; remembered with the load's state."""
    digests = dlt.current.source_state().setdefault("digests", {})
    digest = digest_of(rows)
    if digests.get(table.name) == digest:
        return False
    digests[table.name] = digest
    return True


def digest_of(rows: Sequence[Row]) -> str:
    text = json.dumps(rows, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def from_unix(value: object) -> object:
    """Seconds since 1970 as a time; anything else as it came, for the table to refuse."""
    is_seconds = isinstance(value, int) and not isinstance(value, bool)
    return datetime.fromtimestamp(value, UTC) if is_seconds else value  # type: ignore[arg-type]


def in_batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:  # Any: any item
    """Lists of `size` items, the last one shorter."""
    batch: list[Any] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def source_counts(source: str) -> Table:
    """What the vendor itself says it holds, to reconcile with what was loaded."""
    columns = {"table_name": TEXT, "scope": TEXT, "source_count": BIGINT, "counted_at": TIME}
    return Table(source, "source_counts", columns, primary_key=("table_name", "scope"))
