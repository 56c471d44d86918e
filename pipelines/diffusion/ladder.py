"""Fallbacks when the device runs out of memory, from the fastest way to render down to the smallest."""

from dataclasses import dataclass, replace

from pipelines.profile import Plan

LEAST_REFERENCE_SIZE = 256
"""Below this side, a face has too few pixels to be preserved."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to render."""

    batch: int
    """Images that are denoised at once."""
    tiling: bool
    """Whether images are encoded and decoded in tiles."""
    reference_size: int
    """The side of a square with the references' area, in pixels."""

    def lower(self) -> "Rung | None":
        """The next rung down, or None: half the batch, down to 1; then tiles; then smaller references."""
        if self.batch > 1:
            return replace(self, batch=self.batch // 2)
        if not self.tiling:
            return replace(self, tiling=True)
        if self.reference_size > LEAST_REFERENCE_SIZE:
            return replace(self, reference_size=max(LEAST_REFERENCE_SIZE, self.reference_size * 3 // 4))
        return None


class Ladder:
    """Remembers for each number of references what worked, so that the next job begins there."""

    def __init__(self, plan: Plan) -> None:
        self._top = Rung(plan.max_batch, tiling=False, reference_size=plan.reference_size)
        self._learned: dict[int, Rung] = {}

    def at(self, references: int) -> Rung:
        """The rung to begin at with so many references."""
        return self._learned.get(references, self._top)

    def learn_tiling(self, references: int) -> None:
        """Remembers that decoding one image took more memory than there was."""
        self._learned[references] = replace(self.at(references), tiling=True)

    def step_down(self, references: int, batch: int) -> bool:
        """Remembers that so many images at once were too much. Returns whether a lower rung is left."""
        rung = self.at(references)
        lower = replace(rung, batch=min(batch, rung.batch)).lower()
        if lower is None:
            return False
        self._learned[references] = lower
        return True
