"""Exit codes of the command line, and handlers for signals that arrive while a process still starts."""

import os
import signal
import sys
from contextlib import suppress
from enum import IntEnum

from models.errors import InvalidInput, InvalidSettings, LikenessError


class ExitCode(IntEnum):
    """How a command ended. Each number means one thing, whatever the command; docs/commands.md has the table."""

    DONE = 0
    """It did what it was asked to. A worker stopped as requested, and holds no job any more."""
    FAILED = 1
    """It couldn't: an error, a job that failed, a check that found something amiss. A worker couldn't start, or
    can't render any more, and handed its jobs back."""
    UNUSABLE = 2
    """A setting, an argument or a document can't be used. Another try won't help."""
    CANCELED = 3
    """The job that was watched was canceled."""
    CUT_SHORT = 4
    """A worker was ended at once, by SIGQUIT or a second Ctrl-C. Its jobs continue once their leases expire."""
    UNFORESEEN = 5
    """A worker's loop ended with an unexpected error, which the log contains."""
    UNSIGNED = 13
    """The inspected image has no signature."""
    CONTENT_CHANGED = 14
    """The inspected picture was changed after it was signed."""
    STATEMENT_CHANGED = 15
    """The signed statement was changed after it was signed."""
    SIGNER_REFUSED = 16
    """The signer's certificate wasn't fit to sign the inspected image."""
    MARKS_DISAGREE = 17
    """The signature is valid, but the image's XMP has another source type."""

    @classmethod
    def of(cls, error: LikenessError) -> "ExitCode":
        """How a command ends with this error."""
        return cls.UNUSABLE if isinstance(error, InvalidInput | InvalidSettings) else cls.FAILED


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
