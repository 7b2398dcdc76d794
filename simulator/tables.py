"""One table of a company folder: Parquet or CSV in, Arrow with plain text and UTC times out."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

TIME = pa.timestamp("us", "UTC")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Small enough that a table of any size is read in bounded memory.
CSV_BLOCK_BYTES = 8 << 20
BATCH_ROWS = 64 * 1024
ZONE = r":\d\d.*(?:Z|UTC|[+-]\d\d(?::?\d\d)?)$"


class CompanyError(Exception):
    """A company folder that cannot be served, in one line for the person who owns it."""


@dataclass(frozen=True)
class Shape:
    """The columns a table may have; those not named here are `extra`."""

    name: str
    columns: dict[str, pa.DataType]
    required: tuple[str, ...] = ()
    # Columns not named in `columns` are kept only where they mean something.
    keeps_extra: bool = False


@dataclass
class Span:
    """The latest time met while reading, for a company that does not say what "now" is."""

    latest: int | None = None

    def widen(self, micros: int | None) -> None:
        if micros is not None:
            self.latest = micros if self.latest is None else max(self.latest, micros)


@dataclass(frozen=True)
class Origin:
    """Where a batch of rows came from, so that an error can say which cell is wrong."""

    file: str
    first_row: int = 1

    def error(self, column: str, index: int, value: object, remedy: str) -> CompanyError:
        shown = "empty" if value is None else repr(value)[:80]
        row = self.first_row + index
        return CompanyError(f"{self.file}: column {column!r}, row {row}: {shown}; {remedy}")


def micros(moment: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def moment(value: int) -> datetime:
    return EPOCH + timedelta(microseconds=value)


def parse_time(text: str) -> datetime:
    """An ISO 8601 time; one without a zone is UTC."""
    parsed = datetime.fromisoformat(text.strip().removesuffix(" UTC"))
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def files(folder: Path, name: str) -> list[Path]:
    """The files of table `name`: one Parquet or CSV file, or a folder of them; none if absent."""
    single = [p for end in (".parquet", ".csv") if (p := folder / f"{name}{end}").is_file()]
    nested = folder / name
    if nested.is_dir():
        parts = [p for p in nested.rglob("*") if p.suffix in (".parquet", ".csv") and p.is_file()]
        single += sorted(parts)
        if single and len(parts) != len(single):
            raise CompanyError(f"{single[0]}: there is also a folder {name}/; keep one of the two")
    elif len(single) > 1:
        raise CompanyError(f"{single[0]}: there is also {single[1].name}; keep one of the two")
    return single


def batches(folder: Path, shape: Shape) -> Iterator[pa.Table]:
    """The rows of one table, piece by piece, every column of `shape` present and typed."""
    for path in files(folder, shape.name):
        shown = str(path.relative_to(folder))
        first = 1
        for batch in _raw(path, shown):
            yield _conform(batch, shape, Origin(shown, first))
            first += batch.num_rows


def read(folder: Path, shape: Shape, span: Span | None = None) -> pa.Table:
    """The whole of one table; without any file, a table without rows."""
    parts = list(batches(folder, shape)) or [_conform(pa.table({}), shape, Origin(shape.name))]
    texts = [_with_text(part, shape) for part in parts]
    table = pa.concat_tables(texts, promote_options="default").combine_chunks()
    if span is not None:
        for name, kind in shape.columns.items():
            if kind == TIME:
                span.widen(_latest(table[name]))
    return table


def _with_text(table: pa.Table, shape: Shape) -> pa.Table:
    """Extra columns as text, so that files which disagree about their types still fit together."""
    return pa.table(
        {
            name: table[name]
            if name in shape.columns
            else pa.chunked_array([as_text(table[name].combine_chunks())])
            for name in table.column_names
        }
    )


def _latest(column: pa.ChunkedArray) -> int | None:
    value = pc.max(column.cast(pa.int64())).as_py()
    return None if value is None else int(value)


def _raw(path: Path, shown: str) -> Iterator[pa.Table]:
    reader = _parquet if path.suffix == ".parquet" else _csv
    try:
        yield from reader(path)
    except (pa.ArrowInvalid, pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        kind = "Parquet" if path.suffix == ".parquet" else "CSV"
        raise CompanyError(
            f"{shown}: not readable as {kind} ({reason}); write the file again"
        ) from error


def _parquet(path: Path) -> Iterator[pa.Table]:
    with pq.ParquetFile(path) as file:
        if file.metadata.num_rows == 0:
            yield file.schema_arrow.empty_table()
        for batch in file.iter_batches(batch_size=BATCH_ROWS):
            yield pa.Table.from_batches([batch])


def _csv(path: Path) -> Iterator[pa.Table]:
    block = pacsv.ReadOptions(block_size=CSV_BLOCK_BYTES)
    parse = pacsv.ParseOptions(newlines_in_values=True)
    with pacsv.open_csv(path, read_options=block, parse_options=parse) as head:
        names = head.schema.names
    # Text throughout: a reader that guesses turns the id 00123 into a number.
    text = pacsv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
    )
    empty = pa.table({name: pa.array([], pa.string()) for name in names})
    yield empty
    with pacsv.open_csv(
        path, read_options=block, parse_options=parse, convert_options=text
    ) as reader:
        for batch in reader:
            yield pa.Table.from_batches([batch])


def _conform(table: pa.Table, shape: Shape, origin: Origin) -> pa.Table:
    names = table.column_names
    if twice := {name for name in names if names.count(name) > 1}:
        raise CompanyError(f"{origin.file}: column {min(twice)!r} is there twice; drop one")
    arrays: dict[str, pa.Array] = {}
    for name, kind in shape.columns.items():
        if name in names:
            arrays[name] = _convert(table[name].combine_chunks(), kind, name, origin)
        elif name in shape.required and (names or origin.file != shape.name):
            raise CompanyError(
                f"{origin.file}: required column {name!r} is missing; add or rename one"
                f" (there: {', '.join(names) or 'none'})"
            )
        else:
            arrays[name] = pa.nulls(table.num_rows, kind)
    for name in shape.required:
        if arrays[name].null_count:
            index = arrays[name].is_null().to_pylist().index(True)
            raise origin.error(name, index, None, "fill it in or drop the row")
    if shape.keeps_extra:
        arrays |= {
            name: table[name].combine_chunks() for name in names if name not in shape.columns
        }
    return pa.table(arrays)


def _convert(array: pa.Array, kind: pa.DataType, name: str, origin: Origin) -> pa.Array:
    if kind == TIME:
        return _times(array, name, origin)
    text = as_text(array)
    if kind == pa.string():
        return text
    parse, remedy = _PARSERS[kind]
    values = text.to_pylist()
    parsed: list[Any] = []
    for index, value in enumerate(values):
        try:
            parsed.append(None if value is None else parse(value.strip()))
        except (ValueError, KeyError) as error:
            raise origin.error(name, index, value, remedy) from error
    return pa.array(parsed, kind)


_FLAGS = {"true": True, "false": False, "1": True, "0": False, "t": True, "f": False}
_PARSERS: dict[pa.DataType, tuple[Callable[[str], Any], str]] = {
    pa.bool_(): (lambda text: _FLAGS[text.lower()], "write true or false"),
    pa.int64(): (int, "write a whole number"),
    pa.float64(): (float, "write a number"),
}


def as_text(array: pa.Array) -> pa.Array:
    """Any column as text, the way a person would have typed it; empty text is no value."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        array = array.dictionary_decode()
        kind = array.type
    if pa.types.is_floating(kind):
        array = pa.array([_number(value) for value in array.to_pylist()], pa.string())
    elif pa.types.is_timestamp(kind):
        array = pa.array([_iso(value) for value in array.to_pylist()], pa.string())
    elif pa.types.is_nested(kind):
        array = pa.array([_json(value) for value in array.to_pylist()], pa.string())
    elif not pa.types.is_string(kind):
        array = array.cast(pa.string())
    return pc.if_else(pc.equal(array, pa.scalar("")), pa.scalar(None, pa.string()), array)


def _number(value: float | None) -> str | None:
    if value is None or math.isnan(value):
        return None
    return str(int(value)) if value.is_integer() else repr(value)


def _iso(value: datetime | None) -> str | None:
    if value is None:
        return None
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(value, default=_plain)


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime | date) else str(value)


def _times(array: pa.Array, name: str, origin: Origin) -> pa.Array:
    kind = array.type
    if pa.types.is_timestamp(kind):
        utc = array if kind.tz else array.cast(pa.timestamp(kind.unit, "UTC"))
        return utc.cast(TIME, safe=False)
    if pa.types.is_date(kind):
        return array.cast(pa.timestamp("us")).cast(TIME)
    if pa.types.is_null(kind):
        return pa.nulls(len(array), TIME)
    text = as_text(array)
    try:
        return _fast_times(text)
    except pa.ArrowInvalid:
        return _careful_times(text, name, origin)


def _fast_times(text: pa.Array) -> pa.Array:
    """Arrow's own parser, which refuses a column that mixes zoned and zoneless times."""
    zoned = pc.match_substring_regex(text, ZONE)
    if pc.all(zoned).as_py():
        return text.cast(TIME)
    if pc.any(zoned).as_py():
        raise pa.ArrowInvalid("mixed zones")
    return text.cast(pa.timestamp("us")).cast(TIME)


def _careful_times(text: pa.Array, name: str, origin: Origin) -> pa.Array:
    parsed = []
    for index, value in enumerate(text.to_pylist()):
        try:
            parsed.append(None if value is None else micros(parse_time(value)))
        except ValueError as error:
            remedy = "write an ISO 8601 time such as 2026-06-30T12:00:00Z"
            raise origin.error(name, index, value, remedy) from error
    return pa.array(parsed, pa.int64()).cast(TIME)
