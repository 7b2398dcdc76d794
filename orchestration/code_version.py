"""Which code made a publication: the commit for people, hashes for deciding what to redo."""

import hashlib
import subprocess
from pathlib import Path

from orchestration.paths import DBT_PROJECT, ROOT

_SUFFIXES = {".sql", ".yml", ".csv", ".py", ".html", ".css", ".js"}
_GENERATED = {"target", "logs", "__pycache__"}


def git_sha() -> str:
    """Return the commit of the checkout, `-dirty` appended when files differ from it."""
    try:
        sha = _git("rev-parse", "HEAD")
        return f"{sha}-dirty" if _git("status", "--porcelain") else sha
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True
    ).stdout.strip()


def models_version() -> str:
    """Return a hash of the dbt project: another one means that no old row may be trusted."""
    return _content_hash([DBT_PROJECT])


def code_version() -> str:
    """Return a hash of all that decides what is published from given raw tables."""
    folders = ("expectations", "orchestration", "dashboards")
    return _content_hash([DBT_PROJECT, *(ROOT / folder for folder in folders)])


def _content_hash(folders: list[Path]) -> str:
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            relative = path.relative_to(folder)
            if path.suffix in _SUFFIXES and not _GENERATED.intersection(relative.parts):
                digest.update(f"{folder.name}/{relative}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()
