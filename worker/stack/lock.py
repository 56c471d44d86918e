"""Locks a data folder for one embedded stack."""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from models.errors import StackError, StackInUse
from worker.stack import leash

_NAME = ".in-use"
_POLL = 0.05


class FolderLock:
    """A lock on a folder. This process and its servers' leashes hold it until the last of them has ended: after a
    crash, a server may still write for some seconds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor: int | None = None

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The descriptors that processes must inherit if they must end before another stack may begin."""
        return () if self._descriptor is None else (self._descriptor,)

    def acquire(self) -> None:
        """Acquires the lock, unless it is held already. Waits for the servers of a process that was killed.

        Raises StackInUse if another process has the folder, StackError if it can't be locked.
        """
        if self._descriptor is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._folder / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._lock(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Releases the lock, if it is held. The file stays: whoever removed it might remove another's."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        deadline = time.monotonic() + leash.GRACE + 2
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if (holder := _holder(descriptor)) or time.monotonic() > deadline:
                    raise StackInUse(
                        f"{self._folder} is in use by another `likeness up` or `likeness stack`"
                        f"{f' (process {holder})' if holder else ''}. Stop that one, or give this one a folder of "
                        "its own with --data.",
                        processId=holder,
                    ) from None
                time.sleep(_POLL)
            except OSError as error:
                raise StackError(
                    f"{self._folder} can't be locked ({error.strerror}). Give a folder on a local disk with --data."
                ) from None
            else:
                return


def _holder(descriptor: int) -> int | None:
    """The id of the process that took the lock, if that process still lives."""
    written = os.pread(descriptor, 32, 0)
    if not written.isdigit():
        return None
    with suppress(PermissionError):
        try:
            os.kill(int(written), 0)
        except ProcessLookupError:
            return None
    return int(written)
