"""The pages over HTTP: the version that is current, whenever it is asked."""

import threading
import urllib.request
from pathlib import Path

import pytest

from dashboards.__main__ import main, server


def test_a_new_version_is_shown_without_a_restart(tmp_path: Path) -> None:
    for version in ("one", "two"):
        (tmp_path / version / "site").mkdir(parents=True)
        (tmp_path / version / "site" / "index.html").write_text(version)
    current = tmp_path / "current"
    current.symlink_to("one")
    with server(current / "site", 0) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{serving.server_port}/"

        def shown() -> tuple[bytes, str | None]:
            with urllib.request.urlopen(address) as answer:
                return answer.read(), answer.headers["Cache-Control"]

        assert shown() == (b"one", "no-cache")
        (tmp_path / "next").symlink_to("two")
        (tmp_path / "next").replace(current)
        assert shown() == (b"two", "no-cache")
        serving.shutdown()


def test_nothing_published_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PRODUCTOPS_DATA", str(tmp_path))
    assert main([]) == 2
    assert "Nothing is published at" in capsys.readouterr().err
