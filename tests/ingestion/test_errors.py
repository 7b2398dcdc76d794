"""When a vendor misbehaves, a load ends with equal rows, or with one helpful sentence."""

import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest

from ingestion.errors import IngestionError, SettingError
from ingestion.http import Api
from ingestion.pipeline import data_dir, wait_until_free
from tests.ingestion.company import (
    DAY,
    HOUR,
    NOW,
    Company,
    Vendors,
    contents,
    load_now,
    query,
    start_over,
)
from tests.ingestion.conftest import Serve

ROOT = Path(__file__).resolve().parents[2]
PATHS = {
    "posthog": ("surveys", "file_download_batch_exports", "query"),
    "hubspot": ("search", "batch/read", "owners", "associations"),
    "typeform": ("responses", "forms$"),
    "surveymonkey": ("bulk", "details", "surveys$"),
    "github": ("releases", "deployments", "pulls", "issues"),
}


def command(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ingestion", *arguments],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("kind", ["429", "429-no-retry-after", "500", "cut"])
@pytest.mark.parametrize("vendor", PATHS)
def test_passing_faults_change_nothing(
    vendors: Vendors, vendor: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GitHub wants a minute's pause where it names none.
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_RETRY_DELAY", "0.1")
    for path in PATHS[vendor]:
        vendors.break_with(vendor=vendor, path=path, request=1, times=2, kind=kind, retry_after=0)
    load_now(vendor)
    broken = contents(vendor)
    vendors.mend()
    load_fresh(vendor)
    assert broken == contents(vendor)
    assert any(broken.values())


def load_fresh(vendor: str) -> None:
    start_over()
    load_now(vendor)


def test_a_file_cut_short_is_fetched_again(company: Company, vendors: Vendors) -> None:
    vendors.break_with(vendor="posthog", path="file|download", request=1, times=3, kind="cut")
    load_now("posthog")
    assert len(contents("posthog")["posthog.events"]) == len(company.tables["posthog/events"])


@pytest.mark.parametrize(("vendor", "path"), [("posthog", "surveys"), ("typeform", "responses")])
def test_an_answer_that_never_comes_is_asked_for_again(
    vendors: Vendors, vendor: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME__REQUEST_TIMEOUT", "0.5")
    vendors.break_with(vendor=vendor, path=path, request=1, times=1, kind="timeout", seconds=2)
    load_now(vendor)
    assert any(contents(vendor).values())


@pytest.mark.parametrize("vendor", PATHS)
def test_rows_delivered_twice_count_once(vendors: Vendors, vendor: str) -> None:
    vendors.break_with(vendor=vendor, path=".*", request=1, times=-1, kind="duplicate")
    load_now(vendor)
    broken = contents(vendor)
    vendors.mend()
    load_fresh(vendor)
    assert broken == contents(vendor)


@pytest.mark.parametrize("vendor", PATHS)
@pytest.mark.parametrize("drift", ["new-column", "changed-type", "dropped-column"])
def test_a_changed_shape_loads_or_is_named(
    company: Company, serve: Serve, vendor: str, drift: str
) -> None:
    add_one_more_to_each(company)
    vendors = serve(company)
    load_now(vendor)
    before = contents(vendor)
    vendors.break_with(vendor=vendor, path=".*", request=1, times=-1, kind="drift", drift=drift)
    vendors.at(NOW + DAY)
    ended = command(vendor)
    if ended.returncode:
        assert_one_sentence(ended.stderr, vendor)
        assert contents(vendor) == before
    vendors.mend()
    load_now(vendor)
    assert query(f"select * from {vendor}.drift where stops_table") == []
    assert all(len(rows) >= len(before[table]) for table, rows in contents(vendor).items())


def add_one_more_to_each(company: Company) -> None:
    tables = company.tables
    tables["posthog/events"][-1]["inserted_at"] = NOW + HOUR
    tables["hubspot/contacts"][-1]["updated_at"] = NOW + HOUR
    tables["typeform/responses"][-1]["arrived_at"] = NOW + HOUR
    tables["surveymonkey/responses"][-1]["arrived_at"] = NOW + HOUR
    tables["business/releases"][-1]["released_at"] = NOW + HOUR
    tables["business/pulls"][-1]["merged_at"] = NOW + HOUR


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("429", ["429", "tried 3 times"]),
        ("500", ["500", "tried 3 times"]),
        ("cut", ["short 3 times"]),
    ],
)
@pytest.mark.parametrize(
    ("vendor", "path"),
    [
        *(("posthog", "surveys"), ("hubspot", "search"), ("typeform", "responses")),
        ("surveymonkey", "bulk"),
        ("github", "pulls"),
    ],
)
def test_a_lasting_fault_ends_in_one_sentence(
    vendors: Vendors,
    vendor: str,
    path: str,
    kind: str,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "3")
    vendors.break_with(vendor=vendor, path=path, request=1, times=-1, kind=kind, retry_after=0)
    ended = command(vendor)
    assert ended.returncode == 1
    assert_one_sentence(ended.stderr, vendor, path, *words)


def assert_one_sentence(text: str, *words: str) -> None:
    sentence = text.strip().splitlines()[-1]
    assert "Traceback" not in text
    assert all(word in sentence for word in words), sentence
    secrets = [v for k, v in os.environ.items() if k.endswith(("_TOKEN", "__API_KEY"))]
    assert secrets
    assert not any(secret in text for secret in secrets)


@pytest.mark.parametrize(
    ("vendor", "setting"),
    [
        ("posthog", "SOURCES__POSTHOG__API_KEY"),
        ("hubspot", "SOURCES__HUBSPOT__ACCESS_TOKEN"),
        ("typeform", "SOURCES__TYPEFORM__ACCESS_TOKEN"),
        ("surveymonkey", "SOURCES__SURVEYMONKEY__ACCESS_TOKEN"),
        ("github", "SOURCES__GITHUB__ACCESS_TOKEN"),
    ],
)
class TestTokens:
    def test_a_wrong_one_is_named_by_its_setting(
        self, vendors: Vendors, vendor: str, setting: str
    ) -> None:
        ended = command(vendor, **{setting: "not-the-right-secret"})
        assert ended.returncode == 1
        assert_one_sentence(ended.stderr, vendor, "401", setting)
        assert "not-the-right-secret" not in ended.stderr + ended.stdout

    def test_a_missing_one_is_named_by_its_setting(
        self, vendors: Vendors, vendor: str, setting: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv(setting)
        ended = command(vendor)
        assert ended.returncode == 1
        assert_one_sentence(ended.stderr, vendor, setting, "not set")

    def test_one_that_expires_on_the_way_leaves_the_warehouse_as_it_was(
        self, company: Company, vendors: Vendors, vendor: str, setting: str
    ) -> None:
        load_now(vendor)
        before = contents(vendor)
        vendors.at(NOW + DAY)
        vendors.break_with(vendor=vendor, path=".*", request=2, kind="expired-token")
        with pytest.raises(IngestionError, match=f"401.*{setting}"):
            load_now(vendor)
        assert contents(vendor) == before
        vendors.mend()
        load_now(vendor)
        assert contents(vendor) == before


class Stammering(BaseHTTPRequestHandler):
    """A host whose first answers stop half-way, although they claim to be complete."""

    answers: ClassVar[list[bytes]] = []

    def do_GET(self) -> None:
        body = self.answers.pop(0)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_json_that_stops_half_way_is_no_answer() -> None:
    Stammering.answers = [b'{"results": [1, ', b"", b'{"results": [1, 2]}']
    with ThreadingHTTPServer(("127.0.0.1", 0), Stammering) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        api = Api("hubspot", f"http://127.0.0.1:{server.server_port}", "x", "access_token", "")
        assert api.get("/anything") == {"results": [1, 2]}
        server.shutdown()


def test_an_unreachable_host_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "2")
    ended = command("hubspot", SOURCES__HUBSPOT__HOST="http://127.0.0.1:9")
    assert ended.returncode == 1
    assert_one_sentence(ended.stderr, "hubspot", "SOURCES__HUBSPOT__HOST", "http://127.0.0.1:9")


def test_a_host_that_is_no_address_is_named() -> None:
    ended = command("typeform", SOURCES__TYPEFORM__HOST="api.typeform.com")
    assert ended.returncode == 1
    assert_one_sentence(ended.stderr, "SOURCES__TYPEFORM__HOST", "'api.typeform.com'", "https://")


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("SOURCES__POSTHOG__EXPORTS_AT_ONCE", "three", "int"),
        ("SOURCES__POSTHOG__START", "yesteryear", "datetime"),
        ("RUNTIME__REQUEST_MAX_ATTEMPTS", "many", "int"),
        ("WAREHOUSE__LOCK_TIMEOUT", "long", "number"),
        ("PRODUCTOPS_JOB_MEMORY_LIMIT", "plenty", "a size such as 500MB"),
        ("PRODUCTOPS_MEMORY_LIMIT", "much", "a size such as 1GB"),
    ],
)
def test_a_setting_of_the_wrong_type_is_named_with_its_value(
    vendors: Vendors, setting: str, value: str, expected: str
) -> None:
    ended = command("posthog", **{setting: value})
    assert ended.returncode == 1
    assert_one_sentence(ended.stderr, setting, value, expected)


def test_a_wrong_limit_is_known_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRODUCTOPS_MEMORY_LIMIT", "much")
    with pytest.raises(SettingError, match="PRODUCTOPS_MEMORY_LIMIT is 'much'"):
        wait_until_free()


@pytest.mark.parametrize("broken", ["state.json", "schemas/typeform.schema.json"])
def test_a_broken_load_state_is_named_and_may_be_removed(vendors: Vendors, broken: str) -> None:
    load_now("typeform")
    before = contents("typeform")
    folder = data_dir() / "dlt" / "typeform"
    (folder / broken).write_text("{broken")
    ended = command("typeform")
    assert ended.returncode == 1
    assert_one_sentence(ended.stderr, f"rm -r {folder}")
    subprocess.run(["rm", "-r", str(folder)], check=True)
    assert command("typeform").returncode == 0
    assert contents("typeform") == before


def test_a_file_that_is_no_warehouse_is_named(vendors: Vendors) -> None:
    path = data_dir() / "warehouse" / "productops.duckdb"
    path.parent.mkdir(parents=True)
    path.write_text("this is not a database, but it is long enough to be looked at" * 100)
    ended = command("typeform")
    assert ended.returncode == 1
    assert_one_sentence(ended.stderr, str(path))


def test_an_unknown_source_is_a_usage_error_that_names_the_known_ones() -> None:
    ended = command("amplitude")
    assert ended.returncode == 2
    assert_one_sentence(ended.stderr, "'amplitude'", "posthog", "hubspot", "typeform")


def test_a_load_prints_tables_rows_and_seconds(vendors: Vendors) -> None:
    ended = command("typeform")
    assert ended.returncode == 0
    assert "responses: 40" in ended.stdout
    assert len(ended.stdout.splitlines()) < 10
    assert ended.stderr == ""
