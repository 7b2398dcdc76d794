"""What the last night did and what is wrong since when, for `productops status` and for alerts.

`data/serving/status.json` is written at the beginning and at the end of a night, beside what
readers open and not in it: a night that fails publishes nothing.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from orchestration.paths import serving

Record = dict[str, Any]


def read() -> Record:
    """Return the record; empty parts if there is none or it cannot be read."""
    try:
        stored: Record = json.loads((serving() / "status.json").read_text())
    except (OSError, ValueError):
        stored = {}
    return {"night": {}, "sources": {}, "incidents": {}, **stored}


@contextmanager
def changed() -> Iterator[Record]:
    """Change the record in one step of the file system."""
    record = read()
    yield record
    serving().mkdir(parents=True, exist_ok=True)
    fresh = serving() / f".status-{os.getpid()}.json"
    fresh.write_text(json.dumps(record, indent=1, sort_keys=True))
    fresh.replace(serving() / "status.json")


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def night_began(run_id: str) -> None:
    """Note that a night is at work; if it is killed, this is what remains of it."""
    with changed() as record:
        record["night"] = {"run_id": run_id, "began_at": now(), "pid": os.getpid()}


def night_ended(outcome: str) -> None:
    """Note how a night ended: published, nothing new, or failed."""
    with changed() as record:
        record["night"] |= {"ended_at": now(), "outcome": outcome}
        if outcome != "failed":
            record["night"]["succeeded_at"] = now()


def source_reached(name: str, vendor_time: datetime | None, rows: int) -> None:
    """Note that a vendor answered, what its clock said, and whether it had news."""
    with changed() as record:
        entry = record["sources"].setdefault(name, {})
        entry |= {"reached_at": now(), "vendor_time": str(vendor_time) if vendor_time else None}
        if rows:
            entry |= {"news_at": now(), "rows": rows}
