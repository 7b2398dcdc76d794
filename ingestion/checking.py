"""Whether a vendor can be read: the cheapest requests that need each permission a load needs.

A source says in passing how it can be checked, with the settings it was given; a load pays no heed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Check = Callable[[], object]

_said: ContextVar[list[Check] | None] = ContextVar("checks", default=None)


def can_be_checked(*checks: Check) -> None:
    """Say how the source that is being set up can be checked; each raises an IngestionError."""
    said = _said.get()
    if said is not None:
        said.extend(checks)


@contextmanager
def listening() -> Iterator[list[Check]]:
    """Collect what sources say while they are set up."""
    said: list[Check] = []
    token = _said.set(said)
    try:
        yield said
    finally:
        _said.reset(token)
