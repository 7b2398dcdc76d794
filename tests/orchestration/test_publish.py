"""Readers never see an error, a mixture or a gap, whatever happens to a publication."""

import json
import multiprocessing
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path
from typing import Any

import duckdb
import pytest

import dashboards.build
from dashboards.blocks import Block, Page, PageError
from dashboards.build import Site
from expectations.results import CheckResult
from orchestration import candidate, metric_record, publish
from orchestration.publish import (
    Publication,
    PublicationBusyError,
    PublicationRefusedError,
    Published,
    kept_versions,
)

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MARTS = ("core.accounts", "product.daily_active_people", "sales.open_deals")

BUILD = """
create schema posthog; create schema intermediate;
create schema core; create schema product; create schema sales;
create table posthog.persons as select 'someone@company.example' as email;
create table intermediate.deals as
select i as deal_id, i % 2 = 0 as is_open, {version} as version from range({rows}) as r(i);
create table core.accounts (account_id varchar not null, details json, tags varchar[],
    place struct(city varchar, size int), version int);
insert into core.accounts
select 'account ' || i, '{{"plan": "pro"}}', ['a', 'b'], {{'city': 'Oslo', 'size': i}}, {version}
from range({rows}) as r(i);
comment on table core.accounts is 'One row per account; it''s "quoted".';
comment on column core.accounts.account_id is 'The product''s own key.';
create table product.daily_active_people as
select date '2026-01-01' + (i % 90)::int as active_date, 'person ' || i as person_id,
    (i / 7)::decimal(18, 2) as amount_usd, {version} as version
from range({rows}) as r(i);
create view sales.open_deals as
select deal_id, version from productops.intermediate.deals where is_open;
comment on view sales.open_deals is 'One row per open deal.';
"""


def build(path: Path, version: int = 1, rows: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute(BUILD.format(version=version, rows=rows))
    return path


def change(path: Path, statement: str) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute(statement)


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    return build(tmp_path / "it's $HOME" / "productops.duckdb")


@pytest.fixture
def serving(tmp_path: Path) -> Path:
    return tmp_path / "serving"


def publication(git_sha: str = "abc123", checks: Sequence[CheckResult] = ()) -> Publication:
    return Publication(git_sha=git_sha, run_id="run-1", started_at=STARTED, checks=checks)


def put(warehouse: Path, serving: Path, **options: Any) -> Published:
    return publish.publish(warehouse, serving, publication=publication(), **options)


def ask(serving: Path, sql: str) -> list[tuple]:
    path = serving / "current" / "productops.duckdb"
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def snapshot(serving: Path) -> dict[str, object]:
    """Everything under the folder but the lock: names, sizes, times, and where links point."""
    return {
        str(path.relative_to(serving)): path.readlink()
        if path.is_symlink()
        else (path.stat().st_size, path.stat().st_mtime_ns if path.is_file() else None)
        for path in sorted(serving.rglob("*"))
        if path.name != ".publish.lock"
    }


def test_marts_are_published_and_nothing_else(warehouse: Path, serving: Path) -> None:
    published = put(warehouse, serving)
    found = ask(serving, "select schema_name || '.' || table_name from duckdb_tables() order by 1")
    assert [name for (name,) in found] == sorted(
        [*MARTS, *(f"ops.{name}" for name in (*candidate.RECORDS, *metric_record.TABLES))]
    )
    assert published.tables == dict(zip(MARTS, (100, 100, 50), strict=True))
    assert published.row_count == 250
    assert published.path == serving / "current" / "productops.duckdb"


def test_the_rows_are_those_of_the_build(warehouse: Path, serving: Path) -> None:
    put(warehouse, serving)
    for mart in MARTS:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            expected = connection.execute(f"from {mart} order by all").fetchall()
        assert ask(serving, f"from {mart} order by all") == expected


def test_comments_and_constraints_survive(warehouse: Path, serving: Path) -> None:
    put(warehouse, serving)
    assert ask(
        serving,
        "select table_name, comment from duckdb_tables() where schema_name <> 'ops' order by 1",
    ) == [
        ("accounts", 'One row per account; it\'s "quoted".'),
        ("daily_active_people", None),
        ("open_deals", "One row per open deal."),
    ]
    assert ask(
        serving,
        "select column_name, is_nullable, comment from duckdb_columns()"
        " where table_name = 'accounts' and (comment is not null or not is_nullable)",
    ) == [("account_id", False, "The product's own key.")]


def test_the_file_is_finished_and_opens_in_old_readers(warehouse: Path, serving: Path) -> None:
    published = put(warehouse, serving)
    folder = published.path.parent
    assert sorted(path.name for path in folder.iterdir()) == [
        "complete",
        "productops.duckdb",
        "site",
    ]
    assert published.path.stat().st_mode & 0o777 == 0o444
    # The header says the storage version at byte 12: 64 is what DuckDB 0.10 to 1.1 write.
    assert struct.unpack("<Q", published.path.read_bytes()[12:20]) == (64,)
    tags = ask(serving, "select tags['storage_version'] from duckdb_databases() where not internal")
    assert tags[0][0].startswith("v1.0.0")


def test_the_link_is_relative_so_the_data_folder_can_be_moved(
    warehouse: Path, serving: Path
) -> None:
    published = put(warehouse, serving)
    assert (serving / "current").readlink() == Path("runs") / published.publication_id
    moved = serving.rename(serving.with_name("elsewhere"))
    assert ask(moved, "select count(*) from core.accounts") == [(100,)]


CHECK = CheckResult(
    table="sales.deals",
    name="deals_against_crm",
    type="expect_figures_to_agree",
    passed=True,
    skipped=False,
    severity="error",
    message="0 of 1 beyond 5",
    observed={"expected": 7, "observed": 7.5},
)


def test_the_record_says_what_was_published_and_keeps_its_history(
    warehouse: Path, serving: Path
) -> None:
    first = put(warehouse, serving)
    build(warehouse, version=2, rows=10)
    second = publish.publish(
        warehouse, serving, publication=publication(git_sha="def456", checks=[CHECK])
    )
    assert second.checks_passed == 1
    assert first.publication_id < second.publication_id
    assert ask(
        serving,
        "select publication_id, git_sha, run_id, started_at, row_count, table_count, checks_passed,"
        " round(epoch(published_at - started_at) - duration_seconds, 3)"
        " from ops.publications order by all",
    ) == [
        (first.publication_id, "abc123", "run-1", STARTED.replace(tzinfo=None), 250, 3, 0, 0.0),
        (second.publication_id, "def456", "run-1", STARTED.replace(tzinfo=None), 25, 3, 1, 0.0),
    ]
    assert ask(
        serving,
        "select table_name, list(row_count order by publication_id),"
        " count(distinct content_hash) from ops.publication_tables group by all order by all",
    ) == [(MARTS[0], [100, 10], 2), (MARTS[1], [100, 10], 2), (MARTS[2], [50, 5], 2)]
    ((identity, observed),) = ask(
        serving,
        "select (publication_id, table_name, check_name, severity, passed, skipped), observed"
        " from ops.publication_checks",
    )
    assert tuple(identity) == (
        second.publication_id, "sales.deals", "deals_against_crm", "error", True, False
    )  # fmt: skip
    assert json.loads(observed) == {"expected": 7, "observed": 7.5}


def test_equal_rows_have_an_equal_hash_in_any_order(warehouse: Path, serving: Path) -> None:
    put(warehouse, serving)
    change(
        warehouse,
        "create or replace table core.accounts as from core.accounts order by account_id desc",
    )
    put(warehouse, serving)
    assert ask(
        serving,
        "select count(*), count(distinct content_hash) from ops.publication_tables"
        " where table_name = 'core.accounts'",
    ) == [(2, 1)]


ADDRESSES = {
    "core.accounts.account_id": "update core.accounts set account_id = 'Jo.Doe+x@Company.example'"
    " where account_id = 'account 7'",
    "core.accounts.details": """update core.accounts set details = '{"by": "jo@company.example"}'
        where account_id = 'account 7'""",
    "core.accounts.tags": "update core.accounts set tags = ['a', 'mail jo@company.example now']"
    " where account_id = 'account 7'",
    "core.accounts.place": "update core.accounts"
    " set place = {'city': 'jö@bücher.example', 'size': 1} where account_id = 'account 7'",
    "product.daily_active_people.person_id": "update product.daily_active_people"
    " set person_id = 'https://company.example/?email=jo%40company.example'"
    " where person_id = 'person 7'",
}


@pytest.mark.parametrize(("where", "statement"), ADDRESSES.items())
def test_an_address_in_any_text_is_refused(
    warehouse: Path, serving: Path, where: str, statement: str
) -> None:
    put(warehouse, serving)
    before = snapshot(serving)
    change(warehouse, statement)
    with pytest.raises(PublicationRefusedError) as error:
        put(warehouse, serving)
    assert (f"{error.value.table}.{error.value.column}", error.value.count) == (where, 1)
    assert "company.example" not in str(error.value)
    assert snapshot(serving) == before


def test_an_address_in_what_a_check_saw_is_refused(warehouse: Path, serving: Path) -> None:
    leaking = CheckResult(**{**vars(CHECK), "message": "furthest 'jo@company.example'"})
    with pytest.raises(PublicationRefusedError, match=r"ops\.publication_checks\.message"):
        publish.publish(warehouse, serving, publication=publication(checks=[leaking]))


@pytest.mark.parametrize("text", ["@acme", "a@b", "3 @ 4.50", "x@1.2.3", "@scope/package", "50%40"])
def test_what_only_looks_like_an_address_is_published(
    warehouse: Path, serving: Path, text: str
) -> None:
    change(warehouse, f"update core.accounts set account_id = '{text}'")
    put(warehouse, serving)
    assert ask(serving, "select distinct account_id from core.accounts") == [(text,)]


def test_a_personal_column_is_refused(warehouse: Path, serving: Path) -> None:
    personal = {("product.daily_active_people", "person_id")}
    with pytest.raises(PublicationRefusedError, match="tagged as personal") as error:
        put(warehouse, serving, personal=personal)
    refused = error.value
    assert (refused.table, refused.column, refused.count) == (
        "product.daily_active_people", "person_id", 100
    )  # fmt: skip
    assert not (serving / "current").exists()


def test_a_build_without_marts_is_refused(tmp_path: Path, serving: Path) -> None:
    change(tmp_path / "productops.duckdb", "create schema posthog")
    with pytest.raises(PublicationRefusedError, match="holds no marts"):
        put(tmp_path / "productops.duckdb", serving)


def test_no_build_is_one_message(tmp_path: Path, serving: Path) -> None:
    with pytest.raises(PublicationRefusedError, match="there is no build at"):
        put(tmp_path / "absent.duckdb", serving)


def test_a_build_that_is_being_written_is_refused(warehouse: Path, serving: Path) -> None:
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(warehouse)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout
        writer.stdout.readline()
        with pytest.raises(PublicationRefusedError, match="close what holds it open"):
            put(warehouse, serving)
        writer.communicate(b"\n")


def test_too_small_a_disk_is_refused_before_anything_is_written(
    warehouse: Path, serving: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(warehouse, serving)
    before = snapshot(serving)
    monkeypatch.setattr(candidate, "free_bytes", lambda _: 3 * 1024**2)
    monkeypatch.setattr(candidate, "copy", None)  # reached, it would raise something else
    with pytest.raises(PublicationRefusedError, match=r"up to [\d,]+ MiB .* and 3 MiB are free"):
        put(warehouse, serving)
    assert snapshot(serving) == before


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a disk that is small enough to fill")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_disk_that_fills_up_leaves_everything_untouched(
    warehouse: Path, tiny_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = tiny_disk / "serving"
    put(warehouse, serving)
    before = snapshot(serving)
    build(warehouse, version=2, rows=4_000_000)
    monkeypatch.setattr(candidate, "free_bytes", lambda _: 10**12)
    with pytest.raises(duckdb.Error, match=r"(?i)no space left|write"):
        put(warehouse, serving)
    assert snapshot(serving) == before
    assert ask(serving, "select distinct version from core.accounts") == [(1,)]


STEPS = ("copy", "digest", "record", "refuse_addresses", "refuse_difference")


@pytest.mark.parametrize("step", STEPS)
def test_a_failure_before_the_switch_leaves_everything_untouched(
    warehouse: Path, serving: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    put(warehouse, serving)
    before = snapshot(serving)
    original = getattr(candidate, step)

    def fail(*arguments: Any) -> None:
        original(*arguments)
        raise OSError(f"{step} failed")

    monkeypatch.setattr(candidate, step, fail)
    with pytest.raises(OSError, match=f"{step} failed"):
        put(warehouse, serving)
    assert snapshot(serving) == before


def test_pages_that_cannot_be_made_leave_everything_untouched(
    warehouse: Path, serving: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(warehouse, serving)
    before = snapshot(serving)
    original = dashboards.build.build
    for error, told in (
        (
            PageError("sales.yml lacks 'title'; add it"),
            "dashboards cannot be made: sales.yml lacks",
        ),
        (OSError(28, "No space left on device"), "No space left"),
    ):

        def half(file: Path, folder: Path, error: Exception = error) -> Site:
            original(file, folder)
            (folder / "marts.html").unlink()
            raise error

        monkeypatch.setattr(dashboards.build, "build", half)
        with pytest.raises((PublicationRefusedError, OSError), match=told):
            put(warehouse, serving)
        assert snapshot(serving) == before


def test_a_block_whose_query_fails_is_told_and_the_data_are_published(
    warehouse: Path,
    serving: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    block = Block(
        "wrong", "T", "Q?", ("core.accounts",), "select nothing from core.accounts", "table"
    )
    shown = [Page("p", "Page", "Why?", 1, (block,))]
    monkeypatch.setattr(dashboards.build, "pages", lambda: shown)
    monkeypatch.setattr(publish.logger, "propagate", True)
    published = put(warehouse, serving)
    page = (published.path.parent / "site" / "p.html").read_text()
    assert "Its query failed: Binder Error" in page
    assert published.publication_id in page
    assert "p.yml, block 'wrong' cannot be shown. Its query failed" in caplog.text


def test_a_file_that_differs_from_the_build_is_refused(
    warehouse: Path, serving: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = candidate.copy

    def lose_a_row(connection: duckdb.DuckDBPyConnection, *arguments: Any) -> None:
        original(connection, *arguments)
        connection.execute("update candidate.core.accounts set version = 9 where version = 1"
                           " and account_id = 'account 7'")  # fmt: skip

    monkeypatch.setattr(candidate, "copy", lose_a_row)
    with pytest.raises(PublicationRefusedError, match=r"core\.accounts holds 100 rows \(hash"):
        put(warehouse, serving)
    assert not (serving / "current").exists()


def test_a_build_that_changed_after_the_gates_is_refused(warehouse: Path, serving: Path) -> None:
    judged = candidate.digests(warehouse)
    put(warehouse, serving, judged=judged)
    before = snapshot(serving)
    for statement, table in (
        ("update core.accounts set version = 2 where account_id = 'account 7'", "core.accounts"),
        ("create table sales.quotas as select 1 as quota", "sales.quotas"),
        ("drop view sales.open_deals", "sales.open_deals"),
    ):
        with duckdb.connect(str(warehouse)) as connection:
            connection.execute("begin")
            connection.execute(statement)
            connection.execute("commit")
        with pytest.raises(PublicationRefusedError, match="changed after the gates") as caught:
            put(warehouse, serving, judged=judged)
        assert caught.value.table == table
        assert snapshot(serving) == before
        judged = candidate.digests(warehouse)


def test_a_folder_in_place_of_the_link_is_refused(warehouse: Path, serving: Path) -> None:
    (serving / "current").mkdir(parents=True)
    with pytest.raises(PublicationRefusedError, match="is a folder and not a link"):
        put(warehouse, serving)
    assert list((serving / "runs").iterdir()) == []


def versions(serving: Path) -> list[str]:
    return sorted(path.name for path in (serving / "runs").iterdir())


def test_old_versions_go_and_the_newest_stay(warehouse: Path, serving: Path) -> None:
    ids = [put(warehouse, serving, keep=4).publication_id for _ in range(6)]
    assert versions(serving) == ids[-4:]
    ids.append(put(warehouse, serving, keep=1).publication_id)
    assert versions(serving) == ids[-3:]
    assert len(ask(serving, "from ops.publications")) == 7


def test_the_version_readers_open_and_newer_ones_are_never_deleted(
    warehouse: Path, serving: Path
) -> None:
    ids = [put(warehouse, serving).publication_id for _ in range(3)]
    # Rolled back by hand: newer versions than the current one exist.
    (serving / "current").unlink()
    (serving / "current").symlink_to(Path("runs") / ids[0])
    publish._forget_oldest(serving, 1)
    assert versions(serving) == ids


def test_left_overs_of_a_crash_are_cleared(warehouse: Path, serving: Path) -> None:
    first = put(warehouse, serving)
    for name in ("20990101T000000000Z-000000", "20260101T000000000Z-000000.spill"):
        (serving / "runs" / name).mkdir()
        (serving / "runs" / name / "productops.duckdb.wal").write_text("half")
    (serving / ".current-20990101T000000000Z-000000").symlink_to("runs/nowhere")
    second = put(warehouse, serving)
    assert versions(serving) == [first.publication_id, second.publication_id]
    assert sorted(path.name for path in serving.iterdir()) == [".publish.lock", "current", "runs"]


def test_an_unreadable_current_file_does_not_stop_the_next_publication(
    warehouse: Path, serving: Path
) -> None:
    published = put(warehouse, serving)
    published.path.chmod(0o644)
    published.path.write_bytes(b"not a database")
    put(warehouse, serving)
    assert len(ask(serving, "from ops.publications")) == 1


def test_two_publications_do_not_interleave(
    warehouse: Path, serving: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(warehouse, serving)
    monkeypatch.setattr(publish._alone, "__kwdefaults__", None)
    with publish._alone(serving):
        code = (
            "import sys; from pathlib import Path; from orchestration import publish\n"
            "try:\n"
            "    with publish._alone(Path(sys.argv[1]), 0.2): pass\n"
            "except publish.PublicationBusyError as error: sys.exit(str(error))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(serving)], capture_output=True, text=True, check=False
        )
    assert done.returncode == 1
    assert f"Process {os.getpid()} has been publishing into" in done.stderr
    with publish._alone(serving, 0):
        pass
    assert issubclass(PublicationBusyError, RuntimeError)


def test_how_many_versions_are_kept_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PRODUCTOPS_KEEP_VERSIONS", raising=False)
    assert kept_versions() == 3
    monkeypatch.setenv("PRODUCTOPS_KEEP_VERSIONS", "7")
    assert kept_versions() == 7
    for wrong in ("2", "many", "-4", "3.5"):
        monkeypatch.setenv("PRODUCTOPS_KEEP_VERSIONS", wrong)
        with pytest.raises(ValueError, match=f"is '{wrong}'; give a whole number of 3 or more"):
            kept_versions()


# Readers and a writer in processes of their own, as in life.

EACH = " union all ".join(f"select distinct version from {mart}" for mart in MARTS)
STAMP = f"select list(distinct version) from ({EACH})"


def poll(path: Path, ready: Barrier, stop: Event, results: Any) -> None:
    """Open the file, read every mart, close; report errors, mixtures, and versions seen."""
    seen: list[int] = []
    problems, reads = [], 0
    ready.wait()
    while not stop.is_set():
        try:
            with duckdb.connect(str(path), read_only=True) as connection:
                ((stamps,),) = connection.execute(STAMP).fetchall()
        except Exception as error:
            problems.append(repr(error))
            continue
        reads += 1
        if len(stamps) != 1:
            problems.append(f"mixture of {stamps}")
        elif stamps[0] not in seen[-1:]:
            seen.append(stamps[0])
    results.put(("polled", reads, seen, problems))


def hold(path: Path, ready: Barrier, stop: Event, results: Any) -> None:
    """Keep one connection open; it must go on telling the version that it opened."""
    problems, stamps, reads = [], set(), 0
    with duckdb.connect(str(path), read_only=True) as connection:
        ready.wait()
        while not stop.is_set():
            try:
                stamps.add(tuple(connection.execute(STAMP).fetchall()[0][0]))
                reads += 1
            except Exception as error:
                problems.append(repr(error))
    results.put(("held", reads, sorted(stamps), problems))


def glance(path: Path, ready: Barrier, stop: Event, results: Any) -> None:
    """Open the file and no more, thousands of times a second: no gap is too short for it."""
    problems, reads = [], 0
    ready.wait()
    while not stop.is_set():
        try:
            with path.open("rb"):
                reads += 1
        except OSError as error:
            problems.append(repr(error))
    results.put(("glanced", reads, [], problems))


def write(warehouse: Path, serving: Path, version: int) -> None:
    build(warehouse, version, rows=20_000)
    put(warehouse, serving)


def fail_at_the_door(warehouse: Path, serving: Path, version: int) -> None:
    build(warehouse, version, rows=20_000)
    change(warehouse, "update core.accounts set account_id = 'jo@company.example'")
    with pytest.raises(PublicationRefusedError):
        put(warehouse, serving)


def killed_somewhere(warehouse: Path, serving: Path, version: int, after: float) -> None:
    build(warehouse, version, rows=20_000)
    context = multiprocessing.get_context("fork")
    process = context.Process(target=put, args=(warehouse, serving))
    process.start()
    time.sleep(after)
    assert process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.join()


def test_readers_see_no_error_no_mixture_and_no_gap(warehouse: Path, serving: Path) -> None:
    write(warehouse, serving, 0)
    path = serving / "current" / "productops.duckdb"
    # A fresh interpreter each: a forked DuckDB would share locks with this process.
    context = multiprocessing.get_context("spawn")
    stop, results = context.Event(), context.Queue()
    targets: list[Callable] = [poll, poll, hold, glance]
    ready = context.Barrier(len(targets) + 1)
    given = (path, ready, stop, results)
    readers = [context.Process(target=each, args=given) for each in targets]
    for reader in readers:
        reader.start()
    ready.wait(60)
    time.sleep(0.5)
    for version in range(1, 13):
        if version % 4 == 1:
            fail_at_the_door(warehouse, serving, version)
        elif version % 4 == 3:
            killed_somewhere(warehouse, serving, version, after=0.02 * version)
        else:
            write(warehouse, serving, version)
    time.sleep(0.5)
    stop.set()
    outcomes = [results.get(timeout=30) for _ in readers]
    for reader in readers:
        reader.join()
    possible = {0, 2, 4, 6, 8, 10, 12} | {3, 7, 11}  # a kill may come after the switch
    for kind, reads, seen, problems in outcomes:
        assert problems == []
        assert reads > 20
        if kind == "held":
            assert seen == [(0,)]
        elif kind == "polled":
            assert seen == sorted(seen)
            assert set(seen) <= possible
            assert {0, 12} <= set(seen)
    assert ask(serving, STAMP) == [([12],)]
    left = [run for run in (serving / "runs").iterdir() if not (run / "complete").exists()]
    assert left == []


def test_hundreds_of_switches_leave_no_gap(warehouse: Path, serving: Path) -> None:
    ids = []
    for version in (0, 1):
        build(warehouse, version)
        ids.append(put(warehouse, serving).publication_id)
    context = multiprocessing.get_context("spawn")
    ready, stop, results = context.Barrier(3), context.Event(), context.Queue()
    given = (serving / "current" / "productops.duckdb", ready, stop, results)
    readers = [context.Process(target=each, args=given) for each in (glance, poll)]
    for reader in readers:
        reader.start()
    ready.wait(60)
    for number in range(300):
        publish._switch(serving, serving / "runs" / ids[number % 2])
        time.sleep(0.005)
    stop.set()
    outcomes = [results.get(timeout=30) for _ in readers]
    for reader in readers:
        reader.join()
    assert [problems for *_, problems in outcomes] == [[], []]
    assert min(reads for _, reads, *_ in outcomes) > 20
