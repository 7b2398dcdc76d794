"""Writing PostHog's event table in order of arrival, a row group at a time."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from simulator.lanternfish.events import EVENTS, Arrivals, Events, Extras
from simulator.lanternfish.journeys import World
from simulator.lanternfish.randomness import uuids
from simulator.lanternfish.tables import MOMENT, ROW_GROUP_ROWS
from simulator.lanternfish.timeline import moment, month_starts

SCHEMA = pa.schema(
    [
        ("uuid", pa.string()),
        ("event", pa.string()),
        ("distinct_id", pa.string()),
        ("person_id", pa.string()),
        ("timestamp", MOMENT),
        ("properties", pa.string()),
        ("person_properties", pa.string()),
        ("inserted_at", MOMENT),
    ]
)
_EPOCH = moment(0)


def write(folder: Path, world: World, events: Events, arrivals: Arrivals, extras: Extras) -> int:
    """Write one file a month of arrival and return the number of rows delivered."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = _Texts(world, extras)
    starts = [int((start - _EPOCH).total_seconds()) * 1_000_000 for start in month_starts()]
    bounds = [0, *np.searchsorted(arrivals.inserted, starts[1:]), len(arrivals.inserted)]
    for number, (begin, end) in enumerate(pairwise(bounds)):
        if begin == end:
            continue
        month = month_starts()[number].strftime("%Y-%m")
        path = folder / f"{world.replica:04d}-{month}.parquet"
        with pq.ParquetWriter(
            path,
            SCHEMA,
            compression="zstd",
            compression_level=1,
            use_dictionary=["event", "distinct_id", "person_id", "person_properties"],
        ) as writer:
            for first in range(begin, end, ROW_GROUP_ROWS):
                piece = slice(first, min(first + ROW_GROUP_ROWS, end))
                writer.write_table(texts.table(events, arrivals, piece))
    return len(arrivals.inserted)


class _Texts:
    """The texts of the event table, each held once and joined a column at a time."""

    def __init__(self, world: World, extras: Extras) -> None:
        ids, people, accounts = world.identities, world.people, world.accounts
        self.world = world
        self.names = pa.array(EVENTS)
        self.distinct_ids = pa.array(ids.distinct_id)
        self.person_ids = pa.array(ids.person_id)
        known = [f'{{"email":"{email}"}}' for email in people.email]
        unknown = ["{}"] * (len(ids.distinct_id) - ids.users)
        self.person_properties = pa.array(known + unknown)
        # The last fragment is for events without an account: index -1 from the end.
        self.groups = pa.array(
            [f',"$groups":{{"account":"{a}"}},"$group_0":"{a}"' for a in accounts.account_id] + [""]
        )
        self.extras = pa.array(extras.fragments)

    def table(self, events: Events, arrivals: Arrivals, piece: slice) -> pa.Table:
        rows = arrivals.event[piece]
        world = self.world
        who = pa.array(events.who[rows])
        return pa.table(
            [
                uuids(rows, world.seed, f"event {world.replica}"),
                self.names.take(pa.array(events.code[rows])),
                self.distinct_ids.take(who),
                self.person_ids.take(who),
                pa.array(events.at[rows], pa.int64()).cast(MOMENT),
                self._properties(events, rows),
                self.person_properties.take(who),
                pa.array(arrivals.inserted[piece], pa.int64()).cast(MOMENT),
            ],
            schema=SCHEMA,
        )

    def _properties(self, events: Events, rows: NDArray[np.int64]) -> pa.Array:
        sessions, inverse = np.unique(events.session[rows], return_inverse=True)
        session = uuids(sessions, self.world.seed, f"session {self.world.replica}")
        account = events.account[rows]
        return pc.binary_join_element_wise(
            pa.scalar('{"$lib":"web","$session_id":"'),
            session.take(pa.array(inverse)),
            pa.scalar('"'),
            self.groups.take(pa.array(np.where(account < 0, len(self.groups) - 1, account))),
            self.extras.take(pa.array(events.extra[rows])),
            pa.scalar("}"),
            "",
        )
