"""Runs a server as a child process that never outlives this one."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from worker.stack import leash

_TAIL_BYTES = 4096
_TAIL_LINES = 20


class LeashedChild:
    """A running server, held by a leash (see `leash`), with its output in a log file.

    It has a session of its own: Ctrl-C in a terminal reaches the worker, which drains, and not the servers
    that it needs while it does.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        descriptors: Sequence[int] = (),
    ) -> None:
        """`descriptors` stay open until the server has ended."""
        self._log = log
        with log.open("ab") as output:
            self._log_start = output.tell()
            self._leash = subprocess.Popen(  # noqa: S603 - the command is the stack's own
                [sys.executable, "-I", "-S", leash.__file__, *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,
                pass_fds=descriptors,
            )

    @property
    def is_alive(self) -> bool:
        return self._leash.poll() is None

    @property
    def status(self) -> int | None:
        """The exit status once it has ended; above 128 or below zero if a signal ended it."""
        return self._leash.poll()

    def tail(self) -> str:
        """The last lines that the server wrote since it was started."""
        with self._log.open("rb") as written:
            end = written.seek(0, os.SEEK_END)
            written.seek(max(self._log_start, end - _TAIL_BYTES))
            text = written.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-_TAIL_LINES:])

    def stop(self) -> None:
        """Ends the server by SIGTERM, then by SIGKILL if it doesn't react. Does nothing if it has ended."""
        if self._leash.stdin is not None:
            self._leash.stdin.close()
        try:
            status = self._leash.wait(leash.GRACE + 2)
        except subprocess.TimeoutExpired:
            self.kill()
        else:
            if status < 0:  # The leash itself was killed, and its server may still be there.
                self._kill_group()

    def kill(self) -> None:
        """End the server at once, by SIGKILL, as a crash would."""
        self._kill_group()
        if self._leash.stdin is not None:
            self._leash.stdin.close()
        self._leash.wait()

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._leash.pid, signal.SIGKILL)
