"""Exit codes of the command line, and handlers for signals that arrive while a process still starts."""

import os
import signal
import sys
from contextlib import suppress
from enum import IntEnum

from models.errors import InvalidInput, InvalidSettings, LikenessError


class ExitCode(IntEnum):
    """How a worker ended. If a signal came before it took jobs, the code is 128 plus the signal's number."""

    DRAINED = 0
    """It stopped as requested, and holds no job any more."""
    BROKEN = 1
    """It couldn't start, or can't render any more. It handed back the jobs it held."""
    SETTINGS = 2
    """A setting, or the command line, can't be used."""
    FAILED = 3
    """Its loop ended with an unexpected error, which the log contains."""
    CUT_SHORT = 4
    """SIGQUIT or a second Ctrl-C ended it at once. Its jobs continue once their leases expire."""

    @classmethod
    def of(cls, error: LikenessError) -> "ExitCode":
        """How a command ends with this error."""
        return cls.SETTINGS if isinstance(error, InvalidInput | InvalidSettings) else cls.BROKEN


def end_when_told() -> None:
    """Makes SIGTERM and Ctrl-C end this process until other handlers replace these.

    SIGTERM does so by itself, except for PID 1 of a container, which gets no signal without a handler for it.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)


def _end(number: int, _: object) -> None:
    # SystemExit could be raised in the middle of anything and swallowed there. Children end by themselves.
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # its reader may be gone
            stream.flush()
    os._exit(128 + number)
