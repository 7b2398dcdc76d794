"""Pseudonyms: how readers know a person, made where the person enters and nowhere else.

A pseudonym is the first 128 bits of HMAC-SHA256 (RFC 2104) of `<source>:<id>` under a key that no
table and no SQL ever holds, so nobody can list likely ids and hash them to find whose row this is.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ingestion.errors import SettingError
from ingestion.paths import private_dir
from ingestion.tables import BIGINT, TEXT, Row, Table

KEY_VARIABLE = "PRODUCTOPS_PSEUDONYM_KEY"
KEY_FILE = "pseudonyms.key"
ERASED_FILE = "erased.json"
SHORTEST_KEY = 32
PSEUDONYM_BYTES = 16
ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
# What stands in a text in place of somebody who was erased.
IN_PLACE = "(erased)"


def pseudonyms(source: str) -> Table:
    """The table `<source>.pseudonyms`: one row per id of a person, with its pseudonym."""
    columns = {"id": TEXT, "pseudonym": TEXT}
    return Table(source, "pseudonyms", columns, primary_key=("id",), personal=("id",))


def erased_counts(source: str) -> Table:
    """The table `<source>.erased_counts`: rows that the vendor counts and that were erased here."""
    columns = {"table_name": TEXT, "scope": TEXT, "part": TEXT, "row_count": BIGINT}
    return Table(source, "erased_counts", columns, primary_key=("table_name", "scope", "part"))


def forget_at_the_door(**identifiers: Iterable[str]) -> None:
    """Have later loads drop these ids, by source; kept as pseudonyms, so the list names nobody."""
    known = _erased()
    for source, given in identifiers.items():
        of = Pseudonyms(source).of
        known[source] = sorted({*known.get(source, ()), *map(of, given)})
    path = erased_list()
    fresh = path.with_name(f".{ERASED_FILE}")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(known))
    fresh.replace(path)


def erased_list() -> Path:
    """Return the file of the ids that loads drop; without it they come back from the vendor."""
    return private_dir() / ERASED_FILE


def _erased() -> dict[str, list[str]]:
    path = erased_list()
    erased: dict[str, list[str]] = json.loads(path.read_text()) if path.exists() else {}
    return erased


def key() -> bytes:
    """Return the key from PRODUCTOPS_PSEUDONYM_KEY, else from a file made at the first load.

    Raises:
        SettingError: the key is too short to be one.
    """
    given = os.environ.get(KEY_VARIABLE, "").strip()
    if not given:
        given = _kept(private_dir() / KEY_FILE)
    if len(given) < SHORTEST_KEY:
        raise SettingError(
            f"{KEY_VARIABLE} has {len(given)} characters; give at least {SHORTEST_KEY}, for "
            "instance of `openssl rand -hex 32`, or leave it out to have one made"
        )
    return given.encode()


def _kept(path: Path) -> str:
    """The key in a file only its owner reads; several vendors may ask for it at once."""
    fresh = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    if not path.exists():
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_hex(SHORTEST_KEY))
        try:
            # A link and not a rename: who comes second keeps the key of who came first.
            path.hardlink_to(fresh)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()


class Pseudonyms:
    """The pseudonyms of one source's ids, each given once a load."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._key = key()
        self._given: set[str] = set()
        self._erased = frozenset(_erased().get(source, ()))

    @property
    def has_erased(self) -> bool:
        """Whether anybody of this source was erased, so that looking is worth it."""
        return bool(self._erased)

    def erased(self, identifiers: Iterable[str | None]) -> frozenset[str]:
        """Return those of the ids that belong to somebody who was erased."""
        if not self._erased:
            return frozenset()
        return frozenset(each for each in identifiers if each and self.of(each) in self._erased)

    def without_erased(self, text: str) -> str:
        """Return a text in which a mark stands for each address of somebody who was erased."""
        if not self._erased:
            return text
        return ADDRESS.sub(
            lambda found: IN_PLACE if self.erased([found[0].lower()]) else found[0], text
        )

    def of(self, identifier: str) -> str:
        """Return 32 hexadecimal digits, the same for the same id and key."""
        message = f"{self._source}:{identifier}".encode()
        return hmac.digest(self._key, message, hashlib.sha256)[:PSEUDONYM_BYTES].hex()

    def rows(self, identifiers: Iterable[str | None]) -> Iterator[Sequence[Row]]:
        """Yield the rows of ids not seen in this load before."""
        new = {each for each in identifiers if each} - self._given
        if new:
            self._given |= new
            yield [{"id": each, "pseudonym": self.of(each)} for each in sorted(new)]
