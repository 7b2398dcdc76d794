"""What the support tools have in common: readings of a kind, and nobody who was erased here."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import dlt

from ingestion.privacy import Pseudonyms
from ingestion.tables import Row

Item = dict[str, Any]


@dataclass(frozen=True)
class Reading:
    """Some objects of one kind, or how many there are."""

    kind: str
    items: Sequence[Item] = ()
    # Those of people who were erased here.
    erased: Sequence[Item] = ()
    count: int | None = None


class Door:
    """Knows everybody by pseudonym, and lets nobody in who was erased.

    `people` is the kind that has a row for each person, with `id`, `external_id` and `email`;
    `requester` tells whose anything else is.
    """

    def __init__(
        self,
        source: str,
        people: str,
        requester: Callable[[Item], str | None],
        counted: Mapping[str, Callable[[Item], bool]],
    ) -> None:
        self._people_kind = people
        self._requester = requester
        # Kinds that the vendor counts, and whether it counts a row.
        self._counted = counted
        self._people, self._product = Pseudonyms(source), Pseudonyms("posthog")

    def without_erased(self, reading: Reading) -> Reading:
        """The reading without what belongs to somebody who was erased."""
        if not (self._people.has_erased or self._product.has_erased):
            return reading
        kept: list[Item] = []
        gone: list[Item] = []
        for item in reading.items:
            (gone if self._is_erased(reading.kind, item) else kept).append(item)
        return replace(reading, items=kept, erased=gone)

    def _is_erased(self, kind: str, item: Item) -> bool:
        # People come before what they wrote. Who was recognised by another id than the vendor's is
        # kept in the state of the load, by pseudonym.
        known = dlt.current.source_state().setdefault("erased_people", [])
        if kind == self._people_kind:
            email = str(item.get("email") or "").strip().lower()
            is_erased = bool(
                self._people.erased([str(item["id"]), email])
                or self._product.erased([str(item.get("external_id") or "")])
            )
            pseudonym = self._people.of(str(item["id"]))
            if is_erased and pseudonym not in known:
                known.append(pseudonym)
            return is_erased
        requester = self._requester(item)
        return bool(
            requester and (self._people.erased([requester]) or self._people.of(requester) in known)
        )

    def pseudonyms(self, reading: Reading) -> Iterator[Sequence[Row]]:
        """Of people, and of those who wrote something and may not have come yet."""
        if reading.kind == self._people_kind:
            yield from self._people.rows(str(item["id"]) for item in reading.items)
        else:
            yield from self._people.rows(map(self._requester, reading.items))

    def erased_rows(self, reading: Reading) -> Iterator[Sequence[Row]]:
        """The vendor goes on counting them while they are there and not deleted."""
        if reading.kind in self._counted and reading.erased:
            yield [
                {
                    "table_name": reading.kind,
                    "scope": "live",
                    "part": self._people.of(str(item["id"])),
                    "row_count": int(self._counted[reading.kind](item)),
                }
                for item in reading.erased
            ]


def rows_of(kind: str, row: Callable[[Item], Row], reading: Reading) -> Iterator[Sequence[Row]]:
    if reading.kind == kind and reading.items:
        yield [row(item) for item in reading.items]


def count_rows(reading: Reading, now: datetime) -> Iterator[Sequence[Row]]:
    if reading.count is not None:
        yield [
            {
                "table_name": reading.kind,
                "scope": "live",
                "source_count": reading.count,
                "counted_at": now,
            }
        ]
