"""The one worker that `likeness demo` and `likeness up` run beside their embedded services."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worker.stack.child import LeashedChild


@contextmanager
def own_worker(environment: dict[str, str], log: Path) -> Iterator[LeashedChild]:
    """Runs a worker process on the stack that `environment` describes. Its output is appended to `log`."""
    worker = LeashedChild(
        [sys.executable, "-m", "worker", "worker"],
        # By default, a worker on a GPU would need the GPU profile's weights. The short grace time lets it hand its
        # jobs back before the leash kills it.
        environment={"LIKENESS_PROFILE": "embedded", "LIKENESS_DRAIN_GRACE": "3"} | os.environ | environment,
        log=log,
    )
    try:
        yield worker
    finally:
        worker.stop()
