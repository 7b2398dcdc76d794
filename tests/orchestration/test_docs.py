"""What is written down can be reached from one page."""

import re
from pathlib import Path

import pytest

from orchestration import __main__ as commands
from orchestration import dbt, docs
from tests.conftest import ROOT, Job


def test_every_link_of_the_index_leads_somewhere(
    built: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data_docs").symlink_to(built.data / "data_docs")
    (tmp_path / "serving").symlink_to(built.data / "serving")
    monkeypatch.setenv("PRODUCTOPS_DATA", str(tmp_path))
    monkeypatch.setattr(docs, "_models", lambda folder: (folder / "models.html").write_text("-"))
    index = docs.build()
    text = index.read_text()
    linked = [(index.parent / address).resolve() for address in re.findall('href="([^"]+)"', text)]
    assert all(page.exists() for page in linked), linked
    assert {page for page in linked if page.suffix == ".md"} == {
        ROOT / "README.md",
        *(ROOT / "docs").glob("*.md"),
    }
    assert len(linked) == len([*(ROOT / "docs").glob("*.md")]) + 5
    assert "not there yet" not in text


def test_what_no_night_has_made_yet_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRODUCTOPS_DATA", str(tmp_path))
    monkeypatch.setattr(docs, "_models", lambda folder: None)
    assert docs.build().read_text().count("not there yet: run a night") == 4


def test_what_dbt_refuses_is_told_and_the_index_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PRODUCTOPS_DATA", str(tmp_path))
    monkeypatch.setattr(dbt, "DBT_PROJECT", tmp_path)
    assert commands.docs() == 1
    assert "dbt_project.yml" in capsys.readouterr().err
    assert not (tmp_path / "docs" / "index.html").exists()
