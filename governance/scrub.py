"""A last look at the bytes: whatever a database calls deleted may still lie in its file."""

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

CHUNK_BYTES = 32 * 1024 * 1024
SQLITE = b"SQLite format 3\0"


def pattern(needles: Sequence[str]) -> re.Pattern[bytes]:
    """Return a pattern of any of the texts, in any case, and as JSON may escape them."""
    spelled = {each for needle in needles for each in (needle, needle.replace("@", "%40"))}
    ordered = sorted(spelled, key=lambda each: (-len(each), each))
    return re.compile(b"|".join(re.escape(each.encode()) for each in ordered), re.IGNORECASE)


def holds(path: Path, wanted: re.Pattern[bytes], longest: int) -> bool:
    """Return whether a file's bytes hold any of the texts; `longest` is the longest one's size."""
    with path.open("rb") as file:
        kept = b""
        while chunk := file.read(CHUNK_BYTES):
            seen = kept + chunk
            if wanted.search(seen):
                return True
            kept = seen[-longest:]
    return False


def overwrite(path: Path, wanted: re.Pattern[bytes]) -> int:
    """Put `x` in place of every byte of the texts, and return in how many places.

    SQLite does it itself, cell by cell, for somebody may have the file open.
    """
    if is_sqlite(path):
        return _overwrite_cells(path, wanted)
    content, count = wanted.subn(_crossed_out, path.read_bytes())
    if count:
        path.write_bytes(content)
    return count


def _crossed_out(found: re.Match[bytes]) -> bytes:
    return b"x" * len(found[0])


def _overwrite_cells(path: Path, wanted: re.Pattern[bytes]) -> int:
    def held(value: object) -> bool:
        return isinstance(value, str | bytes) and bool(wanted.search(_bytes(value)))

    def crossed_out(value: str | bytes) -> str | bytes:
        content = wanted.sub(_crossed_out, _bytes(value))
        return content.decode() if isinstance(value, str) else content

    cells = 0
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.create_function("held", 1, held)
        connection.create_function("crossed_out", 1, crossed_out)
        tables = connection.execute("select name from sqlite_master where type = 'table'")
        for (table,) in tables.fetchall():
            for _, column, *_ in connection.execute(f'pragma table_info("{table}")').fetchall():
                done = connection.execute(
                    f'update "{table}" set "{column}" = crossed_out("{column}")'
                    f' where held("{column}")'
                )
                cells += done.rowcount
        # What was replaced lies in free pages and in the log until then.
        connection.execute("vacuum")
        connection.execute("pragma wal_checkpoint(truncate)")
    return cells


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(SQLITE)) == SQLITE


def files(folder: Path, without: Iterable[Path] = ()) -> Iterator[Path]:
    """Yield every file below a folder, but for those below the folders left out."""
    left_out = [each.resolve() for each in without]
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        if not any(path.resolve().is_relative_to(each) for each in left_out):
            yield path
