"""The published files and their record: all that this package reads."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

ROOT = Path(__file__).resolve().parent.parent


class NotPublishedError(RuntimeError):
    """There is nothing to read, or it cannot be read."""


class UnknownNameError(LookupError):
    """A publication or a metric that the record does not know."""


class AmbiguousNameError(LookupError):
    """Several are called so."""


# How many are named of those that a name fits.
MANY = 10


def serving() -> Path:
    """Return the folder that readers know, from PRODUCTOPS_DATA or this checkout."""
    return Path(os.environ.get("PRODUCTOPS_DATA") or ROOT / "data").absolute() / "serving"


def current_file() -> Path:
    return serving() / "current" / "productops.duckdb"


@contextmanager
def reading() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open what is published now, read-only.

    Raises:
        NotPublishedError: with the file and what to do.
    """
    path = current_file()
    if not path.exists():
        raise NotPublishedError(f"nothing is published at {path}; run `make run`, or a night")
    try:
        connection = duckdb.connect(str(path.resolve()), read_only=True)
    except duckdb.Error as error:
        raise NotPublishedError(f"{path} cannot be read: {error}") from error
    with connection:
        yield connection


def rows(
    connection: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Return rows as dictionaries by column."""
    cursor = connection.execute(sql, values or {})
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def only(found: list[dict[str, Any]], what: str, kind: str, called: str) -> dict[str, Any] | None:
    """Return the one row that was found, or None without any.

    Args:
        found: rows that fit a name.
        what: the name.
        kind: what they are, in the plural.
        called: the column that tells them apart.

    Raises:
        AmbiguousNameError: there are several; the message names them.
    """
    if len(found) > 1:
        named = ", ".join(str(each[called]) for each in found[:MANY])
        more = f" and {len(found) - MANY} more" if len(found) > MANY else ""
        raise AmbiguousNameError(
            f"{len(found)} {kind} fit {what!r}: {named}{more}; give the id or whole name of one"
        )
    return found[0] if found else None


def publications() -> list[dict[str, Any]]:
    """Return the record of every publication, the newest first, and the file of those kept."""
    with reading() as connection:
        found = rows(connection, "from ops.publications order by publication_id desc")
    current = current_file().resolve().parent.name
    for each in found:
        file = serving() / "runs" / each["publication_id"] / "productops.duckdb"
        each["file"] = str(file) if file.exists() else None
        each["is_current"] = each["publication_id"] == current
    return found


def named(name: str) -> str:
    """Return the id of the publication that `current`, `previous`, an id or its beginning means.

    Raises:
        UnknownNameError: none or several are meant.
    """
    ids = [each["publication_id"] for each in publications()]
    if name in ("current", "previous"):
        position = ("current", "previous").index(name)
        if position < len(ids):
            return str(ids[position])
    found = [each for each in ids if each.startswith(name)]
    if len(found) != 1:
        what = "no publication" if not found else "several publications"
        raise UnknownNameError(
            f"{name!r} names {what}; known, the newest first: {', '.join(ids[:10])}"
        )
    return str(found[0])
