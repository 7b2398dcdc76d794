"""Where Dagster keeps what happened in a run: its own SQLite files, opened less often."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, NullPool, create_engine
from sqlalchemy.event import listen

MANY_RUNS = 16


class EventLog(SqliteEventLogStorage):
    """Dagster's event log with one engine a file, so that each statement is compiled once.

    Dagster makes an engine for every event, and so compiles every statement anew; closing a file's
    only connection also has SQLite write its log back. The tiny company's night has 2,300 events:
    storing them was 125 of the 261 s that its own process took, by sampling.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, Engine] = {}
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> Any:
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "EventLog":
        # Where Dagster puts it if nothing is said.
        return cls(str(Path(os.environ["DAGSTER_HOME"]) / "history" / "runs"), inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def _engine(self, shard: str) -> Engine:
        if shard not in self._engines:
            # A web server looks at many runs.
            for old in list(self._engines)[:-MANY_RUNS]:
                self._engines.pop(old).dispose()
            # A run's file is closed after each event: who watches it sees it change only then.
            pooling = {} if shard == INDEX_SHARD_NAME else {"poolclass": NullPool}
            self._engines[shard] = create_engine(
                self.conn_string_for_shard(shard),
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
                **pooling,
            )
            listen(self._engines[shard], "connect", _sync_seldom)
        return self._engines[shard]

    def dispose(self) -> None:
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
        super().dispose()


def _sync_seldom(connection: sqlite3.Connection, _record: Any) -> None:
    """Wait for the disk when the log is written back, not after each event.

    A power cut may take the last events along; with a write-ahead log it breaks no file.
    Source: https://www.sqlite.org/pragma.html#pragma_synchronous.
    """
    connection.execute("pragma synchronous = normal")
