"""`productops doctor` says what is well and what must be done, and never a secret."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration import doctor, status
from reports.__main__ import main
from simulator.__main__ import environment
from simulator.server import serving
from tests.ingestion.company import NOW, handmade


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    company = handmade(tmp_path_factory.mktemp("company"))
    with serving(company.write(), now=NOW) as url:
        yield url


@pytest.fixture(autouse=True)
def data(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder in which a night ended well an hour ago."""
    for name, value in environment(url).items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "data"
    monkeypatch.setenv("PRODUCTOPS_DATA", str(folder))
    monkeypatch.setenv("DAGSTER_HOME", str(folder / "dagster"))
    monkeypatch.setenv("RUNTIME__REQUEST_BACKOFF_FACTOR", "0.01")
    monkeypatch.delenv("PRODUCTOPS_SOURCES", raising=False)
    (folder / "warehouse").mkdir(parents=True)
    (folder / "warehouse").chmod(0o700)
    duckdb.connect(str(folder / "warehouse" / "productops.duckdb")).close()
    night_ended(datetime.now(UTC) - timedelta(hours=1))
    return folder


def night_ended(at: datetime) -> None:
    with status.changed() as record:
        record["night"] = {"succeeded_at": at.isoformat()}


def to_do(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What must be done, by subject."""
    capsys.readouterr()
    code = main(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert len(found) > 15
    remedies = {each["subject"]: each["remedy"] for each in found if not each["is_well"]}
    assert code == (1 if remedies else 0)
    return remedies


def test_nothing_is_to_be_done_where_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "TO DO" not in said
    for vendor in ("posthog", "hubspot", "ads", "stripe", "linear", "research_files"):
        assert f"ok    {vendor:<16}answers" in said


def test_a_wrong_token_and_a_host_that_is_down_are_told_apart(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__HUBSPOT__ACCESS_TOKEN", "pat-of-another-account")
    monkeypatch.setenv("SOURCES__STRIPE__HOST", "http://127.0.0.1:9")
    monkeypatch.delenv("SOURCES__ZENDESK__EMAIL")
    found = to_do(capsys)
    assert set(found) == {"hubspot", "stripe", "zendesk"}
    assert "SOURCES__HUBSPOT__ACCESS_TOKEN is wrong or expired: set a valid one" in found["hubspot"]
    assert "pat-of-another-account" not in found["hubspot"]
    assert "cannot be reached at http://127.0.0.1:9" in found["stripe"]
    assert "SOURCES__ZENDESK__EMAIL is not set" in found["zendesk"]


def test_a_vendor_without_a_key_is_named_unless_the_demo_company_has_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCES__GITHUB__ACCESS_TOKEN")
    found = to_do(capsys)
    assert set(found) == {"github"}
    assert "set SOURCES__GITHUB__ACCESS_TOKEN in .env, or leave it out" in found["github"]
    status.source_reached("github", None, 1)
    assert to_do(capsys) == {}


def test_a_setting_nobody_can_read_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRODUCTOPS_SOURCES", "posthog,salesforce")
    monkeypatch.setenv("PRODUCTOPS_KEEP_VERSIONS", "1")
    monkeypatch.setenv("PRODUCTOPS_PEOPLE_MAP", "perhaps")
    monkeypatch.setenv("PRODUCTOPS_NIGHTLY_AT", "half past two")
    # Read once a process, and again by the next.
    done = subprocess.run(
        [sys.executable, "-m", "reports", "doctor", "--json"], capture_output=True, text=True
    )
    found = {each["subject"]: each["remedy"] for each in json.loads(done.stdout)}
    assert done.returncode == 1
    assert "salesforce" in found["sources"]
    assert "PRODUCTOPS_KEEP_VERSIONS is '1'" in found["versions kept"]
    assert "PRODUCTOPS_PEOPLE_MAP is 'perhaps'" in found["people map"]
    assert "PRODUCTOPS_NIGHTLY_AT is 'half past two'" in found["schedule time"]


def test_a_warehouse_that_somebody_holds_is_named_with_the_process(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    holding = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); input()"
    )
    path = str(data / "warehouse" / "productops.duckdb")
    with subprocess.Popen(
        [sys.executable, "-c", holding, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        found = to_do(capsys)
        holder.communicate(b"\n")
    assert str(holder.pid) in found["warehouse"]


def test_a_run_at_work_is_no_fault(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (data / "run.lock").open("w") as handle:
        handle.write(str(os.getpid()))
        handle.flush()
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert main(["doctor"]) == 0
    assert f"a run is at work (process {os.getpid()})" in capsys.readouterr().out


def test_open_folders_missed_nights_other_tools_and_a_full_disk(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (data / "warehouse").chmod(0o755)
    night_ended(datetime.now(UTC) - timedelta(days=2))
    monkeypatch.setattr(doctor, "LEAST_FREE_BYTES", 1024**6)
    monkeypatch.setattr(doctor, "_installed", lambda name: "0.0.1")
    found = to_do(capsys)
    assert set(found) == {"warehouse folder", "schedule", "disk", "tools"}
    assert found["warehouse folder"].endswith(f"run `chmod 700 {data / 'warehouse'}`")
    assert "python -m orchestration nightly" in found["schedule"]
    assert "duckdb is 0.0.1 and the lock says 1.5.5" in found["tools"]
