"""Measure the nightly job against its bare parts: `make bench`.

Machines differ and are shared, so every figure is a ratio to something timed in the same run.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from benchmarks.engine import compare
from ingestion import SOURCES

ROOT = Path(__file__).resolve().parent.parent
DBT = str(Path(sys.executable).with_name("dbt"))


@dataclass(frozen=True)
class Claim:
    """A ratio that must not exceed its limit."""

    name: str
    measured: float
    base: float
    limit: float
    unit: str = "s"

    @property
    def ratio(self) -> float:
        return self.measured / self.base


@dataclass(frozen=True)
class Bench:
    """One company and the data folders of its runs."""

    folder: Path
    size: str
    seed: int

    def company(self, scale: int = 1) -> Path:
        """Generate the company, or its events `scale` times over, and return its folder."""
        folder = self.folder / f"company-x{scale}"
        if not folder.exists():
            options = ["--size", self.size, "--seed", str(self.seed), "--scale", str(scale)]
            _run("-m", "simulator", "generate", *options, "--out", str(folder))
        return folder

    @contextmanager
    def vendors(self, company: Path) -> Iterator[dict[str, str]]:
        """Serve the company; yields the settings that point at its vendors."""
        show = "import os, json; print(json.dumps({k: v for k, v in os.environ.items()"
        show += " if k.startswith('SOURCES__')}), flush=True); input()"
        command = [sys.executable, "-m", "simulator", "run", "--company", str(company), "--"]
        process = subprocess.Popen(
            [*command, sys.executable, "-c", show],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        assert process.stdin

        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.communicate("\n")


def _environment(data: Path, vendors: dict[str, str]) -> dict[str, str]:
    return {
        **os.environ,
        **vendors,
        "PRODUCTOPS_DATA": str(data),
        "DAGSTER_HOME": str(data / "dagster"),
        "PRODUCTOPS_WAREHOUSE": str(data / "warehouse" / "productops.duckdb"),
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "false",
    }


def _run(*arguments: str, environment: dict[str, str] | None = None, command: str = "") -> float:
    """Run a Python command, or another one, and return its wall seconds."""
    started = time.monotonic()
    done = subprocess.run(
        [command or sys.executable, *arguments],
        cwd=ROOT / "dbt_project" if command == DBT else ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(arguments)} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return time.monotonic() - started


def loading(bench: Bench) -> list[Claim]:
    """Events into the warehouse, against DuckDB's own read_parquet of the same files."""
    company = bench.company()
    files = str(company / "posthog" / "events" / "*.parquet")
    data = bench.folder / "loading"
    with bench.vendors(company) as vendors:
        script = (
            "import time; from ingestion.pipeline import extract, load;"
            " package = extract('posthog'); started = time.monotonic(); load(package);"
            " print(time.monotonic() - started)"
        )
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env=_environment(data, vendors),
            capture_output=True,
            text=True,
            check=True,
        )
        whole = time.monotonic() - started
    base = _read_parquet(bench.folder / "base.duckdb", files)
    loaded = float(done.stdout.strip().splitlines()[-1])
    return [
        Claim("load events, persons and lists / read_parquet of the events", loaded, base, 2.0),
        Claim(
            "… with start-up, export, download and persons (no claim)", whole, base, float("inf")
        ),
    ]


def _read_parquet(database: Path, files: str) -> float:
    with duckdb.connect(str(database)) as connection:
        started = time.monotonic()
        connection.execute(f"create table events as select * from read_parquet('{files}')")
        connection.execute("checkpoint")
        return time.monotonic() - started


def nights(bench: Bench) -> list[Claim]:
    """The second night without news against the first, and the job against its parts by hand."""
    nightly = ("-m", "orchestration", "nightly")
    with bench.vendors(bench.company()) as vendors:
        whole = _environment(bench.folder / "whole", vendors)
        first = _run(*nightly, environment=whole)
        second = _run(*nightly, environment=whole)
        parts = _environment(bench.folder / "parts", vendors)
        loaded = _run("-m", "ingestion", *SOURCES, environment=parts)
        build = ("build", "--exclude-resource-type", "unit_test", "--profiles-dir", ".")
        built = _run(*build, environment=parts, command=DBT)
        checked = _run("-m", "expectations", environment=parts)
    by_hand = loaded + built + checked
    return [
        Claim("second night with nothing new / first night", second, first, 0.25),
        Claim(
            f"whole job / by hand (load {loaded:.0f} + dbt {built:.0f} + checks {checked:.0f} s)",
            first,
            by_hand,
            1.3,
        ),
    ]


def memory(bench: Bench) -> list[Claim]:
    """Peak memory of the job's largest process at ten times the events, against one time."""
    peaks = {}
    for scale in (1, 10):
        with bench.vendors(bench.company(scale)) as vendors:
            environment = _environment(bench.folder / f"memory-x{scale}", vendors)
            peaks[scale] = _peak_megabytes(
                "-m", "orchestration", "nightly", environment=environment
            )
    return [Claim("peak memory at 10 × events / at 1 ×", peaks[10], peaks[1], 1.5, "MB")]


def _peak_megabytes(*arguments: str, environment: dict[str, str]) -> float:
    # A process of its own, since the kernel keeps one maximum over all children of a process.
    script = (
        "import resource, subprocess, sys;"
        " done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL);"
        " print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(done.returncode)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(arguments)} failed:\n{done.stderr[-4000:]}")
    scale = 1 if sys.platform == "darwin" else 1024
    return int(done.stdout) * scale / 1e6


def engine(bench: Bench) -> list[Claim]:
    """Metric macros on DuckDB against ClickHouse in process, on the same events."""
    found = []
    for each in compare(bench.folder):
        asked = f"{each.question}, {each.events // 1_000_000} M events"
        answer = "same answer" if each.is_same else "ANOTHER ANSWER"
        limit = 1.0 if each.is_same else 0.0
        found.append(Claim(f"{asked} / ClickHouse, {answer}", each.ours, each.theirs, limit))
        found += [
            Claim(f"… {what} in DuckDB / ClickHouse (no claim)", seconds, each.theirs, float("inf"))
            for what, seconds in each.bounds.items()
        ]
    return found


CLAIMS = {"loading": loading, "nights": nights, "memory": memory, "engine": engine}


def main() -> int:
    """Measure and print the claims; 1 if one does not hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("claims", nargs="*", choices=[[], *CLAIMS], help="default: all")
    parser.add_argument("--size", default="demo")
    parser.add_argument("--seed", type=int, default=20260630)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="productops-bench-"))
    console = Console()
    table = Table("claim", "measured", "base", "ratio", "at most", title=f"size {arguments.size}")
    missed = 0
    try:
        for name in arguments.claims or CLAIMS:
            for claim in CLAIMS[name](Bench(folder, arguments.size, arguments.seed)):
                missed += claim.ratio > claim.limit
                figures = (f"{claim.measured:.1f} {claim.unit}", f"{claim.base:.1f} {claim.unit}")
                # At once too: a later claim may fail, or be interrupted.
                print(f"{claim.name}: {claim.ratio:.2f}", flush=True)
                table.add_row(claim.name, *figures, f"{claim.ratio:.2f}", f"{claim.limit:g}")
        console.print(table)
    finally:
        shutil.rmtree(folder)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
