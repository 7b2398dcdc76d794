"""Where raw tables land: one DuckDB file, one schema and one dlt pipeline a source.

`extract` reads a vendor into a load package on disk and may run for several vendors at once;
`load` puts packages into the warehouse, one vendor at a time.
"""

import logging
import os
import re
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow.parquet as pq
from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    ConfigurationException,
    ConfigValueCannotBeCoercedException,
)
from dlt.common.configuration.specs import RuntimeConfiguration
from dlt.common.destination.client import WithStateSync
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.runtime.collector import NullCollector
from dlt.common.versioned_state import json_decode_state
from dlt.extract import DltResource, DltSource
from dlt.extract.exceptions import ResourceExtractionError
from dlt.pipeline.pipeline import Pipeline
from dlt.pipeline.state_sync import load_pipeline_state_from_destination

from ingestion import SOURCES, checking
from ingestion.destination import Warehouse
from ingestion.drift import (
    COLUMNS,
    Drift,
    DriftError,
    NothingToAcceptError,
    accept,
    accepted,
    listed,
    note_stopped,
)
from ingestion.errors import (
    IngestionError,
    SettingError,
    ShapeError,
    UnknownSourceError,
    WarehouseError,
    setting_name,
)
from ingestion.paths import data_dir
from ingestion.tables import empty

logger = logging.getLogger(__name__)

# The same name as the published file's, so that the catalog is called `productops` in both.
WAREHOUSE_FILE = "productops.duckdb"
LOCK_TIMEOUT_SECONDS = 60.0
LOCK_PAUSE_SECONDS = 0.2
MEMORY_LIMITS = {"PRODUCTOPS_MEMORY_LIMIT": "1GB", "PRODUCTOPS_JOB_MEMORY_LIMIT": "500MB"}
# dlt polls once a second for a free worker, so one is slow: 30 files took 18 s with it and 6 s with
# three. Each holds a file's rows: 35 M events took 65 s and 1.7 GB with two, 72 s and 1.9 GB with
# four (on two cores).
LOAD_WORKERS = 2
LOCK_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
# What Python raises when JSON is not of the shape that the code reads.
MISREAD = (KeyError, IndexError, TypeError, ValueError, AttributeError)

DRIFT_FIELDS = tuple(Drift.__dataclass_fields__)

# Rows that this process has read of each source since its last extraction began.
_rows_read = Counter[str]()

# Building a pipeline and asking the container for settings is not made for several threads.
_setup = threading.Lock()


@dataclass(frozen=True)
class Extraction:
    """A load package that waits on disk."""

    source: str
    seconds: float
    # Whether the package was left behind by a run that was killed.
    resumed: bool = False


@dataclass(frozen=True)
class LoadReport:
    """What one load put into the warehouse."""

    source: str
    load_ids: tuple[str, ...]
    rows: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    vendor_now: datetime | None = None
    # Tables that were left out since their shape changed, with what is to be done.
    stopped: Mapping[str, str] = field(default_factory=dict)
    # What the vendor's daily limit left for tomorrow, in a sentence.
    waiting: str | None = None


class _Reading(NullCollector):
    """Counts the rows that dlt has extracted; what it says of other steps is not asked for."""

    def __init__(self, source_name: str) -> None:
        self._source_name = source_name

    def update(self, name: str, inc: int = 1, *args: Any, **kwargs: Any) -> None:
        # dlt's counters are tables, but for one of how many resources there are.
        if self.step.startswith("Extract") and name != "Resources":
            _rows_read[self._source_name] += inc


def rows_read(source_name: str) -> int:
    """Return how many rows this process has read of a source in the extraction under way."""
    return _rows_read[source_name]


def warehouse_path() -> Path:
    return data_dir() / "warehouse" / WAREHOUSE_FILE


def is_configured(source_name: str) -> bool:
    """Whether a secret that switches a source on is set."""
    secrets = _vendor(source_name).secrets
    return any(dlt.secrets.get(f"sources.{source_name}.{secret}") for secret in secrets)


def check(source_name: str) -> int:
    """Ask a vendor for the little that tells whether it can be read; return how many questions.

    Raises:
        IngestionError: with the setting, permission or address to be put right.
    """
    with _explained(source_name), checking.listening() as checks:
        with _setup:
            _vendor(source_name).source()
        for asked in checks:
            asked()
    return len(checks)


def extract(source_name: str) -> Extraction:
    """Read what is new at a vendor into a load package on disk."""
    _vendor(source_name)
    started = time.monotonic()
    _rows_read[source_name] = 0
    with _explained(source_name):
        pipeline = _prepared(source_name)
        resumed = bool(pipeline.has_pending_data)
        if resumed:
            _normalize(pipeline)
        else:
            _extract(pipeline, source_name)
    return Extraction(source_name, time.monotonic() - started, resumed)


def load(extraction: Extraction) -> LoadReport:
    """Put the waiting package of a source into the warehouse."""
    source_name = extraction.source
    started = time.monotonic()
    with _explained(source_name), _warehouse() as connection:
        pipeline = _pipeline(source_name, connection)
        loaded = Counter[str]()
        load_ids: list[str] = []
        if _continues(pipeline, source_name):
            load_ids += _load(pipeline, source_name, loaded)
        else:
            logger.warning(
                "%s: the load state was not that of the warehouse; it is restored from there",
                source_name,
            )
            shutil.rmtree(_state_folder(source_name))
            pipeline = _pipeline(source_name, connection)
        if extraction.resumed or not load_ids:
            # What was loaded is from the night before, or nothing: go on to the present.
            pipeline.sync_destination()
            _extract(pipeline, source_name)
            load_ids += _load(pipeline, source_name, loaded)
        state = _source_state(pipeline.state, source_name)
        vendor_now = state.get("vendor_now")
        _list_drift(connection, source_name, state)
    return LoadReport(
        source=source_name,
        load_ids=tuple(load_ids),
        rows=dict(sorted(loaded.items())),
        seconds=extraction.seconds + time.monotonic() - started,
        vendor_now=datetime.fromisoformat(vendor_now) if vendor_now else None,
        stopped={
            table: str(DriftError(Drift(**{name: entry[name] for name in DRIFT_FIELDS})))
            for table, entry in state.get("stopped", {}).items()
        },
        waiting=state.get("waiting"),
    )


def _list_drift(
    connection: duckdb.DuckDBPyConnection, source_name: str, state: Mapping[str, Any]
) -> None:
    """Show the drift that a load state remembers as a table for people and models."""
    connection.execute("begin")
    connection.execute(f"create or replace table {source_name}.drift ({COLUMNS})")
    for row in listed(state):
        places = ", ".join("?" * len(row))
        connection.execute(f"insert into {source_name}.drift values ({places})", row)
    connection.execute("commit")


def accept_column(name: str) -> Drift:
    """Accept the drift of a column, named as `source.table.column`.

    Raises:
        UnknownSourceError: there is no such source.
        NothingToAcceptError: the column did not drift, or is accepted already.
    """
    source_name, table, column = [*name.split(".", 2), "", ""][:3]
    _vendor(source_name)
    with _explained(source_name), _warehouse() as connection:
        state = _stored_state(_pipeline(source_name, connection), source_name)
        entries = {
            drift.name: drift
            for group in ("stopped", "new_columns")
            for entry in state.get(group, {}).values()
            if (drift := Drift(**{field: entry[field] for field in DRIFT_FIELDS}))
            and accepted().get(drift.name) != drift.kind
        }
        if name not in entries:
            listed_now = ", ".join(entries) or "none"
            raise NothingToAcceptError(
                f"{source_name}: {table}.{column} is no column whose drift waits to be accepted;"
                f" waiting: {listed_now}"
            )
        accept(entries[name])
        _list_drift(connection, source_name, state)
    return entries[name]


def create_tables(source_name: str) -> None:
    """Create what is missing of a source's tables: all if it was never loaded, or new columns."""
    tables = _vendor(source_name).tables
    with _explained(source_name), _warehouse() as connection:
        existing = connection.execute(
            "select table_name, column_name from information_schema.columns where table_schema = ?",
            [source_name],
        ).fetchall()
        if {(table.name, column) for table in tables for column in table.columns} <= {*existing}:
            return
        pipeline = _pipeline(source_name, connection)
        pipeline.sync_destination()
        pipeline.extract(empty(tables))
        _normalize(pipeline)
        _load(pipeline, source_name, Counter())


def is_loaded(source_name: str) -> bool:
    """Whether the vendor was ever reached, so that its raw tables say something."""
    if not warehouse_path().exists():
        return False
    with _warehouse() as connection:
        found = connection.execute(
            "select 1 from duckdb_tables() where schema_name = ? and table_name = 'source_counts'",
            [source_name],
        ).fetchone()
        return bool(
            found
            and connection.execute(f"select count(*) from {source_name}.source_counts").fetchall()[
                0
            ][0]
        )


def _vendor(source_name: str) -> Any:
    if source_name not in SOURCES:
        known = ", ".join(SOURCES)
        raise UnknownSourceError(f"unknown source {source_name!r}; known sources: {known}")
    return SOURCES[source_name]


def _pipeline(source_name: str, connection: duckdb.DuckDBPyConnection | None = None) -> Pipeline:
    """The dlt pipeline of a source; without a connection it cannot touch the warehouse."""
    folder = data_dir() / "dlt"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = connection if connection is not None else str(warehouse_path())
    try:
        with _setup:
            return dlt.pipeline(
                source_name,
                pipelines_dir=str(folder),
                destination=Warehouse(target, destination_name="duckdb"),
                dataset_name=source_name,
                progress=_Reading(source_name),
            )
    except ConfigurationException:
        raise
    except Exception as error:
        raise _unreadable_state(source_name) from error


def _prepared(source_name: str) -> Pipeline:
    """A pipeline whose state fits the warehouse, without remains of a run that was killed."""
    is_new = not _state_folder(source_name).exists()
    pipeline = _pipeline(source_name)
    _sweep(pipeline)
    if not warehouse_path().exists() and not pipeline.has_pending_data:
        # The state of a warehouse that is gone would skip the rows that went with it.
        _forget(pipeline)
        return _pipeline(source_name)
    if is_new and warehouse_path().exists():
        with _warehouse() as connection:
            _pipeline(source_name, connection).sync_destination()
        return _pipeline(source_name)
    return pipeline


def _sweep(pipeline: Pipeline) -> None:
    """Remove what a run that was killed left unfinished, and what was loaded long ago."""
    working = Path(pipeline.working_dir)
    for remains in (
        working / "downloads",
        working / "load" / "loaded",
        *working.glob("load/new/*"),
    ):
        shutil.rmtree(remains, ignore_errors=True)
    # An extraction writes into a folder of its own and moves it to `extracted` when complete.
    for leftover in working.glob("normalize/*/"):
        if leftover.name != "extracted":
            shutil.rmtree(leftover)
    # Normalizing puts a package into `normalized` before it takes it out of `extracted`.
    for package in working.glob("load/normalized/*/"):
        shutil.rmtree(working / "normalize" / "extracted" / package.name, ignore_errors=True)


def _extract(pipeline: Pipeline, source_name: str) -> None:
    """Read what is new; a table whose shape changed is left out, and the rest read once more."""
    stopped: dict[str, Drift] = {}
    while True:
        try:
            _extract_without(pipeline, source_name, stopped)
            break
        except Exception as error:
            drift = _drift(source_name, error)
            if drift is None or drift.table in stopped:
                raise
            logger.warning("%s", DriftError(drift))
            stopped[drift.table] = drift
            _sweep(pipeline)
        finally:
            shutil.rmtree(Path(pipeline.working_dir) / "downloads", ignore_errors=True)
    _normalize(pipeline)


def _extract_without(pipeline: Pipeline, source_name: str, stopped: Mapping[str, Drift]) -> None:
    vendor = _vendor(source_name)
    with _setup:
        source = vendor.source(stopped=tuple(stopped))
    for table in stopped:
        source.resources[table].selected = False
    known = pipeline.schemas[source_name].tables if source_name in pipeline.schemas else {}
    missing = [
        table
        for table in vendor.tables
        if not {*table.columns} <= {*known.get(table.name, {}).get("columns", {})}
    ]
    # The empty tables come last, so that a file's own order of columns wins.
    sources = [source, *([empty(missing)] if missing else []), _noting(source_name, stopped)]
    pipeline.extract(sources)


def _noting(source_name: str, stopped: Mapping[str, Drift]) -> DltSource:
    """A source without rows that writes into the load state which tables are stopped."""

    def note() -> Iterator[Any]:  # Any: nothing is ever yielded
        note_stopped(stopped, datetime.now(UTC).isoformat(timespec="seconds"))
        yield from ()

    @dlt.source(name=source_name, max_table_nesting=0)
    def noting() -> DltResource:
        return dlt.resource(note, name="stopped_tables")

    return noting()


def _drift(source_name: str, error: Exception) -> Drift | None:
    """The column that an extraction stumbled over, if it was one."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, DriftError):
            return cause.drift
    tables = {table.name: table for table in _vendor(source_name).tables}
    for cause in causes:
        # A field that is read by name and is not there.
        if isinstance(cause, ResourceExtractionError) and isinstance(causes[-1], KeyError):
            table = tables.get(cause.pipe_name)
            if table:
                column = str(causes[-1].args[0])
                return Drift(source_name, table.name, column, "dropped column", "expected")
    return None


def _normalize(pipeline: Pipeline) -> None:
    try:
        pipeline.normalize()
    except Exception:
        _forget(pipeline)
        raise


def _load(pipeline: Pipeline, source_name: str, loaded: Counter[str]) -> list[str]:
    load_ids = list(pipeline.list_normalized_load_packages())
    for load_id in load_ids:
        loaded.update(_rows(pipeline, source_name, load_id))
    try:
        pipeline.load(workers=LOAD_WORKERS)
    except Exception:
        _forget(pipeline)
        raise
    return load_ids


def _forget(pipeline: Pipeline) -> None:
    """Drop a package that cannot be loaded, and the state that went with it.

    It would fail again each night; the next extraction starts from the warehouse's state.
    """
    shutil.rmtree(pipeline.working_dir, ignore_errors=True)


def _continues(pipeline: Pipeline, source_name: str) -> bool:
    """Whether the waiting package was extracted from the state the warehouse is in."""
    packages = pipeline.list_normalized_load_packages()
    if not packages:
        return False
    storage = pipeline._get_load_storage().normalized_packages
    blob, _ = storage.load_pipeline_state(packages[0])
    before = _source_state(json_decode_state(blob), source_name) if blob else {}
    after = _source_state(pipeline.state, source_name)
    # A run that was killed may have stored the new state already.
    return _stored_state(pipeline, source_name) in (before, after)


def _stored_state(pipeline: Pipeline, source_name: str) -> dict[str, Any]:
    with pipeline.destination_client() as client:
        assert isinstance(client, WithStateSync)
        try:
            state = load_pipeline_state_from_destination(pipeline.pipeline_name, client)
        except DestinationUndefinedEntity:
            return {}
    return _source_state(state, source_name) if state else {}


def _rows(pipeline: Pipeline, source_name: str, load_id: str) -> Counter[str]:
    flags = {table.name: table.deleted_flag for table in _vendor(source_name).tables}
    rows = Counter[str]()
    for jobs in pipeline.get_load_package_info(load_id).jobs.values():
        for job in jobs:
            if not job.file_path.endswith(".parquet"):
                continue
            name = job.job_file_info.table_name
            flag = flags.get(name)
            if flag:
                rows[name] += pq.read_table(job.file_path, columns=[flag])[flag].null_count
            else:
                rows[name] += pq.read_metadata(job.file_path).num_rows
    return rows


@contextmanager
def _warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """The one writing connection to the warehouse, waited for while another process has it."""
    path = warehouse_path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    connection = _connect(path)
    try:
        yield connection
    finally:
        connection.close()


def wait_until_free() -> None:
    """Wait for whoever has the warehouse open, such as what a killed night left running.

    Raises:
        SettingError: a limit of memory is no size.
        WarehouseError: it is still open after WAREHOUSE__LOCK_TIMEOUT seconds.
    """
    if warehouse_path().exists():
        with _warehouse():
            pass
    else:
        # Wrong limits are known before hours of reading what vendors have.
        with duckdb.connect() as connection:
            _limit_memory(connection)


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    timeout = _lock_timeout()
    deadline = time.monotonic() + timeout
    while True:
        try:
            connection = duckdb.connect(str(path))
            # Tables have no order. Keeping the files' order makes DuckDB write each partial
            # row group twice: a load of 3 M events in 30 files took 1.6 times as long.
            connection.execute("set global preserve_insertion_order = false")
            # Ten times the rows must not take ten times the memory: 36 M events took 1.2 GB with
            # 500 MB, 1.7 GB with 1 GB.
            _limit_memory(connection)
            return connection
        except duckdb.IOException as error:
            if "lock" not in str(error):
                raise _unusable(path, error) from error
            if time.monotonic() >= deadline:
                raise _locked(path, timeout, str(error)) from error
            time.sleep(LOCK_PAUSE_SECONDS)
        except duckdb.Error as error:
            raise _unusable(path, error) from error


def _limit_memory(connection: duckdb.DuckDBPyConnection) -> None:
    # The build's is only tried: dbt would word its error without the setting.
    for setting, usual in MEMORY_LIMITS.items():
        limit = os.environ.get(setting, usual)
        try:
            connection.execute("set global memory_limit = '" + limit.replace("'", "") + "'")
        except duckdb.Error as error:
            connection.close()
            raise SettingError(f"{setting} is {limit!r}; write a size such as {usual}") from error


def _lock_timeout() -> float:
    setting = "warehouse.lock_timeout"
    try:
        value = dlt.config.get(setting, float)
    except ConfigValueCannotBeCoercedException as error:
        raise SettingError(
            f"WAREHOUSE__LOCK_TIMEOUT is {error.field_value!r}; expected a number of seconds"
        ) from error
    return LOCK_TIMEOUT_SECONDS if value is None else float(value)


def _locked(path: Path, timeout: float, message: str) -> WarehouseError:
    found = LOCK_HOLDER.search(message)
    holder = f"{found['program']} (PID {found['pid']})" if found else "another process"
    return WarehouseError(
        f"the warehouse {path} is held by {holder}, still after {timeout:g} s; nothing was "
        "changed. End that program, or let it finish, and run again"
    )


def _unusable(path: Path, error: Exception) -> WarehouseError:
    return WarehouseError(
        f"the warehouse {path} cannot be opened: {_first_line(error)}; nothing was changed. "
        f"Move the file away and run again: everything is then loaded anew"
    )


def _state_folder(source_name: str) -> Path:
    return data_dir() / "dlt" / source_name


def _unreadable_state(source_name: str) -> WarehouseError:
    folder = _state_folder(source_name)
    return WarehouseError(
        f"the load state in {folder} cannot be read; nothing was changed. Remove it with "
        f"`rm -r {folder}` and run again: it is restored from the warehouse"
    )


def _source_state(state: Any, source_name: str) -> dict[str, Any]:  # Any: dlt's TypedDict
    sources: dict[str, dict[str, Any]] = state.get("sources", {})
    return sources.get(source_name, {})


@contextmanager
def _explained(source_name: str) -> Iterator[None]:
    """Turn whatever dlt wraps around an error into the one sentence that helps."""
    try:
        yield
    except IngestionError:
        raise
    except Exception as error:
        raise _explanation(source_name, error) from error


def _explanation(source_name: str, error: BaseException) -> IngestionError:
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, IngestionError):
            return cause
        if isinstance(cause, ConfigFieldMissingException):
            names = ", ".join(setting_name(source_name, each) for each in cause.fields)
            return SettingError(f"{source_name}: {names} is not set; set it in .env and run again")
        if isinstance(cause, ConfigValueCannotBeCoercedException):
            name = setting_name(source_name, cause.field_name)
            if hasattr(RuntimeConfiguration, cause.field_name):
                name = f"RUNTIME__{cause.field_name}".upper()
            return SettingError(
                f"{source_name}: {name} is {cause.field_value!r}; expected {_kind(cause.hint)}"
            )
    for cause in causes:
        if isinstance(cause, ResourceExtractionError) and isinstance(causes[-1], MISREAD):
            return ShapeError(
                f"{source_name}.{cause.pipe_name}: an answer of the vendor has another shape than "
                f"expected ({type(causes[-1]).__name__}: {_first_line(causes[-1])}); nothing of "
                f"this source was loaded. Adapt ingestion/{source_name}.py"
            )
    return IngestionError(f"{source_name}: {_first_line(causes[-1])}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _kind(hint: Any) -> str:  # Any: a type or a typing construct
    return getattr(hint, "__name__", str(hint))


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
