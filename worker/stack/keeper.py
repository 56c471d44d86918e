"""Keeps a stack's processes running: restarts what ends, and gives up with a sentence if that doesn't help."""

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from typing import Self

from models.errors import StackError
from worker.base.endings import ExitCode
from worker.stack.part import Part

_TICK = 0.5
# A part that ends this often within that time, in seconds, isn't started any more.
_MOST_ENDS, _WITHIN = 5, 60.0


class Keeper:
    """Looks at the parts twice a second, and starts those again that have ended, in their order."""

    def __init__(self, parts: Sequence[Part], say: Callable[[str], None]) -> None:
        """`say` gets a sentence for each start."""
        self.failure: str | None = None
        """Why it gave up. Then it has sent SIGTERM to this process."""
        self._parts = parts
        self._say = say
        self._ends: dict[str, list[float]] = {part.name: [] for part in parts}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # From here on nothing is started again.
        self._is_over.set()
        self._thread.join()

    def raise_failure(self) -> None:
        """Raises StackError if it gave up."""
        if self.failure:
            raise StackError(self.failure)

    def _keep(self) -> None:
        while self.failure is None and not self._is_over.wait(_TICK):
            for part in self._parts:
                if not part.is_running and self.failure is None:
                    self._revive(part)

    def _revive(self, part: Part) -> None:
        now, status = time.monotonic(), part.status
        ends = [at for at in self._ends[part.name] if now - at < _WITHIN] + [now]
        self._ends[part.name] = ends
        # A setting doesn't mend itself.
        if status == ExitCode.UNUSABLE or len(ends) >= _MOST_ENDS:
            self._give_up(
                f"The {part.name} ended with {status}{_again(len(ends))}. Its log, {part.log}, says why."
            )
            return
        self._say(f"The {part.name} ended with {status}, and is started again.")
        try:
            part.start()
        except (StackError, OSError) as error:
            why = error.message if isinstance(error, StackError) else f"{error.strerror} ({error.filename})."
            self._give_up(f"The {part.name} ended with {status}, and can't be started again: {why}")

    def _give_up(self, failure: str) -> None:
        self.failure = failure
        os.kill(os.getpid(), signal.SIGTERM)


def _again(count: int) -> str:
    return f", {count} times within a minute" if count > 1 else ""
