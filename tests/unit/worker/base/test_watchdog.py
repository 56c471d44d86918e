"""Calls that hang: their callers go on, and what is left behind does no harm."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from models.errors import StorageHung
from worker.base.watchdog import LeftBehindError, Watchdog, still_wanted


class StopHereError(Exception):
    """What a check raises in these tests."""


@pytest.fixture
def hang() -> threading.Event:
    """What calls hang at."""
    return threading.Event()


def test_a_call_gives_what_its_work_returns_or_raises() -> None:
    watchdog = Watchdog()
    assert watchdog.call(lambda: 7, 5, StorageHung("Slow.")) == 7
    with pytest.raises(TimeoutError, match="its own"):
        watchdog.call(lambda: _raise(TimeoutError("its own")), 5, StorageHung("Slow."))


def _raise(error: Exception) -> None:
    raise error


def test_threads_are_used_again() -> None:
    watchdog = Watchdog()
    used = {watchdog.call(threading.current_thread, 5, StorageHung("Slow.")) for _ in range(20)}
    # One may not have come back yet when the next call is made.
    assert len(used) < 10


def test_a_pool_of_one_thread_is_free_again_after_a_call_that_hangs(hang: threading.Event) -> None:
    watchdog = Watchdog()
    with ThreadPoolExecutor(1) as pool:
        stuck = pool.submit(watchdog.call, hang.wait, 0.1, StorageHung("Slow."))
        after = pool.submit(watchdog.call, lambda: True, 5, StorageHung("Slow."))
        assert after.result(5)
        with pytest.raises(StorageHung):
            stuck.result()
    hang.set()


def test_what_a_check_raises_ends_the_wait(hang: threading.Event) -> None:
    watchdog = Watchdog(check=lambda: _raise(StopHereError()))
    began = time.monotonic()
    with pytest.raises(StopHereError):
        watchdog.call(hang.wait, 60, StorageHung("Slow."))
    assert time.monotonic() - began < 30
    hang.set()


def test_work_that_is_left_behind_begins_nothing_more(hang: threading.Event) -> None:
    went_on: list[object] = []
    ended = threading.Event()

    def work() -> None:
        still_wanted()
        hang.wait()
        try:
            still_wanted()
        except LeftBehindError:
            went_on.append("stopped")
        ended.set()

    with pytest.raises(StorageHung):
        Watchdog().call(work, 0.1, StorageHung("Slow."))
    hang.set()
    assert ended.wait(5)
    assert went_on == ["stopped"]
    still_wanted()


def test_a_process_with_too_many_of_them_is_to_be_replaced(hang: threading.Event) -> None:
    flooded: list[bool] = []
    watchdog = Watchdog(flooded=lambda: flooded.append(True))

    def hang_once(_: int) -> None:
        with pytest.raises(StorageHung):
            watchdog.call(hang.wait, 0.1, StorageHung("Slow."))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(hang_once, range(16)))
        assert not flooded
        hang_once(16)
        assert flooded
        # Those that end after all are no burden any more.
        hang.set()
        flooded.clear()
        hang.clear()
        time.sleep(0.1)
        hang_once(17)
        assert not flooded
    hang.set()


def test_one_that_hangs_does_not_hold_up_the_end_of_the_process() -> None:
    script = (
        "import threading\n"
        "from models.errors import StorageHung\n"
        "from worker.base.watchdog import Watchdog\n"
        "try:\n"
        "    Watchdog().call(threading.Event().wait, 0.1, StorageHung('Slow.'))\n"
        "except StorageHung:\n"
        "    print('hung')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=30
    )
    assert (ended.stdout.split()[-1], ended.returncode) == ("hung", 0), ended.stderr
