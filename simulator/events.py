"""Product events in the order they arrived, read a stretch at a time so that any number fits."""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.feather as feather
import pyarrow.parquet as pq

from simulator.tables import BATCH_ROWS, TIME, CompanyError, Shape, batches, files, moment

COLUMNS = {
    "uuid": pa.string(),
    "event": pa.string(),
    "distinct_id": pa.string(),
    "person_id": pa.string(),
    "properties": pa.string(),
    "person_properties": pa.string(),
    "elements_chain": pa.string(),
    "timestamp": TIME,
    "created_at": TIME,
    "inserted_at": TIME,
}
SCHEMA = pa.schema(list(COLUMNS.items()))
SHAPE = Shape("posthog/events", COLUMNS, ("distinct_id", "event", "timestamp"), keeps_extra=True)
NAMESPACE = uuid.UUID("6f2b1d0e-4a0c-5f57-9d3e-0c9a4f3b7a11")
# Raise it when the conversion writes something else, so that old caches are left behind.
CONVERSION = 1
# A vendor's file always has these; the others have a default that costs nothing to add.
ESSENTIAL = {"uuid", "event", "distinct_id", "person_id", "properties", "timestamp", "inserted_at"}
WEEK = 7 * 24 * 3600 * 1_000_000
# An export covers at most a week: wider row groups are read again and again for nothing.
WIDEST_ROW_GROUP = 8 * WEEK
LARGEST_ROW_GROUP = 2_000_000


@dataclass(frozen=True)
class Chunk:
    """A row group: when its rows arrived and when they happened, from the file's own statistics."""

    path: Path
    row_group: int
    rows: int
    first_arrival: int
    last_arrival: int
    earliest: int
    latest: int


class EventLog:
    """Events by arrival, from files whose row groups are in arrival order."""

    def __init__(self, paths: list[Path]) -> None:
        self.chunks = [chunk for path in paths for chunk in chunks(path)]

    @property
    def earliest(self) -> int | None:
        return min((chunk.first_arrival for chunk in self.chunks), default=None)

    @property
    def latest(self) -> int | None:
        return max((max(c.last_arrival, c.latest) for c in self.chunks), default=None)

    def arrived(self, start: int, end: int) -> Iterator[pa.Table]:
        """All columns of the events with start <= inserted_at < end."""
        for chunk in self.chunks:
            if chunk.last_arrival >= start and chunk.first_arrival < end:
                yield _within(_load(chunk, list(COLUMNS)), "inserted_at", start, end)

    def happened(self, start: int, end: int, seen: int) -> Iterator[pa.Table]:
        """uuid and timestamp of events that happened in [start, end) and arrived by `seen`."""
        for chunk in self.chunks:
            if chunk.latest >= start and chunk.earliest < end and chunk.first_arrival <= seen:
                table = _load(chunk, ["uuid", "timestamp", "inserted_at"])
                table = _within(table, "timestamp", start, end)
                yield _where(table, pc.less_equal(table["inserted_at"], moment(seen)))


def open_log(folder: Path, cache: Path) -> EventLog:
    """The events of a company; files that would be slow or unsafe to serve are converted once."""
    paths = files(folder, SHAPE.name)
    if not servable(paths):
        paths = _converted(folder, paths, cache)
    return EventLog(paths)


def chunks(path: Path) -> list[Chunk]:
    with pq.ParquetFile(path) as file:
        metadata = file.metadata
    index = {metadata.schema.column(i).path: i for i in range(metadata.num_columns)}
    found = []
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group)
        if rows.num_rows:
            arrival = rows.column(index["inserted_at"]).statistics
            happening = rows.column(index["timestamp"]).statistics
            found.append(Chunk(path, group, rows.num_rows, *_bounds(arrival), *_bounds(happening)))
    return found


def servable(paths: list[Path]) -> bool:
    """Whether files can be served as they lie: typed, filled, and roughly in arrival order."""
    try:
        if not all(path.suffix == ".parquet" and _filled(path) for path in paths):
            return False
        found = [chunk for path in paths for chunk in chunks(path)]
    except (pa.ArrowException, OSError, KeyError, AttributeError, TypeError):
        # The conversion meets the same fault and names the cell.
        return False
    rows = sum(chunk.rows for chunk in found)
    spread = sum(chunk.rows * (chunk.last_arrival - chunk.first_arrival) for chunk in found)
    ordered = rows <= BATCH_ROWS or spread <= rows * WIDEST_ROW_GROUP
    return ordered and all(chunk.rows <= LARGEST_ROW_GROUP for chunk in found)


def _filled(path: Path) -> bool:
    """No column PostHog lacks, none of the essential ones missing, mistyped or with gaps."""
    with pq.ParquetFile(path) as file:
        schema, metadata = file.schema_arrow, file.metadata
    names = set(schema.names)
    if not (ESSENTIAL <= names <= set(COLUMNS)):
        return False
    if not all(_typed(schema.field(name).type, COLUMNS[name]) for name in names):
        return False
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    return all(
        group.column(i).statistics.null_count == 0
        for group in groups
        for i in range(metadata.num_columns)
        if group.column(i).path_in_schema in ESSENTIAL
    )


def _typed(found: pa.DataType, wanted: pa.DataType) -> bool:
    if wanted == TIME:
        return bool(pa.types.is_timestamp(found)) and found.unit in ("ms", "us")
    return bool(pa.types.is_string(found) or pa.types.is_large_string(found))


def _bounds(statistics: pq.Statistics) -> tuple[int, int]:
    # `min` and `max` would import pandas, which costs more time than all of the rest.
    unit = json.loads(statistics.logical_type.to_json())["timeUnit"]
    scale = {"milliseconds": 1000, "microseconds": 1}[unit]
    return statistics.min_raw * scale, statistics.max_raw * scale


def _load(chunk: Chunk, columns: list[str]) -> pa.Table:
    with pq.ParquetFile(chunk.path) as file:
        there = [name for name in columns if name in file.schema_arrow.names]
        table = file.read_row_group(chunk.row_group, columns=there, use_threads=False)
    arrays = {name: table[name].cast(COLUMNS[name], safe=False) for name in there}
    for name in columns:
        if name not in arrays:
            arrays[name] = _absent(name, arrays, table.num_rows)
    return pa.table({name: arrays[name] for name in columns})


def _absent(name: str, arrays: dict[str, pa.ChunkedArray], rows: int) -> pa.ChunkedArray:
    if name == "created_at":
        return arrays["inserted_at"]
    text = "{}" if name == "person_properties" else ""
    return pa.chunked_array([pa.repeat(text, rows)])


def _within(table: pa.Table, column: str, start: int, end: int) -> pa.Table:
    times = table[column]
    inside = pc.and_(
        pc.greater_equal(times, pa.scalar(moment(start), TIME)),
        pc.less(times, pa.scalar(moment(end), TIME)),
    )
    return _where(table, inside)


def _where(table: pa.Table, mask: pa.ChunkedArray) -> pa.Table:
    """The rows for which the mask holds, without a copy where that is all of them."""
    return table if pc.all(mask).as_py() else table.filter(mask)


def _converted(folder: Path, paths: list[Path], cache: Path) -> list[Path]:
    target = cache / _fingerprint(paths)
    if not target.is_dir():
        work = cache / f"{target.name}.{os.getpid()}"
        shutil.rmtree(work, ignore_errors=True)
        try:
            _convert(folder, work)
            work.rename(target)
        except OSError:
            # Another process may have finished the same conversion first.
            if not target.is_dir():
                raise
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return sorted(target.glob("*.parquet"))


def _fingerprint(paths: list[Path]) -> str:
    seen = hashlib.sha256(str(CONVERSION).encode())
    for path in paths:
        stat = path.stat()
        seen.update(f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}\n".encode())
    return seen.hexdigest()[:16]


def _convert(folder: Path, work: Path) -> None:
    """Deal rows into weeks of arrival on disk, then sort week by week: one week in memory."""
    dealt = work / "dealt"
    dealt.mkdir(parents=True)
    row = 0
    for piece, table in enumerate(batches(folder, SHAPE)):
        whole = complete(table, row)
        row += table.num_rows
        weeks = pc.floor(pc.divide(whole["inserted_at"].cast(pa.int64()), WEEK))
        for week in pc.unique(weeks).to_pylist():
            part = whole.filter(pc.equal(weeks, week))
            feather.write_feather(part, dealt / f"{int(week):06d}-{piece:06d}.arrow")
    for week in sorted({path.name[:6] for path in dealt.iterdir()}):
        parts = [feather.read_table(path) for path in sorted(dealt.glob(f"{week}-*"))]
        ordered = pa.concat_tables(parts).sort_by("inserted_at")
        pq.write_table(ordered, work / f"{week}.parquet", row_group_size=BATCH_ROWS)
    shutil.rmtree(dealt)


def complete(table: pa.Table, first_row: int) -> pa.Table:
    """Rows with every column of the vendor filled in, by the documented defaults."""
    extra = [name for name in table.column_names if name not in COLUMNS]
    arrived = pc.coalesce(table["inserted_at"], table["timestamp"])
    whole = {
        **{name: table[name] for name in COLUMNS},
        "inserted_at": arrived,
        "created_at": pc.coalesce(table["created_at"], arrived),
        "person_id": pc.coalesce(table["person_id"], _persons(table["distinct_id"])),
        "properties": _properties(table, extra, first_row),
        "person_properties": pc.fill_null(table["person_properties"], "{}"),
        "elements_chain": pc.fill_null(table["elements_chain"], ""),
    }
    if table["uuid"].null_count:
        whole["uuid"] = pc.coalesce(table["uuid"], _uuids(pa.table(whole), first_row))
    return pa.table(whole).select(list(COLUMNS)).cast(SCHEMA)


def _persons(distinct_ids: pa.ChunkedArray) -> pa.Array:
    encoded = distinct_ids.combine_chunks().dictionary_encode()
    named = [person_of(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(named, pa.string()).take(encoded.indices)


def person_of(distinct_id: str) -> str:
    return str(uuid.uuid5(NAMESPACE, f"person|{distinct_id}"))


def _uuids(table: pa.Table, first_row: int) -> pa.Array:
    # The row number keeps two equal rows of an export two events.
    rows = table.select(["distinct_id", "event", "timestamp", "properties"]).to_pylist()
    made = [
        str(uuid.uuid5(NAMESPACE, f"{first_row + i}|{'|'.join(map(str, row.values()))}"))
        for i, row in enumerate(rows)
    ]
    return pa.array(made, pa.string())


def _properties(table: pa.Table, extra: list[str], first_row: int) -> pa.Array:
    """The JSON object of each row, with the columns PostHog does not have folded in."""
    texts = table["properties"].to_pylist()
    columns = {name: table[name].to_pylist() for name in extra}
    folded = []
    for index, text in enumerate(texts):
        found = _object(text, first_row + index + 1)
        for name, values in columns.items():
            if values[index] is not None:
                found.setdefault(name, values[index])
        folded.append(json.dumps(found, default=_plain) if extra or text is None else text)
    return pa.array(folded, pa.string())


def _object(text: str | None, row: int) -> dict:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise CompanyError(
            f"{SHAPE.name}: column 'properties', row {row}: {str(text)[:80]!r};"
            ' write a JSON object such as {"plan": "team"}'
        )
    return found


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
