"""A render process whose device fails when it is told to: an order with one of these seeds ends in that error."""

import time
from typing import Any

from models.errors import DeviceLost, RenderOutOfMemory
from worker.render import child

OUT_OF_MEMORY_SEED = 13
LOST_SEED = 14
LATE_SEED = 15
"""Out of memory once all steps are told."""


def main(*args: Any) -> None:
    """What RenderProcess spawns in place of the real child; all but the failure is the real thing."""
    from pipelines.embedded.profile import Embedded

    render = Embedded.render

    def faulty(pipeline: Embedded, references: Any, appearance: Any, shots: Any, *rest: Any) -> None:
        seeds = {planned.seed for planned in shots}
        if OUT_OF_MEMORY_SEED in seeds:
            raise RenderOutOfMemory("The device ran out of memory.")
        if LOST_SEED in seeds:
            raise DeviceLost("The device can't be used any more.")
        render(pipeline, references, appearance, shots, *rest)
        if LATE_SEED in seeds:
            raise RenderOutOfMemory("The device ran out of memory.")

    Embedded.render = faulty  # type: ignore[assignment, method-assign]
    child.main(*args)
    # Letting go of a device takes a while.
    time.sleep(2)
