"""The pattern that is added to images: a tile of waves, repeated. Its phases carry the number."""

from dataclasses import dataclass
from hashlib import shake_256
from math import sqrt

import numpy as np
import numpy.typing as npt

from pipelines.watermark.code import Chips

Spectrum = npt.NDArray[np.complex64]
Floats = npt.NDArray[np.float32]

SLOWEST, FASTEST = 4, 14
"""The waves' frequencies, in periods a tile: slower ones are drowned by the picture, faster ones die in JPEG."""

PITCH = 3.4
"""The tile's side is so many times the square root of the image's (that of a square of its area), in pixels: 54 at
256, 109 at 1024. Between a fixed size, which dies when a large image is scaled down, and a fixed share of the
image, whose waves could be seen in a large one."""


_FLAT, _ROUGH, _MOST = 0.45, 0.42, 4.0
"""Levels of 255: on flat ground, where the eye sees most and WebP leaves least; for each level of roughness; at
most."""


def strength(rough: Floats) -> Floats:
    """How strong the pattern is where details are this rough, in levels of 255, in an image of 256 x 256 pixels."""
    levels: Floats = np.clip(_FLAT + _ROUGH * rough, _FLAT, _MOST)
    return levels


def tile_side(height: int, width: int) -> float:
    """The side of the tile, in pixels, with which an image of this size is marked."""
    return PITCH * sqrt(sqrt(height * width))


@dataclass(frozen=True, eq=False)
class Tile:
    """The waves of a tile. Some are fixed, for a reader to find its place and size; the others carry chips.

    Such a wave has two chips, one along its phase and one across it.
    """

    x: npt.NDArray[np.int64]
    """Periods across the tile, and `y` down it."""
    y: npt.NDArray[np.int64]
    phases: Spectrum
    """Of all waves. A key in them would stop nobody: whoever can read the mark can take it out."""
    signs: Chips
    """What chips are multiplied with. It makes each word as unlike to any picture as chance does, and that bounds
    false positives."""
    fixed: npt.NDArray[np.int64]
    """Indices of the waves without chips."""
    marked: npt.NDArray[np.int64]

    def waves(self, chips: Chips) -> Spectrum:
        """The tile's waves, (waves,), with these chips."""
        waves = self.phases.copy()
        signed = (chips * self.signs).reshape(-1, 2) / sqrt(2)
        waves[self.marked] *= signed[:, 0] + 1j * signed[:, 1]
        return waves

    def chips(self, waves: Spectrum) -> Chips:
        """The reverse of `waves`, with soft values. Offsets must have been taken out."""
        turned = waves[self.marked] * self.phases[self.marked].conj()
        chips: Chips = np.stack((turned.real, turned.imag), axis=1).ravel() * self.signs
        return chips

    def drawn(self, height: int, width: int, side: float, waves: Spectrum) -> Floats:
        """The pattern over an image, (height, width), of variance 1. A tile is centred on the image's centre."""
        grid = np.zeros((2 * FASTEST + 1, FASTEST + 1), np.complex64)
        grid[self.y + FASTEST, self.x] = waves
        down = swings(height, side, np.arange(-FASTEST, FASTEST + 1))
        across = swings(width, side, np.arange(FASTEST + 1))
        left = down @ grid
        drawn = left.real @ across.real.T - left.imag @ across.imag.T
        scaled: Floats = (drawn * sqrt(2 / len(self.x))).astype(np.float32)
        return scaled


def make_tile(chips: int, key: bytes) -> Tile:
    """The tile for so many chips. The same key gives the same one with every version of every library."""
    across, down = np.meshgrid(np.arange(FASTEST + 1), np.arange(-FASTEST, FASTEST + 1))
    radius = np.hypot(across, down)
    # A wave and the one of the opposite direction are the same.
    chosen = (radius >= SLOWEST) & (radius <= FASTEST) & ((across > 0) | (down > 0))
    x, y = across[chosen], down[chosen]
    drawn = np.frombuffer(shake_256(key).digest(4 * (2 * len(x) + chips)), "<u4")
    order, turns, signs = np.split(drawn, [len(x), 2 * len(x)])
    mixed = np.argsort(order, kind="stable")
    return Tile(
        x=x,
        y=y,
        phases=np.exp(2j * np.pi * (turns / 2**32)).astype(np.complex64),
        signs=1 - 2 * (signs & 1).astype(np.float64),
        fixed=np.sort(mixed[chips // 2 :]),
        marked=mixed[: chips // 2],
    )


def swings(length: int, side: float, frequencies: npt.NDArray[np.int64]) -> Spectrum:
    """Waves along an axis, (length, frequencies), from its centre."""
    places = np.arange(length) - length / 2
    waves: Spectrum = np.exp(2j * np.pi * np.outer(places, frequencies / side)).astype(np.complex64)
    return waves
