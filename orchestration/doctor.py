"""What stands in the way of a good night, found out before it: `productops doctor`."""

import fcntl
import os
import platform
import re
import shutil
import stat
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path

from packaging.specifiers import SpecifierSet

from ingestion import SOURCES
from ingestion.errors import IngestionError, setting_name
from ingestion.pipeline import check, data_dir, is_configured, wait_until_free, warehouse_path
from orchestration import status
from orchestration.paths import ROOT, published_file
from orchestration.sources import selected_sources

# Whose versions decide what a night does.
LOCKED = ("dagster", "dbt-core", "dbt-duckdb", "dlt", "duckdb", "great-expectations", "metricflow")
LEAST_FREE_BYTES = 1024**3
# Dagster's daemon says every 30 s that it is there.
DAEMON_SILENT = timedelta(minutes=5)
NIGHT_MISSED = timedelta(hours=26)
# Somebody waits for the answer, so nothing is tried for long.
PATIENCE = {
    "RUNTIME__REQUEST_MAX_ATTEMPTS": "2",
    "RUNTIME__REQUEST_TIMEOUT": "15",
    "WAREHOUSE__LOCK_TIMEOUT": "0",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: how it is, and what must be done if it is not well."""

    subject: str
    said: str = ""
    remedy: str = ""

    @property
    def is_well(self) -> bool:
        return not self.remedy


def findings() -> Iterator[Finding]:
    """Look at everything, the quick things first."""
    with _in_a_hurry():
        yield from versions()
        yield from settings()
        yield from folders()
        yield disk()
        yield warehouse()
        yield schedule()
        yield from vendors()


@contextmanager
def _in_a_hurry() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in PATIENCE}
    os.environ.update(PATIENCE)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


def versions() -> Iterator[Finding]:
    """Python and the tools, against what the project was tried with."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    python = platform.python_version()
    fits = python in SpecifierSet(wanted)
    yield Finding("python", python, "" if fits else f"it is {python}; install one {wanted}")
    lock = (ROOT / "requirements.lock").read_text()
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", lock, re.MULTILINE))
    found = {name: _installed(name) for name in LOCKED}
    wrong = [
        f"{name} is {found[name]} and the lock says {locked.get(name)}"
        for name in LOCKED
        if found[name] != locked.get(name)
    ]
    yield Finding(
        "tools",
        ", ".join(f"{name} {version}" for name, version in found.items()),
        f"{'; '.join(wrong)}: run `make setup`" if wrong else "",
    )


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"


def settings() -> Iterator[Finding]:
    """What .env says, but for the vendors' own settings."""
    yield _tried("schedule time", _schedule_time)
    yield _tried("versions kept", _versions_kept)
    yield _tried("people map", _people_map)
    yield _env_file()


def _schedule_time() -> str:
    # Read when it is imported, too.
    from orchestration.schedules import cron_schedule, time_zone

    minute, hour, *_ = cron_schedule().split()
    return f"{hour:0>2}:{minute:0>2} {time_zone()}"


def _versions_kept() -> str:
    from orchestration.publish import kept_versions

    return str(kept_versions())


def _people_map() -> str:
    from orchestration.people_map import wants_people_map

    return "written" if wants_people_map() else "not written"


def _tried(subject: str, read: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, read())
    except (ValueError, IngestionError) as error:
        return Finding(subject, remedy=str(error))


def _env_file() -> Finding:
    path = ROOT / ".env"
    if not path.exists():
        return Finding(".env", "not there; the environment alone counts")
    has_secrets = re.search(r"^(SOURCES__|PRODUCTOPS_\w*(KEY|WEBHOOK)=)", path.read_text(), re.M)
    if has_secrets and path.stat().st_mode & 0o077:
        return Finding(".env", remedy=f"it holds secrets others may read; run `chmod 600 {path}`")
    return Finding(".env", f"read from {path}")


def folders() -> Iterator[Finding]:
    """Who may write and read where."""
    yield _writable(data_dir())
    for name in ("warehouse", "private", "dlt"):
        folder = data_dir() / name
        if folder.exists() and folder.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield Finding(
                f"{name} folder",
                remedy=f"others may enter {folder}, which holds personal data;"
                f" run `chmod 700 {folder}`",
            )
    current = published_file()
    if not current.exists():
        yield Finding("readers", f"nothing is published at {current} yet")
    elif os.access(current, os.R_OK):
        yield Finding("readers", f"see {current.resolve().parent.name}")
    else:
        yield Finding("readers", remedy=f"{current} cannot be read; let its folders be entered")


def _writable(folder: Path) -> Finding:
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    if os.access(existing, os.W_OK | os.X_OK):
        return Finding("data folder", str(folder))
    return Finding(
        "data folder",
        remedy=f"{existing} cannot be written; let this user, or set PRODUCTOPS_DATA elsewhere",
    )


def disk() -> Finding:
    """Whether a night has room: a build and its publication about double what is there."""
    existing = next(each for each in (data_dir(), *data_dir().parents) if each.exists())
    free = shutil.disk_usage(existing).free
    held = sum(
        path.stat().st_size for path in (warehouse_path(), published_file()) if path.exists()
    )
    needed = max(LEAST_FREE_BYTES, 2 * held)
    said = f"{free / 1024**3:,.1f} GiB are free"
    if free >= needed:
        return Finding("disk", said)
    return Finding(
        "disk",
        remedy=f"{said} at {existing} and a night may take {needed / 1024**3:,.1f}; free some, or"
        " keep fewer versions (PRODUCTOPS_KEEP_VERSIONS)",
    )


def warehouse() -> Finding:
    """Whether the next night gets hold of the warehouse."""
    if not warehouse_path().exists():
        return Finding(
            "warehouse", f"{warehouse_path()} is not there yet; the first night makes it"
        )
    with _run_at_work() as holder:
        if holder:
            return Finding("warehouse", f"a run is at work (process {holder})")
        try:
            wait_until_free()
        except IngestionError as error:
            return Finding("warehouse", remedy=str(error))
    return Finding("warehouse", "free")


@contextmanager
def _run_at_work() -> Iterator[str | None]:
    """The process of a run that is at work; without one none begins while this looks."""
    path = data_dir() / "run.lock"
    with path.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            yield handle.read().strip() or "unknown"
            return
        yield None


def schedule() -> Finding:
    """Whether nights happen: by Dagster's daemon, or by whatever else began the last one."""
    import dagster as dg

    try:
        with dg.DagsterInstance.get() as instance:
            heartbeat = instance.get_daemon_heartbeats().get("SCHEDULER")
    except dg.DagsterInvariantViolationError as error:
        return Finding("schedule", remedy=str(error))
    now = datetime.now(UTC)
    if heartbeat and now - datetime.fromtimestamp(heartbeat.timestamp, UTC) < DAEMON_SILENT:
        return Finding("schedule", "Dagster's daemon runs")
    last = status.read()["night"].get("succeeded_at")
    if last and now - datetime.fromisoformat(last) < NIGHT_MISSED:
        return Finding("schedule", f"no daemon runs; the last night ended well at {last}")
    return Finding(
        "schedule",
        remedy=f"no daemon runs and the last good night was {last or 'never'}: keep `make dev` or"
        " `dagster-daemon run` running, or call `python -m orchestration nightly` from cron",
    )


def vendors() -> Iterator[Finding]:
    """Ask every vendor that is to be loaded, all at once."""
    try:
        names = selected_sources()
    except IngestionError as error:
        yield Finding("sources", remedy=str(error))
        return
    with ThreadPoolExecutor(len(names)) as pool:
        yield from pool.map(_vendor, names)


def _vendor(name: str) -> Finding:
    try:
        if not is_configured(name):
            return _without_key(name)
        return Finding(name, f"answers; {check(name)} kinds of question tried")
    except IngestionError as error:
        return Finding(name, remedy=str(error))


def _without_key(name: str) -> Finding:
    if name in status.read()["sources"]:
        return Finding(name, "has no key; `make run` and `make dev` load it from the demo company")
    named = " or ".join(setting_name(name, secret) for secret in SOURCES[name].secrets)
    return Finding(
        name,
        remedy=f"has no key, and a night of your own stops at it: set {named} in .env, or leave it"
        " out of PRODUCTOPS_SOURCES; `make run` needs none",
    )
