"""Reading a company folder the plain way: rows as tuples, times as microseconds."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = 3_600_000_000
DAY = 24 * HOUR

# Rows come from files whose columns are anybody's, so their values have no one type.
Values = tuple


def micros(moment: datetime) -> int:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)


def moment(at: int) -> datetime:
    return EPOCH + timedelta(microseconds=at)


def day_text(day: int) -> str:
    """Name the day that is so many days after 1970-01-01."""
    return (EPOCH + timedelta(days=day)).date().isoformat()


def at(text: str) -> int:
    return micros(datetime.fromisoformat(text))


def is_time(column: str) -> bool:
    return column.endswith("_at") or column == "timestamp"


@dataclass(frozen=True)
class Records:
    """The tables of one company folder, as far as they are there."""

    folder: Path

    def description(self) -> dict:
        path = self.folder / "company.json"
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}

    def has(self, name: str) -> bool:
        return bool(self._files(name))

    def rows(self, name: str, columns: Sequence[str]) -> Iterator[Values]:
        """Every row's values of the columns, None where a file has no such column."""
        for path in self._files(name):
            if path.suffix == ".csv":
                yield from _csv_rows(path, columns)
            else:
                yield from _parquet_rows(path, columns)

    def dictionaries(self, name: str, columns: Sequence[str]) -> list[dict]:
        return [dict(zip(columns, row, strict=True)) for row in self.rows(name, columns)]

    def _files(self, name: str) -> list[Path]:
        base = self.folder / name
        found = [base.with_name(f"{base.name}{end}") for end in (".parquet", ".csv")]
        inside = sorted(base.iterdir()) if base.is_dir() else []
        kept = [path for path in inside if path.suffix in (".parquet", ".csv")]
        return [path for path in found if path.exists()] + kept


def _parquet_rows(path: Path, columns: Sequence[str]) -> Iterator[Values]:
    file = pq.ParquetFile(path)
    there = [name for name in columns if name in file.schema_arrow.names]
    for batch in file.iter_batches(batch_size=50_000, columns=there):
        lists = {name: _values(name, batch.column(name)) for name in there}
        nothing = [None] * batch.num_rows
        yield from zip(*(lists.get(name, nothing) for name in columns), strict=True)


def _values(name: str, column: pa.Array) -> list:
    if pa.types.is_timestamp(column.type):
        return list(column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64()).to_pylist())
    values = column.to_pylist()
    if is_time(name) and pa.types.is_string(column.type):
        return [None if value is None else at(value) for value in values]
    if name.endswith("id"):
        return [None if value is None else _id(value) for value in values]
    return list(values)


def _id(value: object) -> str:
    return str(int(value)) if isinstance(value, float) else str(value)


def _csv_rows(path: Path, columns: Sequence[str]) -> Iterator[Values]:
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield tuple(_csv_value(name, row.get(name)) for name in columns)


def _csv_value(name: str, text: str | None) -> object:
    if not text:
        return None
    if is_time(name):
        return at(text)
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    return text
