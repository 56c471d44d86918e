"""Exit codes of the command line, and handlers for signals that arrive while a process still starts."""

import os
import signal
import sys
from contextlib import suppress
from enum import IntEnum


class ExitCode(IntEnum):
    """How a worker ended. After a signal that came before it took jobs, the code is 128 and the signal's number."""

    DRAINED = 0
    """In order, as it was told to: nothing is left in its hands."""
    BROKEN = 1
    """It couldn't start, or can't render any more. What it had in hand was handed back."""
    SETTINGS = 2
    """A setting, or the command line, can't be used."""
    FAILED = 3
    """Its loop ended by an error that nobody foresaw. The log has it."""
    CUT_SHORT = 4
    """It was told to end at once, by SIGQUIT or a second Ctrl-C. Its jobs go on once their leases run out."""


def end_when_told() -> None:
    """Let SIGTERM and Ctrl-C end this process from now on, until something better listens to them.

    SIGTERM does so by itself, but not for PID 1 of a container, which gets no signal that it has no handler for.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)


def _end(number: int, _: object) -> None:
    # SystemExit could come up in the middle of anything, and be swallowed there. Children end by themselves.
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # nobody may read it any more
            stream.flush()
    os._exit(128 + number)
