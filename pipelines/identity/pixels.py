"""Compares images pixel by pixel: lays one image's chips over those of others."""

from functools import cached_property

from pipelines.identity.overlay import Overlay
from pipelines.identity.portrait import Portrait


class Pixels:
    """One image, prepared for comparison with others as far as it is needed."""

    def __init__(self, portrait: Portrait) -> None:
        self._portrait = portrait

    def difference(self, other: Portrait, *, mirror: bool) -> float | None:
        """How much of the image's pixels the other's don't explain, as in `Overlay.difference`.

        Faces are compared where both have one, whatever is around them; else whole pictures.
        """
        if self._portrait.chip is not None and other.chip is not None:
            return self._face.difference(other.chip, mirror=mirror)
        return self._sight.difference(other.sight, mirror=mirror)

    @cached_property
    def _face(self) -> Overlay:
        assert self._portrait.chip is not None
        return Overlay(self._portrait.chip, face=True)

    @cached_property
    def _sight(self) -> Overlay:
        return Overlay(self._portrait.sight, face=False)
