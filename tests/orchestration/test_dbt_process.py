"""A dbt whose night is killed does not go on alone."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import duckdb

from orchestration.dbt import DBT_PROJECT, EXECUTABLE

ENDLESS = "select count(*) from range(1000000000000) as r(i) where hash(i) = 1"


def is_held(warehouse: Path) -> bool:
    try:
        duckdb.connect(str(warehouse)).close()
    except duckdb.IOException:
        return True
    return False


def until(expected: bool, warehouse: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if warehouse.exists() and is_held(warehouse) is expected:
            return True
        time.sleep(0.2)
    return False


def test_it_ends_with_who_started_it(tmp_path: Path) -> None:
    warehouse = tmp_path / "productops.duckdb"
    command = [EXECUTABLE, "show", "--inline", ENDLESS, "--profiles-dir", "."]
    command += ["--target-path", str(tmp_path / "target"), "--log-path", str(tmp_path)]
    night = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess; subprocess.run({command!r})"],
        cwd=DBT_PROJECT,
        env={**os.environ, "PRODUCTOPS_WAREHOUSE": str(warehouse)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert until(True, warehouse, 120), "dbt never opened the warehouse"
        # It is at the query, which alone would not end.
        time.sleep(3)
        assert is_held(warehouse)
        night.kill()
        assert until(False, warehouse, 30), "dbt still holds the warehouse"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(night.pid, signal.SIGKILL)
        night.wait()
