"""The one worker that `likeness demo` and `likeness up` run beside their embedded services."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worker.stack.child import LeashedChild


@contextmanager
def own_worker(environment: dict[str, str], log: Path) -> Iterator[LeashedChild]:
    """A worker process on the stack that `environment` describes. Its output is appended to `log`."""
    worker = LeashedChild(
        [sys.executable, "-m", "worker", "worker"],
        # By itself, a worker on a GPU would want that profile's weights. It hands its jobs back before the leash
        # ends it for good.
        environment={"LIKENESS_PROFILE": "embedded", "LIKENESS_DRAIN_GRACE": "3"} | os.environ | environment,
        log=log,
    )
    try:
        yield worker
    finally:
        worker.stop()
