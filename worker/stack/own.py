"""The processes that `likeness demo`, `stack` and `up` run beside their embedded services."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from models.errors import QueueUnavailable
from models.fake import FAKE_PROFILE
from worker.base.periodic import Periodic
from worker.base.settings import Settings
from worker.queue.fleet.presence import Presence
from worker.stack.child import LeashedChild
from worker.stack.part import Part

OWN_PROFILE = "embedded"
"""Their worker's profile unless LIKENESS_PROFILE names another. By default, a worker on a GPU would need fetched
weights."""


FAKE = {
    "LIKENESS_PROFILE": FAKE_PROFILE,
    "LIKENESS_GATE": "required",
    "LIKENESS_SAFETY": "off",
    "LIKENESS_RETRY_BACKOFF": "0",
}
"""The variables of a worker that draws placeholders, and ends jobs as they ask for, without delay."""


class OwnProcess(Part):
    """A `likeness` command. Its output is appended to a log."""

    def __init__(self, name: str, command: Sequence[str], environment: dict[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self._command = [sys.executable, "-m", "worker", *command]
        self._environment = environment

    def _launch(self) -> LeashedChild:
        return LeashedChild(self._command, environment=self._environment, log=self.log)


def own_worker(environment: dict[str, str], folder: Path) -> OwnProcess:
    """A worker on the stack that `environment` describes, with its log in `folder`. With `FAKE` in it, it draws
    placeholders."""
    # The short grace time lets it hand its jobs back before the leash kills it.
    defaults = {"LIKENESS_PROFILE": OWN_PROFILE, "LIKENESS_DRAIN_GRACE": "3"}
    return OwnProcess("worker", ["worker"], defaults | os.environ | environment, folder / "worker.log")


@contextmanager
def telling_of_workers(settings: Settings, say: Callable[[str], None]) -> Iterator[None]:
    """Says of each worker of the stack, once, that it is ready."""
    # Keys of an earlier run's worker may still be there.
    began = datetime.now(UTC)
    presence = Presence(settings, patient=False)
    known: set[str] = set()

    def look() -> None:
        try:
            workers = presence.workers()
        except QueueUnavailable:
            return  # It is another's to say.
        for worker in workers:
            if worker.node not in known and worker.since and worker.since >= began:
                known.add(worker.node)
                say(f"The worker is ready: {worker.profile} on {worker.device}.")

    looks = Periodic("readiness", 0.5, look)
    looks.start()
    try:
        yield
    finally:
        looks.stop()


def own_deliverer(environment: dict[str, str], folder: Path) -> OwnProcess:
    """A deliverer of webhooks on that stack."""
    # LIKENESS_HTTP_PORT is the worker's, if it is set.
    inherited = {name: value for name, value in os.environ.items() if name != "LIKENESS_HTTP_PORT"}
    return OwnProcess("deliverer", ["webhooks", "deliver"], inherited | environment, folder / "deliverer.log")
