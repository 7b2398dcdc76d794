"""An incident is told once when it begins and once when it is over."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from orchestration import alerts, status
from reports.status import WRONG
from reports.status import status as state


@pytest.fixture
def posted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What arrived at a chat channel."""
    texts: list[str] = []

    class Channel(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            texts.append(json.loads(body)["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Channel)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("PRODUCTOPS_DATA", str(tmp_path))
    monkeypatch.setenv("PRODUCTOPS_ALERT_WEBHOOK", f"http://127.0.0.1:{server.server_port}/s3cr3t")
    yield texts
    server.shutdown()


def test_three_nights_without_a_vendor_are_one_alert_and_one_all_clear(posted: list[str]) -> None:
    for _ in range(3):
        alerts.begun("source:hubspot", "hubspot was not loaded", "503, tried 5 times")
    assert posted == ["*hubspot was not loaded*\n503, tried 5 times"]
    [problem] = state().problems
    assert f"*{problem['what']}*\n{problem['detail']}" == posted[0]
    since = problem["since"]
    alerts.over("source:hubspot")
    alerts.over("source:hubspot")
    assert posted[1:] == [f"Over: *hubspot was not loaded* (since {since})"]
    assert state().problems == []
    alerts.begun("source:hubspot", "hubspot was not loaded", "again")
    assert len(posted) == 3


def test_two_incidents_are_two_alerts(posted: list[str]) -> None:
    alerts.begun("source:hubspot", "hubspot was not loaded", "down")
    alerts.begun("job:nightly", "nightly failed", "a gate")
    assert len(posted) == 2
    assert {problem["what"] for problem in state().problems} == {
        "hubspot was not loaded",
        "nightly failed",
    }


def test_a_channel_that_is_gone_fails_nothing_and_is_not_named(
    posted: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PRODUCTOPS_ALERT_WEBHOOK", "http://127.0.0.1:9/s3cr3t")
    caplog.set_level("INFO", logger="productops")
    alerts.logger.addHandler(caplog.handler)
    alerts.begun("source:hubspot", "hubspot was not loaded", "down")
    alerts.logger.removeHandler(caplog.handler)
    assert "could not be posted" in caplog.text
    assert "s3cr3t" not in caplog.text


def test_a_killed_night_is_seen(posted: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    status.night_began("run-1")
    assert state().night.startswith("at work since")
    monkeypatch.setattr("os.getpid", lambda: 2**22 + 1)
    status.night_began("run-2")
    killed = state()
    assert killed.night.endswith("never ended")
    assert killed.code >= WRONG
    status.night_ended("published")
    assert state().night.startswith("published at")


def test_an_unreadable_record_is_begun_anew(posted: list[str], tmp_path: Path) -> None:
    (tmp_path / "serving").mkdir()
    (tmp_path / "serving" / "status.json").write_text("{")
    status.night_began("run-1")
    assert status.read()["night"]["run_id"] == "run-1"
