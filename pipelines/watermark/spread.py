"""A watermark of our own, by spread spectrum. It needs no weights."""

from collections.abc import Iterator
from math import ceil, log, sqrt

import numpy as np
import numpy.typing as npt

from pipelines.watermark.code import Chips, Code
from pipelines.watermark.pattern import FASTEST, Floats, Spectrum, Tile, make_tile, swings, tile_side
from pipelines.watermark.planes import blurred, brightness, check, roughness, scaled

Pixels = npt.NDArray[np.uint8]

_CODE = Code(61, 9, (0o1671, 0o1223, 0o1357, 0o1145, 0o1755, 0o1233, 0o1615, 0o1047))
_KEY = b"likeness watermark 1"

_FLAT, _ROUGH, _MOST = 1.0, 0.2, 3.0
"""The pattern's strength in levels of 255: on flat ground, for each level of roughness, at most."""

_CANDIDATES = 12
"""How many places and sizes of the tile are tried, of all that are searched."""
FALSE_POSITIVES = 1e-6
"""The most that the probability to find a number in an unmarked image may be."""


class SpreadSpectrum:
    """Adds a faint pattern to the brightness, everywhere, stronger where there is texture.

    Survives JPEG, WebP, scaling and cropping, and these together, as bench/RESULTS.md says. Survives no rotation,
    no mirroring and no change of proportions.
    """

    algorithm = "org.likeness.spread.1"
    bits = _CODE.bits

    def __init__(self, code: Code = _CODE, key: bytes = _KEY) -> None:
        self.bits = code.bits
        self._code = code
        self._tile = make_tile(code.length, key)

    def embed(self, pixels: Pixels, number: int) -> Pixels:
        """Marked pixels. What is smaller than about 200 pixels is marked, too, but it can't always be read."""
        plane = brightness(pixels)
        chips = self._code.encode(number)
        height, width = plane.shape
        side = tile_side(height, width)
        fine = plane - blurred(plane, side / 8)
        strength = np.clip(_FLAT + _ROUGH * roughness(fine, side / 8), _FLAT, _MOST)
        added = strength * self._tile.drawn(height, width, side, self._tile.waves(chips))
        marked: Pixels = np.clip(np.rint(pixels + added[:, :, None]), 0, 255).astype(np.uint8)
        return marked

    def find(self, pixels: Pixels) -> int | None:
        check(pixels)
        for values in _candidates(pixels, self._tile):
            number = self._code.decode(values)
            if self._code.encode(number) @ values > least_score(self.bits) * np.linalg.norm(values):
                return number
        return None


def least_score(bits: int, candidates: int = _CANDIDATES) -> float:
    """From which score on a number is taken as found: its word times what was read, divided by the latter's norm.

    By Hoeffding's inequality, chips with random signs reach a score of s for one word with a probability of at most
    exp(-s²/2), whatever the picture. All words and all candidates together are the factor. The candidates
    are chosen by waves that have no chips, so this isn't changed by choosing the best.
    """
    return sqrt(2 * (bits * log(2) + log(candidates / FALSE_POSITIVES)))


_WORKING = 512
"""Larger images are read at this size (the side of a square of their area)."""
_SMALLEST, _LARGEST = 0.5, 1.35
"""The tile's side in what is read, relative to what it would be if the image had been marked at this size: the root
of how much it was scaled by what was left when it was cropped. From a scaling to a quarter, to a crop to 55 %."""
_GRID = 96
"""Places of the tile that are looked at, along each axis."""
_LOUDEST = 2.0
"""A wave louder than so many times the mean of its frequency is the picture's own."""


def _candidates(pixels: Pixels, tile: Tile) -> Iterator[Chips]:
    """What the waves say at the likeliest sizes and places of the tile, the likeliest first."""
    plane, side = _whitened(pixels)
    tiles = sqrt(plane.size) / side
    # Two neighbours differ by half a period of the fastest wave at the image's ends.
    step = 0.45 / (FASTEST * max(tiles, 3))
    count = ceil(log(_LARGEST / _SMALLEST) / step)
    sides = side * np.geomspace(_SMALLEST, _LARGEST, count)
    spectra = [_evened(waves, tile) for waves in _spectra(plane, sides, tile)]
    found = []
    for number, waves in enumerate(spectra):
        likeness = _at_each_place(waves, tile)
        place = int(likeness.argmax())
        found.append((-float(likeness.flat[place]), number, place))
    for _, number, place in sorted(found)[:_CANDIDATES]:
        down, across = divmod(place, _GRID)
        turns = np.exp(2j * np.pi / _GRID * (tile.x * across + tile.y * down)).astype(np.complex64)
        yield tile.chips(spectra[number] * turns)


def _whitened(pixels: Pixels) -> tuple[Floats, float]:
    """The image's details, as strong everywhere, and the side of the tile that it would be marked with."""
    plane = brightness(pixels)
    height, width = plane.shape
    side = tile_side(height, width)
    by = max(1.0, sqrt(height * width) / _WORKING)
    if by > 1:
        plane = scaled(plane, max(1, round(height / by)), max(1, round(width / by)))
        side /= by
    fine = plane - blurred(plane, side / 6)
    fine = np.clip(fine / (roughness(fine, side / 6) + 1), -2.5, 2.5)
    return fine * np.outer(_faded(fine.shape[0]), _faded(fine.shape[1])), side


def _faded(length: int) -> Floats:
    """A window along an axis that fades out at both ends, so that the image's edges aren't heard in all waves."""
    ends = max(1, length // 16)
    window = np.ones(length, np.float32)
    window[:ends] = np.sin((np.arange(ends) + 0.5) / ends * (np.pi / 2)) ** 2
    window[length - ends :] = np.minimum(window[length - ends :], window[:ends][::-1])
    return window


def _spectra(plane: Floats, sides: npt.NDArray[np.float64], tile: Tile) -> Iterator[Spectrum]:
    """The plane's waves, (waves,), for each side of the tile."""
    height, width = plane.shape
    for side in sides:
        across = swings(width, side, np.arange(FASTEST + 1))
        down = swings(height, side, np.arange(-FASTEST, FASTEST + 1))
        rows = (plane @ across.real) - 1j * (plane @ across.imag)
        yield (down.conj().T @ rows)[tile.y + FASTEST, tile.x]


def _evened(waves: Spectrum, tile: Tile) -> Spectrum:
    """All frequencies as loud as the others, and none of a frequency's waves much louder than its others."""
    rings = np.rint(np.hypot(tile.x, tile.y)).astype(np.int64)
    power = np.bincount(rings, np.abs(waves) ** 2) / np.maximum(np.bincount(rings), 1)
    evened = waves / np.maximum(np.sqrt(power[rings]), 1e-6)
    limits = np.minimum(1, _LOUDEST / np.maximum(np.abs(evened), 1e-6))
    limited: Spectrum = (evened * limits).astype(np.complex64)
    return limited


def _at_each_place(waves: Spectrum, tile: Tile) -> Floats:
    """How well the fixed waves fit with the tile at each place, (grid, grid), in standard deviations of chance."""
    grid = np.zeros((_GRID, _GRID), np.complex64)
    fixed = waves[tile.fixed]
    grid[tile.y[tile.fixed] % _GRID, tile.x[tile.fixed]] = fixed * tile.phases[tile.fixed].conj()
    noise = sqrt(float((np.abs(fixed) ** 2).sum()) / 2)
    fits: Floats = (np.fft.ifft2(grid).real * (_GRID**2 / max(noise, 1e-6))).astype(np.float32)
    return fits
