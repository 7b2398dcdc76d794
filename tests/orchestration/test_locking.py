"""What only one process may do at a time."""

import threading
from pathlib import Path

from orchestration.locking import alone


def test_who_comes_second_waits_for_the_first(tmp_path: Path) -> None:
    lock, order, is_in = tmp_path / "target" / "manifest.lock", [], threading.Event()

    def first() -> None:
        with alone(lock):
            is_in.set()
            threading.Event().wait(0.3)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    assert is_in.wait(10)
    with alone(lock):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]
