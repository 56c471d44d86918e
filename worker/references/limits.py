"""Limits of a reference: bytes, pixels, sides."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from worker.base.settings import Settings


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What a reference may have at most, and at least. Sides are in pixels."""

    max_bytes: int
    max_pixels: int
    min_side: int
    """The least for the shorter side, also after scaling down."""
    max_side: int
    """The most for the longer side; a larger picture is scaled down to it."""
    timeout: float = 30
    """Seconds that a separate process may take for a picture."""

    @classmethod
    def from_settings(cls, settings: "Settings") -> Self:
        return cls(
            max_bytes=settings.reference_max_bytes,
            max_pixels=settings.reference_max_pixels,
            min_side=settings.reference_min_side,
            max_side=settings.reference_max_side,
            timeout=settings.fetch_timeout,
        )
