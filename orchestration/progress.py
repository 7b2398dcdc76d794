"""What a night is at: lines that move in a terminal, a plain one now and then in a log."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache

from rich.console import Console
from rich.progress import (
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

# A log of a long night gets a line this often for each piece that is under way, in seconds.
PAUSE = 30.0

logger = logging.getLogger("productops")
_lock = threading.Lock()


class Screen(Console):
    """Goes silent when whoever reads it has gone, where Rich ends the program."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


@cache
def screen() -> Console:
    """Return what our lines are printed on, as standard output was at the first call."""
    return Screen(file=sys.stdout)


class Lines(logging.Handler):
    """Prints log lines above what moves."""

    def __init__(self) -> None:
        super().__init__()
        # Now, since standard output goes elsewhere while a job runs.
        screen()

    def emit(self, record: logging.LogRecord) -> None:
        # As it stands: a bracket is no style, and a path in a pipe is not cut at a width.
        try:
            line = self.format(record)
            screen().print(line, markup=False, emoji=False, highlight=False, soft_wrap=True)
        except Exception:
            self.handleError(record)


class _Said(ProgressColumn):
    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        return Text(task.fields["said"]())


@cache
def _board() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<16}", markup=False),
        TimeElapsedColumn(),
        _Said(),
        console=screen(),
        transient=True,
        # Standard output is the log file's meanwhile.
        redirect_stdout=False,
        redirect_stderr=False,
    )


@contextmanager
def under_way(name: str, said: Callable[[], str]) -> Iterator[None]:
    """Show a piece of work until it has ended.

    Args:
        name: such as the vendor's.
        said: how far it is; asked from another thread, a few times a second at most.
    """
    with _moving(name, said) if screen().is_terminal else _told(name, said):
        yield


@contextmanager
def _moving(name: str, said: Callable[[], str]) -> Iterator[None]:
    with _lock:
        # Here, or two threads make one each, and Rich cannot show two.
        board = _board()
        known = {*board.task_ids}
        # A terminal that was closed ends no night.
        with suppress(OSError, ValueError):
            board.add_task(name, total=None, said=said)
            board.start()
        mine = {*board.task_ids} - known
    try:
        yield
    finally:
        with _lock, suppress(OSError, ValueError):
            for task in mine:
                board.remove_task(task)
            if not board.task_ids:
                board.stop()


@contextmanager
def _told(name: str, said: Callable[[], str]) -> Iterator[None]:
    started, ended = time.monotonic(), threading.Event()

    def tell() -> None:
        while not ended.wait(PAUSE):
            logger.info("%s: %s (%.0f s so far)", name, said(), time.monotonic() - started)

    threading.Thread(target=tell, daemon=True).start()
    try:
        yield
    finally:
        ended.set()
