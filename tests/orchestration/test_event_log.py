"""Dagster's own store, opened less often, tells what was written to it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from orchestration import event_log
from orchestration.event_log import EventLog

SETTINGS = Path(event_log.__file__).with_name("dagster.yaml")


@dg.asset
def written() -> None:
    """Something to happen."""


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    shutil.copy(SETTINGS, tmp_path)
    with dg.DagsterInstance.get() as opened:
        assert isinstance(opened.event_log_storage, EventLog)
        yield opened


def test_what_happened_is_read_back_here_and_by_another_process(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    runs = {dg.materialize([written], instance=instance).run_id for _ in range(3)}
    # As the web server would, while this one is still open.
    with dg.DagsterInstance.get() as another:
        for reader in (instance, another):
            found = reader.fetch_materializations(written.key, limit=10).records
            assert {record.run_id for record in found} == runs
            for run in runs:
                assert (
                    reader.all_logs(run)[-1].dagster_event_type == dg.DagsterEventType.RUN_SUCCESS
                )
    assert {path.stem for path in (tmp_path / "history" / "runs").glob("*.db")} >= runs


def test_a_file_has_one_engine_and_old_ones_are_given_up(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    real = event_log.create_engine
    monkeypatch.setattr(
        event_log, "create_engine", lambda *args, **kw: made.append(args) or real(*args, **kw)
    )
    dg.materialize([written], instance=instance)
    assert len(made) <= 2
    monkeypatch.setattr(event_log, "MANY_RUNS", 2)
    for _ in range(4):
        dg.materialize([written], instance=instance)
    storage = instance.event_log_storage
    assert isinstance(storage, EventLog)
    assert len(storage._engines) <= 3


def test_an_event_waits_for_no_disk(instance: dg.DagsterInstance) -> None:
    run = dg.materialize([written], instance=instance).run_id
    storage = instance.event_log_storage
    assert isinstance(storage, EventLog)
    for connected in (storage.run_connection(run), storage.index_connection()):
        with connected as connection:
            asked = [
                connection.exec_driver_sql(f"pragma {name}").scalar()
                for name in ("journal_mode", "synchronous")
            ]
        assert asked == ["wal", 1]
