"""`make soak`: kill nights at random moments in each phase while readers poll, and count.

Prints kills by phase, reads, errors, mixtures of two versions and wrong versions; 1 if there is
any, if the last night left remains, or if its marts are not those of an undisturbed run.
Interrupted, it kills no more and reports of what was seen.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from ingestion import SOURCES
from simulator.__main__ import environment
from simulator.server import serving as served
from tests.conftest import PSEUDONYM_KEY

ROOT = Path(__file__).resolve().parents[2]
PHASES = ("extract", "load", "build", "check", "publish")
STEP = timedelta(hours=9)
# The share of kills after which a night may end by itself.
WHOLE_NIGHTS = 0.15
SETTINGS = {
    "SOURCES__TYPEFORM__REQUESTS_PER_SECOND": "1000",
    "SOURCES__SURVEYMONKEY__REQUESTS_PER_SECOND": "1000",
    "SOURCES__STRIPE__REQUESTS_PER_SECOND": "1000",
    "SOURCES__LINEAR__REQUESTS_PER_SECOND": "1000",
    "SOURCES__GITHUB__REQUESTS_PER_SECOND": "1000",
    "SOURCES__ZENDESK__REQUESTS_PER_SECOND": "1000",
    "SOURCES__INTERCOM__REQUESTS_PER_SECOND": "1000",
    "PRODUCTOPS_PSEUDONYM_KEY": PSEUDONYM_KEY,
}
INVENTED = "invented-by-the-soak-test"


@dataclass
class Findings:
    """What the nights and the readers came to."""

    kills: Counter[str] = field(default_factory=Counter)
    nights: Counter[str] = field(default_factory=Counter)
    reads: int = 0
    errors: list[str] = field(default_factory=list)
    mixtures: list[Any] = field(default_factory=list)
    wrong_versions: list[str] = field(default_factory=list)
    left_overs: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        found = (self.errors, self.mixtures, self.wrong_versions, self.left_overs)
        return self.reads > 0 and not any((*found, self.differences, self.unexpected))


class Nights:
    """Nights of one data folder, each forked from a process that has imported everything."""

    def __init__(self, data: Path, url: str) -> None:
        self.data, self._url = data, url
        data.mkdir(parents=True)
        others = {k: v for k, v in os.environ.items() if not k.startswith("SOURCES__")}
        folders = {"PRODUCTOPS_DATA": str(data), "DAGSTER_HOME": str(data / "dagster")}
        self._zygote = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.zygote"],
            cwd=ROOT,
            env={**others, **environment(url), **SETTINGS, **folders},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            # An interrupt from the keyboard is for this process, which still needs the others.
            start_new_session=True,
        )
        self.log = data / "soak.log"

    def at(self, moment: datetime) -> None:
        body = json.dumps({"now": moment.isoformat()}).encode()
        request = urllib.request.Request(f"{self._url}/__sim/clock", body, method="POST")
        request.add_header("Content-Type", "application/json")
        urllib.request.urlopen(request).close()

    def start(self) -> int:
        """Start a night that has something to publish, and return its process id."""
        (self.data / "serving" / "inputs.json").unlink(missing_ok=True)
        self.log.unlink(missing_ok=True)
        return self._fork("run")

    def load(self) -> int:
        """Only load, undisturbed, and return the exit code."""
        self._fork("load")
        return self.ended()

    def _fork(self, command: str) -> int:
        request = {"command": command, "log": str(self.log)}
        assert self._zygote.stdin
        self._zygote.stdin.write(json.dumps(request) + "\n")
        self._zygote.stdin.flush()
        return int(self._answer()["pid"])

    def ended(self) -> int:
        """Wait for the night and return its exit code, negative if it was killed."""
        return int(self._answer()["code"])

    def _answer(self) -> dict[str, int]:
        assert self._zygote.stdout
        line = self._zygote.stdout.readline()
        while line and not line.startswith("{"):
            line = self._zygote.stdout.readline()
        answer: dict[str, int] = json.loads(line)
        return answer

    def close(self) -> None:
        assert self._zygote.stdin
        self._zygote.stdin.close()
        self._zygote.wait()

    def has_begun(self, phase: str) -> bool:
        """Whether a phase of the running night has begun, from what it has written so far."""
        said = self.log.read_text() if self.log.exists() else ""
        if phase == "extract":
            return self.log.exists()
        if phase == "load":
            waiting = any((self.data / "dlt").glob("*/load/normalized/*"))
            return waiting or any(f"{name}: " in said for name in ("posthog", "hubspot"))
        sign = {"build": "raw_gate: ", "check": "models: ", "publish": "mart_gate: "}[phase]
        return sign in said or "Published " in said


def soak(
    kills: int, seed: int, folder: Path, readers: int = 4, enough: Event | None = None
) -> Findings:
    """Kill nights until so many were or it is enough; then run a good one and look back."""
    enough = enough or Event()
    chance, findings = random.Random(seed), Findings()
    company = folder / "company"
    subprocess.run(
        [
            *(sys.executable, "-m", "simulator", "generate", "--size", "tiny"),
            *("--seed", str(seed), "--out", str(company)),
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    about = json.loads((company / "company.json").read_text())
    end = datetime.fromisoformat(about["now"])
    moments = [end - STEP * 40]
    with served(company, now=moments[0]) as url:
        nights = Nights(folder / "data", url)
        try:
            lasted = _first_night(nights, findings)
            with _polled(nights.data / "serving", folder, readers, findings):
                while sum(findings.kills.values()) < kills and not enough.is_set():
                    phase = PHASES[sum(findings.kills.values()) % len(PHASES)]
                    _killed_night(nights, phase, lasted[phase], chance, findings)
                    if sum(findings.kills.values()) % 10 == 0:
                        print(f"{sum(findings.kills.values())} kills", flush=True)
                    if chance.random() < WHOLE_NIGHTS:
                        moments.append(min(moments[-1] + STEP, end))
                        nights.at(moments[-1])
                        _whole_night(nights, chance, findings)
                moments.append(end)
                nights.at(end)
                _expect(nights, findings, "published", 0)
            _look_back(nights.data, findings)
            whole = Nights(folder / "undisturbed", url)
            try:
                _undisturbed(whole, moments, findings)
            finally:
                whole.close()
            findings.differences = _differences(nights.data, whole.data)
        finally:
            nights.close()
    return findings


def _undisturbed(nights: Nights, moments: Sequence[datetime], findings: Findings) -> None:
    """What one night says of all that was loaded at the same moments as by the nights killed.

    A vendor forgets: what it merges or archives between two loads is seen by one of them only.
    """
    for moment in moments:
        nights.at(moment)
        if nights.load() != 0:
            findings.unexpected.append(f"undisturbed load: {_text(nights.log)[-500:]}")
    _expect(nights, findings, "undisturbed", 0)


def _first_night(nights: Nights, findings: Findings) -> dict[str, float]:
    """Run a night undisturbed and return how many seconds each phase took."""
    began: dict[str, float] = {}
    pid = nights.start()
    while _is_alive(pid) and "Published " not in _text(nights.log):
        for phase in PHASES:
            if phase not in began and nights.has_begun(phase):
                began[phase] = time.monotonic()
        time.sleep(0.05)
    ended = time.monotonic()
    if nights.ended() != 0:
        raise RuntimeError(f"the first night failed:\n{_text(nights.log)}")
    findings.nights["published"] += 1
    moments = [began.get(phase, ended) for phase in PHASES] + [ended]
    return {p: max(b - a, 0.2) for p, a, b in zip(PHASES, moments, moments[1:], strict=False)}


def _killed_night(
    nights: Nights, phase: str, lasts: float, chance: random.Random, findings: Findings
) -> None:
    pid = nights.start()
    while _is_alive(pid) and not nights.has_begun(phase):
        time.sleep(0.02)
    time.sleep(chance.uniform(0, lasts))
    # Alone, as when memory runs out, it leaves its dbt at work; with its group, as on a reboot.
    kill: Callable[[int, int], None] = os.kill if chance.random() < 0.5 else os.killpg
    with suppress(ProcessLookupError):
        kill(pid, signal.SIGKILL)
    code = nights.ended()
    if code < 0:
        findings.kills[phase] += 1
        findings.nights["killed"] += 1
    elif code == 0:
        # It was faster than the killer.
        findings.nights["published"] += 1
    else:
        findings.unexpected.append(f"{phase}: exit {code}: {_text(nights.log)[-500:]}")


def _whole_night(nights: Nights, chance: random.Random, findings: Findings) -> None:
    """A night that ends by itself: well, or stopped by a gate."""
    if chance.random() < 0.7:
        _expect(nights, findings, "published", 0)
        return
    _wait_for_orphans(nights)
    _change(
        nights,
        "insert into posthog.events by name select uuid || i as uuid, event, distinct_id,"
        f" '{INVENTED}' as person_id, properties, timestamp, _inserted_at"
        " from (select * from posthog.events order by timestamp desc limit 1), range(200) as r(i)",
    )
    _expect(nights, findings, "stopped by a gate", 1)
    _change(nights, f"delete from posthog.events where person_id = '{INVENTED}'")


def _expect(nights: Nights, findings: Findings, outcome: str, code: int) -> None:
    nights.start()
    ended = nights.ended()
    findings.nights[outcome] += 1
    if ended != code:
        findings.unexpected.append(f"{outcome}: exit {ended}: {_text(nights.log)[-500:]}")


def _wait_for_orphans(nights: Nights) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            duckdb.connect(str(nights.data / "warehouse" / "productops.duckdb")).close()
            return
        except duckdb.IOException:
            time.sleep(0.2)


def _change(nights: Nights, statement: str) -> None:
    with duckdb.connect(str(nights.data / "warehouse" / "productops.duckdb")) as connection:
        connection.execute(statement)


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


@contextmanager
def _polled(serving: Path, folder: Path, readers: int, findings: Findings) -> Iterator[None]:
    stop = folder / "stop"
    reports = [folder / f"reader-{number}.json" for number in range(readers)]
    processes = [
        subprocess.Popen(
            # One of them keeps its connection open over many reads.
            [
                *(sys.executable, "-m", "tests.soak.reader"),
                *map(str, (serving, stop, report, 100 if number == 0 else 1)),
            ],
            cwd=ROOT,
            start_new_session=True,
        )
        for number, report in enumerate(reports)
    ]
    try:
        yield
    finally:
        stop.touch()
        for process in processes:
            process.wait()
    known = _known_versions(serving)
    for report in reports:
        seen = json.loads(report.read_text())
        findings.reads += seen["reads"]
        findings.errors += seen["errors"]
        findings.mixtures += seen["mixtures"]
        findings.wrong_versions += seen["older"]
        findings.wrong_versions += [each for each in seen["versions"] if each not in known]


def _known_versions(serving: Path) -> set[str]:
    """The versions that were published; each publication carries the record of all before."""
    path = serving / "current" / "productops.duckdb"
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute("select publication_id from ops.publications").fetchall()
    return {version for (version,) in rows}


def _look_back(data: Path, findings: Findings) -> None:
    """Find what a killed night left and the last good one should have cleared."""
    runs = [run for run in (data / "serving" / "runs").iterdir() if run.is_dir()]
    findings.left_overs += [str(run) for run in runs if not (run / "complete").exists()]
    if len(runs) > 3:
        findings.left_overs.append(f"{len(runs)} versions kept")
    findings.left_overs += [str(link) for link in (data / "serving").glob(".current-*")]
    findings.left_overs += [str(each) for each in data.glob("dlt/*/load/normalized/*")]


def _differences(one: Path, other: Path) -> list[str]:
    """Marts and raw tables that are not the same rows in both data folders."""
    different = []
    for file, schemas in (
        ("serving/current/productops.duckdb", "not in ('ops')"),
        ("warehouse/productops.duckdb", f"in {tuple(SOURCES)}"),
    ):
        left, right = (_digests(folder / file, schemas) for folder in (one, other))
        names = left.keys() | right.keys()
        different += [name for name in names if left.get(name) != right.get(name)]
    return sorted(different)


def _digests(path: Path, schemas: str) -> dict[str, tuple[int, int]]:
    # When a vendor was asked is not what it said.
    asking = ("source_counts", "exports", "drift", "listed")
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name, string_agg('\"' || column_name || '\"', ', '"
            " order by column_name) from duckdb_columns() where not internal"
            f" and schema_name {schemas} and table_name not like '\\_%' escape '\\'"
            f" and table_name not in {asking} and column_name not like '\\_dlt%' escape '\\'"
            " and column_name <> 'listed_at'"
            " group by all"
        ).fetchall()
        return {
            f"{schema}.{table}": connection.execute(
                f"select count(*), coalesce(sum(hash({columns})), 0) from {schema}.{table}"
            ).fetchall()[0]
            for schema, table, columns in tables
        }


def shown(findings: Findings, seed: int) -> Table:
    """Return the findings for people."""
    table = Table("", "", title=f"seed {seed}")
    table.add_row("kills", ", ".join(f"{p} {findings.kills[p]}" for p in PHASES))
    table.add_row("nights", ", ".join(f"{n} {c}" for n, c in sorted(findings.nights.items())))
    table.add_row("reads", f"{findings.reads:,}")
    for name in ("errors", "mixtures", "wrong_versions", "left_overs", "differences", "unexpected"):
        found = getattr(findings, name)
        examples = "\n".join(map(str, found[:5]))
        table.add_row(name.replace("_", " "), f"{len(found)} {examples}".strip())
    return table


def main() -> int:
    """Soak and print; 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="productops-soak-"))
    enough = Event()
    signal.signal(signal.SIGINT, lambda *_: enough.set())
    try:
        findings = soak(chosen.kills, chosen.seed, folder, enough=enough)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    Console().print(shown(findings, chosen.seed))
    return 0 if findings.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
