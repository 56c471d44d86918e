"""Tells copies from fresh pictures: lays chips over one another and measures what is left.

A copy has the same pixels, moved, scaled, turned a little, mirrored, re-encoded or toned. So one chip is aligned
with the other by Gauss and Newton's method (Baker and Matthews, "Lucas-Kanade 20 Years On", 2004: inverse
compositional, with gain and bias projected out), its tones and its blur are fitted, and what that doesn't explain
is measured. Another view, light or expression of the same face leaves much more than any of these changes.
"""

from functools import cache, cached_property

import numpy as np

from pipelines.identity.alignment import Level, Mask, Warp, centred, moved, to_pixels
from pipelines.identity.chips import SIDE, Chip
from pipelines.identity.sampling import Floats, halved, sample, smooth, window_means

_HALVINGS = 2
# If the coarsest pixels correlate less than this at best, once moved and scaled, the chips needn't be aligned.
_WORTH = 0.6
# If coarser pixels correlate less than this once aligned, the chips are no copies: finer ones needn't be aligned.
_ALIKE = 0.85
# The side of the windows in which the rest is averaged, in pixels, and the share that may be worse than the result.
_WINDOW, _WORSE = 10, 0.1
# Grey levels: a chip with less contrast says nothing.
_LEAST_CONTRAST = 2.0
# The ellipse of a face's chip that counts, in half sides: how far below the middle it lies, how wide and how high
# it is. It holds eyes and mouth, and is so narrow that no backdrop comes into it when a head turns.
_MIDDLE, _RADII = 0.16, (0.42, 0.54)


class Overlay:
    """A chip that is prepared to have others laid over it. With `face` only its face counts, else the whole
    chip."""

    def __init__(self, chip: Chip, *, face: bool) -> None:
        self._masks = _masks(face)
        self._mask = self._masks[0]
        self._pyramid = _pyramid(chip)
        self._values = self._pyramid[0][self._mask]
        self._contrast = float(self._values.std())

    def difference(self, chip: Chip, *, mirror: bool) -> float | None:
        """How much of this chip another one doesn't explain, once that is aligned and toned.

        It is a share of the brightness's variance, 0 for the same pixels: that of all but the worst tenth of
        windows of 10 x 10 pixels. With `mirror`, the other one's mirror image is tried as well, and the smaller
        share counts. None: they have so little in common, or so little contrast, that they weren't aligned.
        """
        tried = (chip, chip[:, ::-1]) if mirror else (chip,)
        return min((left for each in tried if (left := self._left(each)) is not None), default=None)

    def _left(self, chip: Chip) -> float | None:
        other = _pyramid(chip)
        if min(self._contrast, float(other[0][self._mask].std())) < _LEAST_CONTRAST:
            return None
        warp, alike = self._levels[0].begin(other[-1])
        if alike < _WORTH:
            return None
        for level, pixels in zip(self._levels, reversed(other), strict=True):
            warp, alike = level.align(pixels, warp)
            if alike < _ALIKE:
                return None
        return self._unexplained(_laid(other[0], warp))

    @cached_property
    def _levels(self) -> list[Level]:
        """The levels, from the coarsest."""
        return [
            Level(pixels, mask, stretch=len(pixels) == SIDE)
            for pixels, mask in zip(reversed(self._pyramid), reversed(self._masks), strict=True)
        ]

    def _unexplained(self, laid: Floats) -> float:
        # A copy's tones may be a parabola of the other's, and its detail blurred or sharpened.
        sharp, soft = ((each[self._mask] - laid.mean()) / self._contrast for each in (laid, smooth(laid)))
        terms = np.stack([np.ones_like(sharp), sharp, sharp**2, soft], 1)
        fit, *_ = np.linalg.lstsq(terms, self._values, rcond=None)
        left = np.zeros((SIDE, SIDE), dtype=np.float32)
        left[self._mask] = np.square(self._values - terms @ fit) / self._contrast**2
        cover = window_means(self._mask.astype(np.float32), _WINDOW)
        inside = cover >= 0.5
        windows = window_means(left, _WINDOW)[inside] / cover[inside]
        return float(np.quantile(windows, 1 - _WORSE))


def _laid(pixels: Floats, warp: Warp) -> Floats:
    x, y = moved(warp, *(axis.ravel() for axis in centred(SIDE)))
    return sample(pixels, *to_pixels(x, y, SIDE)).reshape(SIDE, SIDE)


def _pyramid(chip: Chip) -> list[Floats]:
    """The chip's pixels at each level, from the finest."""
    levels = [smooth(chip.astype(np.float32))]
    for _ in range(_HALVINGS):
        levels.append(halved(levels[-1]))
    return levels


@cache
def _masks(face: bool) -> list[Mask]:
    """The pixels that count, for each level of a pyramid."""
    x, y = centred(SIDE)
    across, down = _RADII
    inside = (x / across) ** 2 + ((y - _MIDDLE) / down) ** 2 <= 1
    masks = [inside if face else np.ones_like(inside)]
    for _ in range(_HALVINGS):
        masks.append(halved(masks[-1].astype(np.float32)) > 0.5)
    return masks
