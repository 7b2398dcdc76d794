"""PostHog: every event and person as it arrives, by Parquet export; surveys and flags by list.

runs (export of one model and interval) → events, persons, exports; surveys; feature_flags.
Try it alone: `python -m ingestion posthog`.
"""

import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import dlt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from dlt.common.libs.pyarrow import py_arrow_to_table_schema_columns
from dlt.extract import DltResource

from ingestion.checking import can_be_checked
from ingestion.destination import LOAD_ID
from ingestion.drift import Drift, DriftError, accepted, note_new_column
from ingestion.errors import VendorError
from ingestion.http import Api
from ingestion.privacy import Pseudonyms, erased_counts, pseudonyms
from ingestion.tables import (
    BIGINT,
    BOOL,
    LOAD_ID_COLUMN,
    TEXT,
    TIME,
    Row,
    Table,
    changed,
    source_counts,
)

logger = logging.getLogger(__name__)

EVENTS = Table(
    "posthog",
    "events",
    {
        "uuid": TEXT,
        "event": TEXT,
        "distinct_id": TEXT,
        "person_id": TEXT,
        "properties": TEXT,
        "person_properties": TEXT,
        "elements_chain": TEXT,
        "timestamp": TIME,
        "created_at": TIME,
        "_inserted_at": TIME,
    },
    append_key=("uuid", "_inserted_at"),
    personal=("distinct_id", "person_id", "properties", "person_properties", "elements_chain"),
)
PERSONS = Table(
    "posthog",
    "persons",
    {
        "team_id": BIGINT,
        "distinct_id": TEXT,
        "person_id": TEXT,
        "properties": TEXT,
        "person_distinct_id_version": BIGINT,
        "person_version": BIGINT,
        "created_at": TIME,
        "_inserted_at": TIME,
        "is_deleted": BOOL,
    },
    append_key=("distinct_id", "person_distinct_id_version", "person_version", "_inserted_at"),
    personal=("distinct_id", "person_id", "properties"),
)
PSEUDONYMS = pseudonyms("posthog")
ERASED = erased_counts("posthog")
EXPORTS = Table(
    "posthog",
    "exports",
    {
        "run_id": TEXT,
        "model": TEXT,
        "interval_start": TIME,
        "interval_end": TIME,
        "row_count": BIGINT,
        "exported_at": TIME,
    },
    primary_key=("run_id",),
)
DEFINITION = {
    "id": TEXT,
    "name": TEXT,
    "created_at": TIME,
    "updated_at": TIME,
    "definition": TEXT,
}
SURVEYS = Table("posthog", "surveys", DEFINITION, primary_key=("id",))
FEATURE_FLAGS = Table("posthog", "feature_flags", DEFINITION, primary_key=("id",))
COUNTS = source_counts("posthog")
TABLES = (EVENTS, PERSONS, PSEUDONYMS, ERASED, EXPORTS, SURVEYS, FEATURE_FLAGS, COUNTS)
MODELS = {"events": EVENTS, "persons": PERSONS}

ARRIVAL = "_inserted_at"
INSTANT = timedelta(microseconds=1)
# What became visible only after a load had passed its moment of arrival is found if nothing
# later was seen, and looked for over this time at most.
LOOKBACK = timedelta(days=1)
# PostHog refuses an export of more than a week.
WEEK = timedelta(days=7)
# Clients whose clock was never set send events of 1970; nobody's history is that long.
LONGEST_HISTORY = timedelta(days=15 * 365)
RECOUNTED = timedelta(days=14)
PAGE = 100
FIRST_PAUSE, LONGEST_PAUSE, PATIENCE = 0.1, 10.0, 3600.0
# A first night brings a file a week and model. Loaded one by one, 210 files of 3.8 M events took
# 11.5 s, for each is a transaction and leaves a row group half full; joined they take 4.8 s.
# Files under the first size are joined until they reach the second.
SMALL_BYTES, JOINED_BYTES = 8 * 1024 * 1024, 32 * 1024 * 1024
RUNNING = ("Starting", "Running")
WORTH_ANOTHER_RUN = ("FailedRetryable", "TimedOut")
COUNT_QUERY = (
    "SELECT toDate(timestamp) AS day, count(DISTINCT uuid) AS events FROM events "
    "WHERE timestamp >= toDateTime('{day} 00:00:00', 'UTC') "
    "GROUP BY day ORDER BY day LIMIT 50000"
)


@dataclass(frozen=True)
class Run:
    """One finished export: what arrived in [start, end), in files on disk."""

    id: str
    model: str
    start: datetime
    end: datetime
    files: tuple[tuple[Path, int], ...]
    # How many events of which days were dropped, since their person was erased here.
    erased: Mapping[str, int] = field(default_factory=dict)
    # Whether no further run of this model follows tonight.
    is_last: bool = False

    @property
    def row_count(self) -> int:
        return sum(rows for _, rows in self.files)

    @property
    def last_arrival(self) -> datetime | None:
        moments = (
            pc.max(pq.read_table(path, columns=[ARRIVAL]).column(0)).as_py()
            for path, rows in self.files
            if rows and ARRIVAL in pq.read_schema(path).names
        )
        return max((moment for moment in moments if moment), default=None)


class Exporter:
    """Runs exports on PostHog's side and brings their files here."""

    def __init__(
        self, api: Api, project_id: str, folder: Path, attempts: int, file_size_mb: int
    ) -> None:
        self._api = api
        self._file = {
            "format": "Parquet",
            "compression": "zstd",
            "max_size_mb": file_size_mb,
        }
        self._path = f"/api/environments/{project_id}/file_download_batch_exports"
        self._folder = folder
        self._attempts = attempts
        self._people = Pseudonyms("posthog")

    def run(self, model: str, start: datetime, end: datetime) -> Run:
        for _ in range(self._attempts):
            run_id = self._create(model, start, end)
            status = self._wait(run_id)
            if status["status"] == "Completed":
                fetched = [self._fetch(run_id, file) for file in status.get("files", ())]
                erased = Counter[str]()
                files = tuple(self._without_erased(path, rows, erased) for path, rows in fetched)
                return Run(run_id, model, start, end, files, erased)
            if status["status"] not in WORTH_ANOTHER_RUN:
                break
            logger.warning("posthog export %s of %s: %s", run_id, model, status["status"])
        raise VendorError(
            f"posthog: export {run_id} of {model} from {start.isoformat()} to "
            f"{end.isoformat()} ended as {status['status']}: {status.get('error', 'no reason')}; "
            "try again later"
        )

    def _create(self, model: str, start: datetime, end: datetime) -> str:
        body = {
            "model": model,
            "file": self._file,
            "data_interval_start": start.isoformat(),
            "data_interval_end": end.isoformat(),
        }
        return str(self._api.post(self._path, body)["id"])

    def _wait(self, run_id: str) -> dict[str, Any]:
        pause, waited = FIRST_PAUSE, 0.0
        while waited < PATIENCE:
            status = self._api.get(f"{self._path}/{run_id}")
            if status["status"] not in RUNNING:
                return status
            time.sleep(pause)
            waited += pause
            pause = min(pause * 1.5, LONGEST_PAUSE)
        return {"status": "TimedOut", "error": f"still running after {PATIENCE:g} s"}

    def _fetch(self, run_id: str, file: str) -> tuple[Path, int]:
        target = self._folder / f"{run_id}-{file}.parquet"
        path = f"{self._path}/{run_id}/download/{file}"
        for attempt in range(1, self._api.attempts + 1):
            try:
                self._api.download(path, target)
                # The footer is written last: a file that has one is whole.
                return target, pq.read_metadata(target).num_rows
            except (VendorError, ValueError, OSError) as error:
                if attempt == self._api.attempts:
                    raise VendorError(
                        f"posthog: file {file} of export {run_id} arrived damaged "
                        f"{attempt} times (last: {error}); try again later"
                    ) from error
                self._api.back_off(attempt)
        raise AssertionError("unreachable")

    def _without_erased(self, path: Path, rows: int, erased: Counter[str]) -> tuple[Path, int]:
        """The file without the people who were erased here; its dropped events are counted."""
        if not rows or not self._people.has_erased:
            return path, rows
        table = pq.read_table(path)
        mask = pa.array([False] * rows)
        for column in ("distinct_id", "person_id"):
            gone = self._people.erased(map(str, table[column].unique().drop_null().to_pylist()))
            mask = pc.or_(mask, pc.is_in(table[column], pa.array(sorted(gone), pa.string())))
        dropped = table.filter(mask)
        if dropped.num_rows:
            pq.write_table(table.filter(pc.invert(mask)), path, compression="zstd")
        if "timestamp" in table.column_names:
            pairs = zip(dropped["uuid"].to_pylist(), dropped["timestamp"].to_pylist(), strict=True)
            erased.update(str(moment.date()) for _, moment in set(pairs))
        return path, rows - dropped.num_rows


def weeks(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Split [start, end) into pieces an export accepts."""
    while start < end:
        yield start, min(start + WEEK, end)
        start += WEEK


# Nesting is off so that `properties` stays one JSON column: product teams invent event
# properties daily, and a warehouse whose schema follows them is never still.
@dlt.source(name="posthog", section="posthog", max_table_nesting=0)
def posthog(
    host: str = "https://us.posthog.com",
    project_id: str = dlt.config.value,
    api_key: str = dlt.secrets.value,
    start: datetime | None = None,
    exports_at_once: int = 8,
    export_attempts: int = 3,
    file_size_mb: int = 512,
    stopped: Sequence[str] = (),
) -> Iterable[DltResource]:
    """Load one PostHog project, but for the tables in `stopped`, whose cursors stay."""
    scopes = "query:read, batch_export:write, survey:read and feature_flag:read"
    api = Api("posthog", host, api_key, "api_key", scopes)
    project = f"/api/projects/{project_id}"
    # The right to export is not tried: that would begin an export.
    can_be_checked(
        lambda: api.get(f"{project}/surveys/", {"limit": 1}),
        lambda: api.get(f"{project}/feature_flags/", {"limit": 1}),
        lambda: _counted(api, project, api.now),
    )

    def runs() -> Iterator[Run]:
        exporter = Exporter(api, project_id, _downloads(), export_attempts, file_size_mb)
        now = _now(api, project)
        beginning = partial(_beginning, api, project, start, now)
        models = [model for model in MODELS if model not in stopped]
        yield from _runs(exporter, now, beginning, exports_at_once, models)

    parent = dlt.resource(runs, name="runs", selected=False)
    return (
        *(_imported(table, parent) for table in MODELS.values()),
        PSEUDONYMS.transformer(parent, partial(_pseudonyms, Pseudonyms("posthog"))),
        ERASED.transformer(parent, lambda run: iter([_erased_rows(run)])),
        EXPORTS.transformer(parent, lambda run: iter([[_export_row(run, api.now)]])),
        SURVEYS.resource(lambda: _definitions(api, SURVEYS, f"{project}/surveys/")),
        FEATURE_FLAGS.resource(
            lambda: _definitions(api, FEATURE_FLAGS, f"{project}/feature_flags/")
        ),
        COUNTS.resource(lambda: _counts(api, project, start, "events" not in stopped)),
    )


def _now(api: Api, project: str) -> datetime:
    if not api.has_answered:
        api.get(f"{project}/surveys/", {"limit": 1})
    dlt.current.source_state()["vendor_now"] = api.now.isoformat()
    return api.now


def _downloads() -> Path:
    # Inside dlt's working folder, so that importing a file is a hard link and not a copy.
    folder = Path(dlt.current.pipeline().working_dir) / "downloads"
    folder.mkdir(exist_ok=True)
    return folder


def _beginning(api: Api, project: str, start: datetime | None, now: datetime) -> datetime:
    """Where a first load begins: as told, else a week before the first day that PostHog counts.

    A week, since a client's clock may be ahead, and its events then arrive before they happen.
    """
    if start is not None:
        return start.replace(tzinfo=start.tzinfo or UTC)
    earliest = now - LONGEST_HISTORY
    counted = [
        datetime.fromisoformat(f"{day}T00:00:00Z") for day, _ in _counted(api, project, earliest)
    ]
    return max(min(counted, default=now) - WEEK, earliest)


def _runs(
    exporter: Exporter,
    now: datetime,
    beginning: Callable[[], datetime],
    at_once: int,
    models: Sequence[str],
) -> Iterator[Run]:
    # Intervals are of arrival and half-open, and a late event falls into the interval in
    # which it arrives: the next load goes on behind the last row seen, without overlap.
    end = now.replace(second=0, microsecond=0)
    cursors = dlt.current.source_state().setdefault("arrived_until", {})
    first = now if cursors.keys() >= MODELS.keys() else beginning()
    begin = {model: _cursor(cursors, model, first) for model in models}
    wanted = [(model, *week) for model in models for week in weeks(begin[model], end)]
    ends = {model: until for model, _, until in wanted}
    reached = {model: max(begin[model], end - LOOKBACK) for model in models}
    with ThreadPoolExecutor(max(at_once, 1), thread_name_prefix="posthog-export") as pool:
        pending = [pool.submit(exporter.run, *arguments) for arguments in wanted]
        try:
            for future, (model, _, until) in zip(pending, wanted, strict=True):
                run = replace(future.result(), is_last=until == ends[model])
                yield run
                if run.last_arrival:
                    reached[run.model] = max(reached[run.model], run.last_arrival + INSTANT)
        finally:
            for future in pending:
                future.cancel()
    cursors.update({model: moment.isoformat() for model, moment in reached.items()})


def _cursor(cursors: dict[str, str], model: str, default: datetime) -> datetime:
    return datetime.fromisoformat(cursors[model]) if model in cursors else default


def _imported(table: Table, parent: DltResource) -> DltResource:
    """The files of one model, handed to DuckDB as they are, small ones joined."""
    small: list[Path] = []

    # Any: dlt's marker types are not public.
    def files(run: Run) -> Iterator[Any]:
        if run.model != table.name:
            return
        for path, rows in run.files:
            if rows:
                _conform(table, path)
            columns = _columns(table, path, run) if rows else None
            if columns and path.stat().st_size < SMALL_BYTES:
                small.append(path)
            elif columns:
                yield _file_import(path, columns)
        size = sum(path.stat().st_size for path in small)
        if small and (run.is_last or size > JOINED_BYTES):
            path = _joined(small)
            small.clear()
            yield _file_import(path, _columns(table, path, run))

    return dlt.transformer(files, data_from=parent, **table.hints)


def _file_import(path: Path, columns: Any) -> Any:  # Any: dlt's hints and marker
    rows = pq.read_metadata(path).num_rows
    hints = dlt.mark.make_hints(columns=columns)
    return dlt.mark.with_file_import(path.as_posix(), "parquet", rows, hints=hints)


def _joined(paths: Sequence[Path]) -> Path:
    """One file of many; new columns of a later one are null in an earlier one."""
    if len(paths) == 1:
        return paths[0]
    target = paths[0].with_name(f"joined-{paths[0].name}")
    joined = pa.concat_tables([pq.read_table(path) for path in paths], promote_options="default")
    pq.write_table(joined, target, compression="zstd")
    return target


def _conform(table: Table, path: Path) -> None:
    """Make a file what is declared, as far as somebody accepted that it is not."""
    known = [name for name in table.columns if f"posthog.{table.name}.{name}" in accepted()]
    if not known:
        return
    content = pq.read_table(path)
    for name in known:
        declared = table.columns[name]
        if name not in content.column_names:
            content = content.append_column(name, pa.nulls(content.num_rows, declared))
            continue
        index, column = content.column_names.index(name), content[name]
        try:
            content = content.set_column(index, name, column.cast(declared))
        except pa.ArrowInvalid as error:
            sent = f"{column.type} that cannot be converted ({str(error).splitlines()[0]})"
            drift = Drift("posthog", table.name, name, "changed type", str(declared), sent)
            raise DriftError(drift) from error
    pq.write_table(content, path, compression="zstd")


def _columns(table: Table, path: Path, run: Run) -> Any:  # Any: dlt's column hints
    """The columns of a file in its own order, after comparing them with what is known."""
    found = py_arrow_to_table_schema_columns(pq.read_schema(path))
    declared: dict[str, Any] = dict(py_arrow_to_table_schema_columns(table.schema))
    stored = dlt.current.source_schema().tables.get(table.name, {}).get("columns", {})
    for name, column in found.items():
        known, sent = stored.get(name) or declared.get(name), str(column.get("data_type"))
        if known is None:
            logger.warning("posthog.%s: new column %s (export %s)", table.name, name, run.id)
            note_new_column("posthog", table.name, name, sent, run.end.isoformat())
        elif known.get("data_type") != sent:
            kind = str(known.get("data_type"))
            raise DriftError(Drift("posthog", table.name, name, "changed type", kind, sent))
    for name in declared:
        if name not in found:
            table.dropped(name)
    columns = {name: {"name": name, "data_type": c.get("data_type")} for name, c in found.items()}
    return {**columns, LOAD_ID: LOAD_ID_COLUMN}


def _pseudonyms(known: Pseudonyms, run: Run) -> Iterator[Sequence[Row]]:
    """Of all ids in a run: an event's person may since have been merged, its distinct id not."""
    columns = ["distinct_id"] if run.model == EVENTS.name else ["distinct_id", "person_id"]
    for path, rows in run.files:
        if rows:
            found = pq.read_table(path, columns=columns)
            for column in found.columns:
                yield from known.rows(map(str, column.unique().drop_null().to_pylist()))


def _erased_rows(run: Run) -> Sequence[Row]:
    return [
        {"table_name": "events", "scope": day, "part": run.id, "row_count": count}
        for day, count in run.erased.items()
    ]


def _export_row(run: Run, now: datetime) -> Row:
    return {
        "run_id": run.id,
        "model": run.model,
        "interval_start": run.start,
        "interval_end": run.end,
        "row_count": run.row_count,
        "exported_at": now,
    }


def _definitions(api: Api, table: Table, path: str) -> Iterator[Sequence[Row]]:
    rows = [_definition_row(item) for item in _listed(api, path)]
    if changed(table, rows):
        yield rows


def _listed(api: Api, path: str) -> Iterator[dict[str, Any]]:
    offset: int | None = 0
    while offset is not None:
        page = api.get(path, {"limit": PAGE, "offset": offset})
        yield from page["results"]
        offset = _next_offset(page.get("next"), offset)


def _next_offset(address: str | None, offset: int) -> int | None:
    """The offset `next` asks for; its host is not followed, for the token must not go there."""
    if not address:
        return None
    asked = int(parse_qs(urlsplit(address).query).get("offset", ["0"])[0])
    if asked <= offset:
        raise VendorError(f"posthog: page {address!r} does not come after offset {offset}")
    return asked


def _definition_row(item: dict[str, Any]) -> Row:
    return {
        "id": item["id"],
        # A flag's readable name is its key; its `name` is a description.
        "name": item.get("name") or item.get("key"),
        "created_at": item.get("created_at"),
        "updated_at": item.get("updated_at"),
        "definition": json.dumps(item, sort_keys=True),
    }


def _counts(
    api: Api, project: str, start: datetime | None, counts_events: bool
) -> Iterator[Sequence[Row]]:
    now = _now(api, project)
    # Counted when its rows are read, so that both speak of the same moment.
    if not counts_events:
        return
    state = dlt.current.source_state()
    longest = start.replace(tzinfo=start.tzinfo or UTC) if start else now - LONGEST_HISTORY
    results = _counted(api, project, now - RECOUNTED if state.get("counted") else longest)
    state["counted"] = True
    yield [
        {"table_name": "events", "scope": day, "source_count": count, "counted_at": now}
        for day, count in results
    ]


def _counted(api: Api, project: str, since: datetime) -> list[tuple[str, int]]:
    """The number of distinct events PostHog itself has of each day."""
    query = {"kind": "HogQLQuery", "query": COUNT_QUERY.format(day=since.date().isoformat())}
    results: list[tuple[str, int]] = api.post(f"{project}/query/", {"query": query})["results"]
    return results
