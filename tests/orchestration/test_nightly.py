"""The whole job as people start it: beside vendors, in its own process."""

import json
import shutil
import sys
from pathlib import Path

import duckdb
import pytest

from tests.conftest import PSEUDONYM_KEY, Job, run_beside_vendors


def tables_of(published: Path) -> dict[str, list[tuple]]:
    """All marts of a published file, rows sorted; the record of publications is left out."""
    with duckdb.connect(str(published), read_only=True) as connection:
        names = connection.execute(
            "select schema_name, table_name from duckdb_tables() where schema_name <> 'ops'"
        ).fetchall()
        return {
            f"{schema}.{table}": sorted(
                connection.execute(f'select * from "{schema}"."{table}"').fetchall(), key=str
            )
            for schema, table in names
        }


def copy_of(job: Job, folder: Path) -> Job:
    """A data folder that a test may change."""
    shutil.copytree(job.data, folder, symlinks=True)
    return Job(folder, job.company)


def faults(folder: Path, *scripted: dict) -> list[str]:
    path = folder / "faults.json"
    path.write_text(json.dumps(list(scripted)))
    return ["--faults", str(path)]


def test_a_second_night_with_nothing_new_publishes_nothing(built: Job, tmp_path: Path) -> None:
    job = copy_of(built, tmp_path / "data")
    before = job.published.resolve()
    done = job.run()
    assert (done.returncode, job.published.resolve()) == (0, before), done.stdout + done.stderr


@pytest.fixture(scope="module")
def yesterday(tiny_company: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """The company as it was published two nights before; tests copy it and go on."""
    job = Job(tmp_path_factory.mktemp("yesterday"), tiny_company)
    done = job.run("--now", "2026-06-29T02:00:00+00:00")
    assert done.returncode == 0, done.stdout + done.stderr
    return job


def test_two_nights_end_where_one_night_does(built: Job, yesterday: Job, tmp_path: Path) -> None:
    job = copy_of(yesterday, tmp_path / "data")
    done = job.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert tables_of(job.published) == tables_of(built.published)
    assert tables_of(yesterday.published) != tables_of(built.published)
    moved = job.query(
        """
        select metric, arg_max(total, publication_id) - arg_min(total, publication_id) as moved,
            (select coalesce(sum(amount), 0) from ops.publication_changes as changes
             where changes.metric = metrics.metric) as explained
        from ops.publication_metrics as metrics group by metric
        """
    )
    assert [explained for *_, explained in moved] == [amount for _, amount, _ in moved]
    assert any(amount for _, amount, _ in moved)
    told = job.command("diff", "previous", "current", "--json")
    assert told.returncode == 0, told.stderr
    assert {found["metric"] for found in json.loads(told.stdout)} <= {name for name, *_ in moved}
    assert all(found["adds_up"] for found in json.loads(told.stdout))
    causes = {cause for (cause,) in job.query("select cause from ops.publication_changes")}
    assert causes <= {"new data", "late data", "changed source records"}


def test_a_vendor_that_is_down_keeps_no_other_from_loading(
    built: Job, yesterday: Job, tmp_path: Path
) -> None:
    job = copy_of(yesterday, tmp_path / "data")
    down = {"vendor": "hubspot", "path": ".*", "request": 1, "times": -1, "kind": "500"}
    done = job.run(*faults(tmp_path, down), RUNTIME__REQUEST_MAX_ATTEMPTS="1")
    assert done.returncode == 1
    assert "hubspot was not loaded" in done.stdout + done.stderr
    told = job.command("status")
    assert told.returncode == 1
    assert "PROBLEM      hubspot was not loaded" in told.stdout
    events = tables_of(job.published)["product.daily_active_people"]
    assert events == tables_of(built.published)["product.daily_active_people"]


def holding(folder: Path, text: str) -> list[str]:
    """The files of a folder that hold a text in their bytes, or in a cell of a warehouse."""
    found = [str(f) for f in folder.rglob("*") if f.is_file() and text.encode() in f.read_bytes()]
    for file in folder.rglob("*.duckdb"):
        with duckdb.connect(str(file), read_only=True) as connection:
            columns = connection.execute(
                "select schema_name, table_name, column_name from duckdb_columns()"
                " where not internal and data_type = 'VARCHAR'"
            ).fetchall()
            # DuckDB compresses what it writes, so bytes alone would tell too little.
            found += [
                f"{file}: {schema}.{table}.{column}"
                for schema, table, column in columns
                if connection.execute(
                    f'select count(*) from "{schema}"."{table}" where contains("{column}", ?)',
                    [text],
                ).fetchall()[0][0]
            ]
    return found


def test_no_secret_is_written_anywhere_by_a_night(built: Job) -> None:
    assert holding(built.data, "brightloop1.example")
    for secret in ("phx_demo", "pat-demo", "tfp_demo", PSEUDONYM_KEY):
        assert holding(built.data, secret) == []


def test_a_wrong_token_is_named_without_being_shown(built: Job, tmp_path: Path) -> None:
    done = run_beside_vendors(
        tmp_path / "data",
        ["--company", str(built.company)],
        [
            "env",
            "SOURCES__HUBSPOT__ACCESS_TOKEN=pat-s3cr3t",
            # Nobody listens there: what a client says of its failure often names the address.
            "PRODUCTOPS_ALERT_WEBHOOK=http://127.0.0.1:9/hooks/s3cr3t",
            *(sys.executable, "-m", "orchestration", "nightly"),
        ],
        {},
    )
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "SOURCES__HUBSPOT__ACCESS_TOKEN" in said
    assert "s3cr3t" not in said
    assert "Traceback" not in said
    assert holding(tmp_path / "data", "SOURCES__HUBSPOT__ACCESS_TOKEN")
    assert holding(tmp_path / "data", "s3cr3t") == []
    assert not (tmp_path / "data" / "serving" / "current").exists()


def test_a_gate_that_fails_leaves_readers_with_what_they_have(
    yesterday: Job, tmp_path: Path
) -> None:
    job = copy_of(yesterday, tmp_path / "data")
    before = job.published.resolve()
    # Rows that PostHog never had: its own count of the day and ours no longer agree.
    with duckdb.connect(str(job.data / "warehouse" / "productops.duckdb")) as connection:
        connection.execute(
            "insert into posthog.events by name select 'invented-' || i as uuid,"
            " 'app_opened' as event, 'user_000001' as distinct_id, '{}' as properties,"
            " timestamptz '2026-06-28 12:00:00+00' as timestamp,"
            " timestamptz '2026-06-28 12:00:00+00' as _inserted_at from range(100) as rows(i)"
        )
    done = job.run()
    assert done.returncode == 1
    assert "posthog.events" in done.stdout + done.stderr
    assert job.published.resolve() == before


def test_an_unknown_source_is_named_with_those_that_exist(built: Job, tmp_path: Path) -> None:
    done = Job(tmp_path / "data", built.company).run(PRODUCTOPS_SOURCES="posthog,salesforce")
    assert done.returncode != 0
    assert "'salesforce'" in done.stdout + done.stderr


def test_the_record_of_publications_says_what_was_checked(built: Job) -> None:
    [(version, rows, checks)] = built.query(
        """
        select git_sha, row_count, (select count(*) from ops.publication_checks)
        from ops.publications
        """
    )
    assert version
    assert rows > 0
    assert checks > 20


@pytest.mark.parametrize("pattern", ["%@%.%"])
def test_no_published_text_is_an_address(built: Job, pattern: str) -> None:
    with duckdb.connect(str(built.published), read_only=True) as connection:
        columns = connection.execute(
            "select schema_name, table_name, column_name from duckdb_columns()"
            " where not internal and data_type = 'VARCHAR'"
        ).fetchall()
        found = {
            column: count
            for schema, table, column in columns
            for [count] in connection.execute(
                f'select count(*) from "{schema}"."{table}" where "{column}" like ?', [pattern]
            ).fetchall()
            if count
        }
    assert found == {}
