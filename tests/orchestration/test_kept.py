"""What took long is made once a version, and never read half."""

from pathlib import Path

import pytest

from orchestration import kept as module
from orchestration.kept import kept, last_kept


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "FOLDER", tmp_path / "target")
    return tmp_path / "target"


def test_it_is_made_once_a_version(folder: Path) -> None:
    made = []

    def make() -> dict[str, tuple[int, ...]]:
        made.append(1)
        return {"rows": (len(made),)}

    assert last_kept("rows") is None
    assert [kept("rows", version, make) for version in "aabba"] == [
        {"rows": [number]} for number in (1, 1, 2, 2, 3)
    ]
    assert last_kept("rows") == {"rows": [3]}
    assert [path.name for path in folder.iterdir()] == ["rows.json"]


@pytest.mark.parametrize("damaged", ["", "{", "[]", "null", '{"content": 1}'])
def test_what_is_damaged_is_made_anew(folder: Path, damaged: str) -> None:
    folder.mkdir()
    (folder / "rows.json").write_text(damaged)
    assert kept("rows", "a", lambda: 1) == 1


def test_what_cannot_be_made_leaves_what_was(folder: Path) -> None:
    kept("rows", "a", lambda: 1)
    with pytest.raises(ZeroDivisionError):
        kept("rows", "b", lambda: 1 / 0)
    assert last_kept("rows") == 1
    assert len(list(folder.iterdir())) == 1
