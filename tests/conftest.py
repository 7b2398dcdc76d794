"""What several test files stand on: companies, and warehouses built from them by the real job."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).resolve().parent.parent
# One key for all data folders, so that what they publish can be compared.
PSEUDONYM_KEY = "0123456789abcdef" * 4


@dataclass(frozen=True)
class Job:
    """A data folder and the company whose vendors fill it."""

    data: Path
    company: Path

    @property
    def published(self) -> Path:
        return self.data / "serving" / "current" / "productops.duckdb"

    @property
    def truth(self) -> dict:
        return json.loads((self.company / "truth.json").read_text())

    def run(self, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run the nightly job beside the company's vendors, as `make run` does."""
        return run_beside_vendors(
            self.data,
            ["--company", str(self.company), *options],
            [sys.executable, "-m", "orchestration", "nightly"],
            settings,
        )

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `productops` on the data folder."""
        return subprocess.run(
            [sys.executable, "-m", "reports", *arguments],
            cwd=ROOT,
            env={**os.environ, "PRODUCTOPS_DATA": str(self.data)},
            capture_output=True,
            text=True,
            check=False,
        )

    def query(self, sql: str) -> list[tuple]:
        with duckdb.connect(str(self.published), read_only=True) as connection:
            return connection.execute(sql).fetchall()


def run_beside_vendors(
    data: Path, options: list[str], command: list[str], settings: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SOURCES__")},
        "PRODUCTOPS_DATA": str(data),
        "DAGSTER_HOME": str(data / "dagster"),
        "PRODUCTOPS_PSEUDONYM_KEY": PSEUDONYM_KEY,
        **settings,
    }
    return subprocess.run(
        [sys.executable, "-m", "simulator", "run", *options, "--", *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def generate(folder: Path, size: str, seed: int) -> Path:
    subprocess.run(
        [
            *(sys.executable, "-m", "simulator", "generate"),
            *("--size", size, "--seed", str(seed), "--out", str(folder)),
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture(scope="session")
def tiny_company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("tiny") / "company", "tiny", 20260630)


@pytest.fixture(scope="session")
def built(tiny_company: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """The tiny company, published once; tests only read it."""
    job = Job(tmp_path_factory.mktemp("built"), tiny_company)
    done = job.run()
    assert done.returncode == 0, done.stdout + done.stderr
    return job


@pytest.fixture(scope="session")
def built_lite(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Another company than the one everybody looks at: a seed that nothing was tuned to."""
    folder = tmp_path_factory.mktemp("lite")
    job = Job(folder / "data", generate(folder / "company", "demo-lite", 7))
    done = job.run()
    assert done.returncode == 0, done.stdout + done.stderr
    return job
