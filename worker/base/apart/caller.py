"""Runs a module in a process of its own, for one piece of work.

A thread's memory can't be limited, and a thread can't be killed; a process's can, and it can. Nothing that the work
did to the process lasts, and the process has none of the settings' secrets.
"""

import os
import subprocess
import sys

from models.errors import Unforeseen

# What an interpreter needs to find its modules.
_INHERITED = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG")


class EndedBySignalError(Exception):
    """A signal ended the process: SIGKILL, or the kind of fault that it was."""

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by signal {number}")
        self.number = number


def run_apart(module: str, data: bytes, timeout: float, what: str) -> bytes:
    """Runs a module with `data` on its standard input, and returns its standard output.

    `what` says what the process does, for messages. Raises subprocess.TimeoutExpired after `timeout` seconds,
    EndedBySignalError, and Unforeseen if no process can be started or it exits with a code.
    """
    try:
        done = subprocess.run(  # noqa: S603 - this very interpreter
            [sys.executable, "-P", "-m", module],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            timeout=timeout,
            check=False,
        )
    except OSError as error:
        raise Unforeseen(f"No process can be started to {what} ({type(error).__name__}).") from None
    if done.returncode < 0:
        raise EndedBySignalError(-done.returncode)
    if done.returncode:
        raise Unforeseen(f"The process that should {what} ended with exit code {done.returncode}.")
    return done.stdout


def _environment() -> dict[str, str]:
    # One malloc arena: each further one would count as memory before anything is in it.
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return kept | {"MALLOC_ARENA_MAX": "1"}
