"""dbt's own unit tests: each rule of a model on rows made for it."""

import os
import shutil
import subprocess
from pathlib import Path

from orchestration.dbt import DBT_PROJECT, EXECUTABLE
from tests.conftest import Job


def test_every_rule_holds_on_rows_made_for_it(built: Job, tmp_path: Path) -> None:
    # The tables must exist for their types; the rows in them are not read.
    shutil.copytree(built.data / "warehouse", tmp_path / "warehouse")
    done = subprocess.run(
        [EXECUTABLE, "test", "--select", "test_type:unit", "--profiles-dir", "."],
        cwd=DBT_PROJECT,
        env={
            **os.environ,
            "PRODUCTOPS_WAREHOUSE": str(tmp_path / "warehouse" / "productops.duckdb"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "unit tests" in done.stdout
