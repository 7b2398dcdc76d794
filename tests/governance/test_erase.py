"""A person who asks to be forgotten is in no file afterwards, and stays away."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from governance import scrub
from governance.person import Person, UnknownPersonError, find
from tests.conftest import PSEUDONYM_KEY, ROOT, Job

WHO = "anna.novak@brightloop1.example"
# Her ids and addresses at all vendors, as the demo company has them.
KNOWN_AS = [
    WHO,
    "a.novak@brightloop1.example",
    "old.novak@brightloop1.example",
    "user_000001",
    "a0000000-0000-4000-8000-000000000001",
]


def command(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "governance", *arguments],
        cwd=ROOT,
        env={
            "PATH": "/usr/bin:/bin",
            "PRODUCTOPS_DATA": str(data),
            "DAGSTER_HOME": str(data / "dagster"),
            "PRODUCTOPS_PSEUDONYM_KEY": PSEUDONYM_KEY,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def cells(path: Path, text: str) -> dict[str, int]:
    """How many cells of each table of a DuckDB file hold a text."""
    with duckdb.connect(str(path), read_only=True) as connection:
        columns = connection.execute(
            "select schema_name, table_name, column_name from duckdb_columns()"
            " where not internal and data_type = 'VARCHAR'"
        ).fetchall()
        counts = {
            f"{schema}.{table}.{column}": connection.execute(
                f'select count(*) from "{schema}"."{table}" where contains("{column}", ?)', [text]
            ).fetchall()[0][0]
            for schema, table, column in columns
        }
    return {name: count for name, count in counts.items() if count}


@pytest.fixture(scope="module")
def erased(built: Job, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """The company after Anna was erased; a log and a queue of the orchestrator had named her."""
    job = Job(tmp_path_factory.mktemp("erased") / "data", built.company)
    shutil.copytree(built.data, job.data, symlinks=True)
    warehouse = job.data / "warehouse" / "productops.duckdb"
    assert all(cells(warehouse, text) for text in KNOWN_AS)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "update posthog.events set properties = '{\"invited\": \"' || ? || '\"}'"
            " where uuid ="
            " (select min(uuid) from posthog.events where distinct_id = 'user_000004')",
            [WHO.title()],
        )
    (job.data / "logs" / "old.log").write_text(f"said hello to {WHO}\n")
    done = command(job.data, "erase", "--person", WHO.upper())
    assert done.returncode == 0, done.stdout + done.stderr
    return job


def test_no_byte_of_any_file_names_them(erased: Job) -> None:
    wanted = scrub.pattern(KNOWN_AS)
    assert [path for path in scrub.files(erased.data) if wanted.search(path.read_bytes())] == []


def test_every_version_has_pages_that_were_made_after(erased: Job) -> None:
    """Pages carry rows, so those of kept versions are made again of what is left."""
    versions = sorted((erased.data / "serving" / "runs").iterdir())
    assert len(versions) > 1
    for version in versions:
        pages = sorted(path.name for path in (version / "site").iterdir())
        assert {"index.html", "marts.html", "echarts.min.js"} <= {*pages}
        text = (version / "site" / "marts.html").read_text()
        with duckdb.connect(str(version / "productops.duckdb"), read_only=True) as connection:
            [(count,)] = connection.execute("select count(*) from core.people").fetchall()
        assert re.search(rf'core.people <span class="rows">{count:,} rows', text)


def test_no_cell_of_any_table_names_them(erased: Job) -> None:
    for path in scrub.files(erased.data):
        if path.suffix == ".duckdb":
            assert {text: cells(path, text) for text in KNOWN_AS if cells(path, text)} == {}


def test_others_are_all_still_there(erased: Job, built: Job) -> None:
    everybody = {person for (person,) in built.query("select person_id from core.people")}
    left = {person for (person,) in erased.query("select person_id from core.people")}
    assert left < everybody
    assert len(everybody) - len(left) == 1


def test_what_others_wrote_is_kept_without_the_name(erased: Job) -> None:
    with duckdb.connect(
        str(erased.data / "warehouse" / "productops.duckdb"), read_only=True
    ) as connection:
        rows = connection.execute(
            "select properties from posthog.events where properties like '%invited%'"
        ).fetchall()
    assert rows == [('{"invited": "(erased)"}',)]


def test_the_certificate_lists_every_table_and_names_nobody(erased: Job) -> None:
    [path] = (erased.data / "erasures").iterdir()
    certificate = json.loads(path.read_text())
    assert certificate["found_afterwards"] == []
    assert certificate["publication_id"] == erased.published.resolve().parent.name
    listed = {(each["file"], each["table"]) for each in certificate["tables"]}
    for file in ["warehouse/productops.duckdb", *_kept_before(erased, certificate)]:
        with duckdb.connect(str(erased.data / file), read_only=True) as connection:
            tables = connection.execute(
                "select schema_name || '.' || table_name from duckdb_tables()"
            ).fetchall()
        assert {table for named, table in listed if named == file} >= {t for (t,) in tables}
    by_name = {(each["file"], each["table"]): each for each in certificate["tables"]}
    events = by_name["warehouse/productops.duckdb", "posthog.events"]
    assert events["rows_erased"] > 0
    assert events["rows_redacted"] == 1
    assert events["rows_after"] == events["rows_before"] - events["rows_erased"]


def _kept_before(job: Job, certificate: dict) -> list[str]:
    runs = job.data / "serving" / "runs"
    return [
        str((run / "productops.duckdb").relative_to(job.data))
        for run in runs.iterdir()
        if run.name != certificate["publication_id"]
    ]


def test_a_kept_version_agrees_with_its_own_record(erased: Job) -> None:
    runs = erased.data / "serving" / "runs"
    for run in runs.iterdir():
        with duckdb.connect(str(run / "productops.duckdb"), read_only=True) as connection:
            recorded = connection.execute(
                "select table_name, row_count from ops.publication_tables where publication_id = ?",
                [run.name],
            ).fetchall()
            assert recorded
            for table, rows in recorded:
                assert connection.execute(f"select count(*) from {table}").fetchall() == [(rows,)]


@pytest.mark.long
def test_they_do_not_come_back_from_a_vendor_that_still_has_them(
    erased: Job, tmp_path: Path
) -> None:
    job = Job(tmp_path / "data", erased.company)
    shutil.copytree(erased.data, job.data, symlinks=True)
    # Not one row is left to say what was loaded before: everything is asked for again.
    shutil.rmtree(job.data / "warehouse")
    done = job.run()
    assert done.returncode == 0, done.stdout + done.stderr
    wanted = scrub.pattern(KNOWN_AS)
    found = [path for path in scrub.files(job.data) if wanted.search(path.read_bytes())]
    assert found == []
    assert job.query("select count(*) from core.people") == erased.query(
        "select count(*) from core.people"
    )
    with duckdb.connect(
        str(job.data / "warehouse" / "productops.duckdb"), read_only=True
    ) as connection:
        counted = connection.execute(
            "select (select sum(row_count) from posthog.erased_counts),"
            " (select sum(row_count) from hubspot.erased_counts),"
            " (select sum(row_count) from typeform.erased_counts),"
            " (select sum(row_count) from surveymonkey.erased_counts),"
            " (select sum(row_count) from zendesk.erased_counts)"
        ).fetchall()
    assert all(count > 0 for count in counted[0])


def test_nobody_is_an_error_that_changes_nothing(built: Job, tmp_path: Path) -> None:
    done = command(built.data, "erase", "--person", "nobody@nowhere.example")
    assert done.returncode == 2
    assert "nobody is known by 'nobody@nowhere.example'" in done.stderr
    assert not (built.data / "private" / "erasure.json").exists()


def test_every_name_of_a_person_leads_to_the_same_person(built: Job) -> None:
    warehouse = str(built.data / "warehouse" / "productops.duckdb")
    with duckdb.connect(warehouse, read_only=True) as connection:
        people = {text: find(connection, text) for text in KNOWN_AS}
        [first] = set(people.values())
        for pseudonym in first.pseudonyms:
            assert find(connection, pseudonym) == first
        assert "ben.ito@brightloop1.example" not in first.emails
        with pytest.raises(UnknownPersonError):
            find(connection, "user_0000")


def test_a_person_is_known_where_they_wrote_to_support(built: Job) -> None:
    warehouse = str(built.data / "warehouse" / "productops.duckdb")
    with duckdb.connect(warehouse, read_only=True) as connection:
        tickets = connection.execute("select distinct requester_id from zendesk.tickets").fetchall()
        talks = connection.execute("select contact_id from intercom.conversations").fetchall()
        anna, cleo = (find(connection, each) for each in (WHO, "cleo.park@quietharbor2.example"))
    assert (len(anna.zendesk_ids), len(anna.intercom_ids)) == (1, 0)
    assert anna.zendesk_ids < {user for (user,) in tickets}
    assert cleo.intercom_ids == {contact for (contact,) in talks}


def test_a_database_somebody_has_open_is_overwritten_cell_by_cell(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    reader = sqlite3.connect(path)
    reader.execute("pragma journal_mode = wal")
    reader.execute("create table logs (id integer primary key, body text, raw blob)")
    reader.execute("insert into logs values (1, ?, ?)", [f"hello {WHO}!", WHO.encode()])
    reader.commit()
    wanted = scrub.pattern([WHO])
    assert scrub.overwrite(path, wanted) == 2
    crossed_out = "x" * len(WHO)
    assert reader.execute("select body, raw from logs").fetchall() == [
        (f"hello {crossed_out}!", crossed_out.encode())
    ]
    assert [each for each in tmp_path.iterdir() if scrub.holds(each, wanted, 100)] == []


def test_a_text_across_two_pieces_of_a_file_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrub, "CHUNK_BYTES", 7)
    path = tmp_path / "file"
    path.write_bytes(b"0123456789 ann@a.example 0123456789")
    assert scrub.holds(path, scrub.pattern(["Ann@A.example"]), 13)
    assert not scrub.holds(path, scrub.pattern(["bob@a.example"]), 13)


def test_short_ids_are_not_looked_for_in_texts() -> None:
    person = Person(contact_ids=frozenset(["501"]), response_ids=frozenset(["form:token-1"]))
    assert person.needles == ["token-1"]
