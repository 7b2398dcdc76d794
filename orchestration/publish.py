"""Write, audit, publish: readers are switched to a new version in one step, or not at all.

    serving/current                        a link to the folder of the version that readers open
    serving/runs/<id>/productops.duckdb    a version; never written to again
    serving/runs/<id>/site/index.html      the pages on it
    serving/runs/<id>/complete             written last: a folder without it is a crash's left-over

A link to a folder and not to a file: renaming over an open path leaves long-lived readers on the
old data for ever, and a link to a file changes the catalog's name with each version.
"""

import fcntl
import logging
import os
import secrets
import shutil
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import dashboards.build
from dashboards.blocks import PageError
from expectations.results import CheckResult
from orchestration import candidate, metric_record
from orchestration.candidate import Digests, Facts, PublicationRefusedError
from orchestration.metrics import Metric
from orchestration.semantic_layer import Catalogue

__all__ = [
    "Publication",
    "PublicationBusyError",
    "PublicationRefusedError",
    "Published",
    "kept_versions",
    "publish",
]

logger = logging.getLogger("productops")

FILE = "productops.duckdb"
SITE = "site"
MARKER = "complete"
FEWEST_KEPT = 3


class PublicationBusyError(RuntimeError):
    """Another publication into the same folder did not end in time."""


@dataclass(frozen=True)
class Publication:
    """Where the version that is published comes from."""

    git_sha: str
    run_id: str
    started_at: datetime
    checks: Sequence[CheckResult] = field(default_factory=tuple)
    metrics: Sequence[Metric] = field(default_factory=tuple)
    catalogue: Catalogue = field(default_factory=Catalogue)
    data_as_of: datetime | None = None
    models_version: str | None = None
    # Whether last night's data were built again because the models changed.
    rebuilt: bool = False


@dataclass(frozen=True)
class Published:
    """What readers see from now on."""

    publication_id: str
    path: Path
    tables: Mapping[str, int]  # rows by `schema.table`
    row_count: int
    checks_passed: int


def kept_versions() -> int:
    """Return how many versions stay, from the setting PRODUCTOPS_KEEP_VERSIONS."""
    value = os.environ.get("PRODUCTOPS_KEEP_VERSIONS", "").strip() or str(FEWEST_KEPT)
    if not value.isdecimal() or int(value) < FEWEST_KEPT:
        raise ValueError(
            f"PRODUCTOPS_KEEP_VERSIONS is {value!r}; give a whole number of {FEWEST_KEPT} or more"
        )
    return int(value)


def publish(
    build: Path,
    serving: Path,
    *,
    publication: Publication,
    judged: Digests | None = None,
    personal: Collection[tuple[str, str]] = (),
    keep: int = FEWEST_KEPT,
) -> Published:
    """Copy the marts of a build into a new version and switch readers to it.

    Args:
        build: the warehouse file, which nobody may be writing.
        serving: the folder that readers know.
        publication: where the version comes from, for its record.
        judged: digests of the marts as the gates judged them; anything else is refused.
        personal: columns that must not leave, as (`schema.table`, column).
        keep: how many versions stay, this one included; never fewer than three.

    Raises:
        PublicationRefusedError: nothing changed for readers; the message says why.
        PublicationBusyError: another publication is at work.
    """
    runs = serving / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    with _alone(serving):
        _clear_left_overs(serving)
        published_at = datetime.now(UTC)
        facts = Facts(
            publication_id=_new_id(published_at), published_at=published_at, **vars(publication)
        )
        run = runs / facts.publication_id
        try:
            tables = _write(build, serving, run, facts, judged, personal)
            _switch(serving, run)
        except BaseException:
            # Also when interrupted. What cannot be cleared now is cleared by the next one.
            if not _is_current(serving, run):
                shutil.rmtree(run, ignore_errors=True)
            raise
        finally:
            shutil.rmtree(_spill(run), ignore_errors=True)
        _forget_oldest(serving, max(keep, FEWEST_KEPT))
    return Published(
        publication_id=facts.publication_id,
        path=serving / "current" / FILE,
        tables=tables,
        row_count=sum(tables.values()),
        checks_passed=sum(check.passed and not check.skipped for check in publication.checks),
    )


def _new_id(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03d}Z-{secrets.token_hex(3)}"


def _write(
    build: Path,
    serving: Path,
    run: Path,
    facts: Facts,
    judged: Digests | None,
    personal: Collection[tuple[str, str]],
) -> dict[str, int]:
    """Write a version that is complete, sound and on disk; return its rows by table."""
    path, current = run / FILE, serving / "current" / FILE
    with candidate.reading(build, _spill(run)) as connection:
        marts = candidate.marts_of(connection, build.stem)
        if not marts:
            raise PublicationRefusedError(
                f"{build} holds no marts (schemas {', '.join(candidate.MART_SCHEMAS)}); build first"
            )
        candidate.refuse_personal(connection, build.stem, marts, personal)
        free = candidate.free_bytes(serving)
        candidate.refuse_without_space(connection, build.stem, marts, current, free)
        run.mkdir()
        candidate.copy(connection, build.stem, marts, path)
        digests = {mart.name: candidate.digest(connection, build.stem, mart) for mart in marts}
        if judged is not None:
            candidate.refuse_unjudged(digests, judged)
        candidate.record(connection, facts, digests, current)
        metric_record.write(connection, facts.catalogue)
        candidate.refuse_addresses(connection)
        connection.execute("detach candidate")
    # A log beside a file is replayed into whatever stands there later.
    if (log := path.with_name(f"{FILE}.wal")).exists():
        raise PublicationRefusedError(f"{log} is left, so {path} is not whole; run again")
    path.chmod(0o444)
    _sync(path)
    candidate.refuse_difference(path, marts, digests)
    write_site(path)
    (run / MARKER).touch()
    for each in (run / MARKER, run, run.parent):
        _sync(each)
    return {name: rows for name, (rows, _) in digests.items()}


def write_site(path: Path) -> None:
    """Write the pages on a version beside it, in place of those that are there.

    A query that fails on tonight's data is told in its place on the page, and here: no chart is
    worth holding back what every gate let pass. All else (a page file that makes no sense, a full
    disk) is found before it is merged, or concerns the file as well, and stops the publication: a
    version without its pages would be half of one, and whoever has them open would lose them.
    """
    fresh = path.with_name(f"{SITE}.fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        site = dashboards.build.build(path, fresh)
    except PageError as error:
        raise PublicationRefusedError(f"the dashboards cannot be made: {error}") from error
    for block, reason in site.failed.items():
        logger.warning("%s cannot be shown. %s", block, reason)
    for each in (*fresh.iterdir(), fresh):
        _sync(each)
    # Only a version that is written anew after an erasure has pages already.
    shutil.rmtree(path.with_name(SITE), ignore_errors=True)
    fresh.replace(path.with_name(SITE))


def _switch(serving: Path, run: Path) -> None:
    """Point readers at a version, in one step of the file system."""
    current = serving / "current"
    if current.exists() and not current.is_symlink():
        raise PublicationRefusedError(
            f"{current} is a folder and not a link, so it cannot be switched; move it away"
        )
    link = serving / f".current-{run.name}"
    # Relative, so that the data folder can be moved or mounted elsewhere.
    link.symlink_to(Path("runs") / run.name)
    link.replace(current)
    _sync(serving)


def _is_current(serving: Path, run: Path) -> bool:
    current = serving / "current"
    return current.is_symlink() and current.readlink().name == run.name


def _sync(path: Path) -> None:
    """Have the disk confirm a file or the entries of a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _spill(run: Path) -> Path:
    """Return where the copy may put what does not fit into memory."""
    return run.with_name(f"{run.name}.spill")


def _clear_left_overs(serving: Path) -> None:
    """Take away what a killed publication left: half-written versions and unused links."""
    for run in (serving / "runs").iterdir():
        if not (run / MARKER).exists() and not _is_current(serving, run):
            shutil.rmtree(run, ignore_errors=True)
    for link in serving.glob(".current-*"):
        link.unlink()


def _forget_oldest(serving: Path, keep: int) -> None:
    """Delete versions beyond those kept, never the one readers open, nor a newer one."""
    current = (serving / "current").readlink().name
    runs = sorted((run.name for run in (serving / "runs").iterdir()), reverse=True)
    for name in runs[keep:]:
        if name < current:
            # Who has it open keeps reading it: the file goes when the last reader closes it.
            # The marker goes first, so that a kill in between leaves a left-over and no version.
            (serving / "runs" / name / MARKER).unlink(missing_ok=True)
            shutil.rmtree(serving / "runs" / name, ignore_errors=True)


@contextmanager
def _alone(serving: Path, wait_seconds: float = 60.0) -> Iterator[None]:
    """Keep other publications out; the kernel lets go of the lock even after a kill."""
    path = serving / ".publish.lock"
    deadline = time.monotonic() + wait_seconds
    with path.open("a+") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    handle.seek(0)
                    raise PublicationBusyError(
                        f"Process {handle.read().strip() or 'unknown'} has been publishing into"
                        f" {serving} for over {wait_seconds:g} s; wait for it, then run again"
                    ) from error
                time.sleep(0.05)
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield
