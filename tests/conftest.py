"""What several test files stand on: companies, and warehouses built from them by the real job."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

from orchestration.dbt import DBT_PROJECT, EXECUTABLE

# What a developer has in .env is for their own vendors and folders, not for tests.
os.environ["PYTHON_DOTENV_DISABLED"] = "1"

ROOT = Path(__file__).resolve().parent.parent
# One key for all data folders, so that what they publish can be compared.
PSEUDONYM_KEY = "0123456789abcdef" * 4


Shared = Callable[[str, Callable[[Path], None]], Path]

# The files that take minutes, the longest first: whole nights and builds. Processes take files in
# this order, so that none is left alone with one of them at the end.
LONGEST = (
    "warehouse/test_truth.py",
    # Needs no warehouse: the first process is building the one that the next ones read.
    "ingestion/test_errors.py",
    "orchestration/test_nightly.py",
    "governance/test_erase.py",
    "governance/test_trace.py",
)


# Each example of these tests is some nights: two of them by default, many in `make soak`.
settings.register_profile(
    "quick",
    max_examples=2,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=50)
settings.load_profile("quick")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first."""
    order = {ROOT / "tests" / file: place for place, file in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


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


def generate(folder: Path, size: str, seed: int) -> None:
    subprocess.run(
        [
            *(sys.executable, "-m", "simulator", "generate"),
            *("--size", size, "--seed", str(seed), "--out", str(folder)),
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Shared:
    """Make a folder once for all processes of a test run: a night takes a minute."""
    own = tmp_path_factory.getbasetemp()
    base = own if worker_id == "master" else own.parent

    def made(name: str, make: Callable[[Path], None]) -> Path:
        folder = base / "shared" / name
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "lock"):
            if not (folder / "made").exists():
                make(folder)
                (folder / "made").touch()
        return folder

    return made


@pytest.fixture(scope="session")
def tiny_company(shared: Shared) -> Path:
    return shared("tiny", lambda folder: generate(folder / "company", "tiny", 20260630)) / "company"


@pytest.fixture(scope="session")
def built(tiny_company: Path, shared: Shared) -> Job:
    """The tiny company, published once; tests only read it."""
    return Job(
        shared("built", lambda folder: publish(folder / "data", tiny_company)) / "data",
        tiny_company,
    )


@pytest.fixture(scope="session")
def built_lite(shared: Shared) -> Job:
    """Another company than the one everybody looks at: a seed that nothing was tuned to."""

    def make(folder: Path) -> None:
        generate(folder / "company", "demo-lite", 7)
        publish(folder / "data", folder / "company")

    folder = shared("lite", make)
    return Job(folder / "data", folder / "company")


def publish(data: Path, company: Path) -> None:
    done = Job(data, company).run()
    assert done.returncode == 0, done.stdout + done.stderr


def dbt(warehouse: Path, *arguments: str) -> None:
    """Run dbt on a warehouse of the test's own, with artifacts of its own beside it."""
    options = ["--profiles-dir", ".", "--target-path", str(warehouse.parent / "target")]
    done = subprocess.run(
        [EXECUTABLE, "--quiet", *arguments, *options],
        cwd=DBT_PROJECT,
        env={**os.environ, "PRODUCTOPS_WAREHOUSE": str(warehouse)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
