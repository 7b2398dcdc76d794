"""Writing a company folder: small tables whole, the event table piece by piece."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

MOMENT = pa.timestamp("us", tz="UTC")
ROW_GROUP_ROWS = 100_000

Row = Mapping[str, object]


def write(
    folder: Path, name: str, schema: pa.Schema, rows: Sequence[Row], part: int | None
) -> None:
    """Write `<name>.parquet`, or one part of the folder `<name>/` when there are several."""
    columns = {field.name: [row.get(field.name) for row in rows] for field in schema}
    write_table(folder, name, pa.table(columns, schema=schema), part)


def write_table(folder: Path, name: str, table: pa.Table, part: int | None) -> None:
    path = folder / f"{name}.parquet" if part is None else folder / name / f"{part:04d}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd", row_group_size=ROW_GROUP_ROWS)


def schema(**columns: str) -> pa.Schema:
    """A schema in a line: `schema(id="text", created_at="moment", seats="int")`."""
    types = {
        "text": pa.string(),
        "moment": MOMENT,
        "day": pa.date32(),
        "int": pa.int64(),
        "float": pa.float64(),
        "money": pa.decimal128(14, 2),
        "flag": pa.bool_(),
    }
    return pa.schema([(name, types[kind]) for name, kind in columns.items()])


def text_schema(moments: Iterable[str], texts: Iterable[str]) -> pa.Schema:
    """A schema of timestamps and texts, for tables whose columns are a list elsewhere."""
    return pa.schema([*((name, MOMENT) for name in moments), *((n, pa.string()) for n in texts)])
