"""One run at a time per data folder, and a killed run never stands in the way of the next."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ingestion.pipeline import data_dir, wait_until_free

# Held until the process ends: the kernel lets go of it even after kill -9. A Dagster concurrency
# pool would keep the slot of a killed run claimed, and the next run would wait for ever.
_held: dict[Path, IO[str]] = {}


class AnotherRunError(RuntimeError):
    """Another run works in the same data folder."""


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Wait until no other process does what a lock file stands for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def hold_warehouse(wait_seconds: float = 600.0) -> None:
    """Make this process the one that writes the warehouse, waiting for another run to end.

    Raises:
        AnotherRunError: the other run did not end in time; the message names its process.
    """
    path = data_dir() / "run.lock"
    if path in _held:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = path.open("a+")
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                handle.seek(0)
                holder = handle.read().strip() or "unknown"
                handle.close()
                raise AnotherRunError(
                    f"Another run (process {holder}) has been writing {data_dir()} for over"
                    f" {wait_seconds:g} s; wait for it or end it, then run again."
                ) from error
            time.sleep(0.5)
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    _held[path] = handle
    # The dbt of a run that was killed ends only just after it.
    wait_until_free()
