"""What is under way is shown where people look, and once in a while where they read later."""

import contextlib
import io
import logging
import threading
import time
from collections.abc import Iterator

import pytest
from rich.console import Console

from orchestration import progress


@pytest.fixture
def printed(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[io.StringIO]:
    file = io.StringIO()
    console = Console(file=file, force_terminal=request.param, width=100, color_system=None)
    monkeypatch.setattr(progress, "screen", lambda: console)
    monkeypatch.setattr(progress, "PAUSE", 0.05)
    progress._board.cache_clear()
    handler = progress.Lines()
    logging.getLogger("productops").addHandler(handler)
    monkeypatch.setattr(logging.getLogger("productops"), "level", logging.INFO)
    yield file
    logging.getLogger("productops").removeHandler(handler)
    progress._board.cache_clear()


def until(is_so: str, file: io.StringIO) -> None:
    deadline = time.monotonic() + 10
    while is_so not in file.getvalue():
        assert time.monotonic() < deadline, file.getvalue()
        time.sleep(0.02)


def test_lines_stay_on_the_screen_while_what_a_job_prints_goes_to_its_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress.screen.cache_clear()
    handler, elsewhere = progress.Lines(), io.StringIO()
    with contextlib.redirect_stdout(elsewhere):
        print("what dbt prints")
        handler.emit(logging.makeLogRecord({"msg": "our line [1]"}))
    progress.screen.cache_clear()
    assert (capsys.readouterr().out, elsewhere.getvalue()) == (
        "our line [1]\n",
        "what dbt prints\n",
    )


class Closed(io.StringIO):
    """A pipe whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_pipe_that_was_closed_ends_no_night(monkeypatch: pytest.MonkeyPatch) -> None:
    console = progress.Screen(file=Closed(), force_terminal=True)
    monkeypatch.setattr(progress, "screen", lambda: console)
    monkeypatch.setattr(logging, "raiseExceptions", False)
    progress._board.cache_clear()
    progress.Lines().emit(logging.makeLogRecord({"msg": "to nobody"}))
    with progress.under_way("hubspot", lambda: "1 row read"):
        pass
    progress._board.cache_clear()
    assert console.quiet


@pytest.mark.parametrize("printed", [False], indirect=True)
def test_a_log_gets_a_plain_line_now_and_then(printed: io.StringIO) -> None:
    with progress.under_way("hubspot", lambda: "1,200 rows read"):
        until("hubspot: 1,200 rows read (0 s so far)\n", printed)
    said = printed.getvalue()
    time.sleep(0.2)
    assert printed.getvalue() == said
    assert "\x1b" not in said


@pytest.mark.parametrize("printed", [True], indirect=True)
def test_a_terminal_shows_every_piece_at_once_and_clears_it(printed: io.StringIO) -> None:
    def extract(name: str, ended: threading.Event) -> None:
        with progress.under_way(name, lambda: f"{name} rows read"):
            ended.wait(10)

    ends = [threading.Event(), threading.Event()]
    threads = [
        threading.Thread(target=extract, args=each)
        for each in zip(("hubspot", "stripe"), ends, strict=True)
    ]
    for thread in threads:
        thread.start()
    until("stripe rows read", printed)
    until("hubspot rows read", printed)
    logging.getLogger("productops").info("A line of the night [with brackets].")
    until("A line of the night [with brackets].", printed)
    for end, thread in zip(ends, threads, strict=True):
        end.set()
        thread.join()
    assert not progress._board().live.is_started
    # Once more, after everything had ended.
    with progress.under_way("models", lambda: "3 of 9 models and tests"):
        until("3 of 9 models", printed)
