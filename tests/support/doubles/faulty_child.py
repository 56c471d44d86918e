"""A render process whose device fails, or dawdles, when it is told to: by an order that has one of these seeds."""

import time
from itertools import count
from typing import Any

from models.errors import DeviceLost, RenderOutOfMemory
from worker.render import child

OUT_OF_MEMORY_SEED = 13
LOST_SEED = 14
LATE_SEED = 15
"""Out of memory once all steps are told."""
MEMORY = (24, 20, 16)
"""What its device says of its memory."""
DAWDLING_SEED = 16
"""From the fourth step on, each takes a second, but for orders that are called off."""


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
        if DAWDLING_SEED in seeds:
            _dawdle(rest[0], called_off=args[2])
        render(pipeline, references, appearance, shots, *rest)
        if LATE_SEED in seeds:
            raise RenderOutOfMemory("The device ran out of memory.")

    Embedded.render = faulty  # type: ignore[assignment, method-assign]
    Embedded.memory = lambda _: MEMORY  # type: ignore[assignment, method-assign]
    child.main(*args)
    # Letting go of a device takes a while.
    time.sleep(2)


def _dawdle(sink: Any, called_off: Any) -> None:
    tell, before, numbers = sink.step, called_off.value, count(1)

    def step(done: Any) -> None:
        late = time.monotonic() + 1
        if next(numbers) > 3:
            while called_off.value == before and time.monotonic() < late:
                time.sleep(0.01)
        tell(done)

    sink.step = step
