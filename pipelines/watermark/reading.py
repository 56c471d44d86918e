"""Reads a tile's waves from an image that may have been scaled and cropped."""

from collections.abc import Iterator, Sequence
from math import ceil, log, sqrt

import numpy as np
from PIL import Image

from pipelines.watermark.pattern import FASTEST, Floats, Spectrum, Tile, strength, swings, tile_side
from pipelines.watermark.planes import Pixels, blurred, brightness, roughness, scaled

_WORKING = 512
"""Larger images are read at this size (the side of a square of their area), and long ones in their middle."""
_SMALLEST, _LARGEST = 0.5, 1.35
"""The tile's side that is looked for, relative to the one that an image of this size would be marked with: the root
of how much it was scaled by how much was left of it. From a scaling to a quarter, to a crop to 55 %."""
_GRID = 96
"""Places of the tile that are looked at, along each axis."""
_LOST = 2.5
"""How much of the details, in levels of 255, is lost in JPEG and WebP of usual qualities."""
_LOUDEST = 2.0
"""A wave louder than so many times the mean of its frequency is the picture's own."""


def waves_of(pixels: Pixels, tile: Tile) -> Spectrum:
    """The waves of an image that was neither scaled nor cropped, (waves,), each with a mean power of about 1."""
    plane, side = _details(pixels)
    return _evened(next(_spectra(plane, [side], tile)), tile)


def candidates(pixels: Pixels, tile: Tile, count: int) -> list[Spectrum]:
    """The waves at the likeliest sizes and places of the tile, the likeliest first: `count` times (waves,)."""
    plane, side = _details(pixels)
    # Sizes so near each other that the fastest wave is half a period off at the ends of the image.
    step = 0.45 / FASTEST * min(side / max(plane.shape), 1 / 3)
    sizes = np.geomspace(_SMALLEST, _LARGEST, ceil(log(_LARGEST / _SMALLEST) / step))
    spectra = [_evened(waves, tile) for waves in _spectra(plane, (side * sizes).tolist(), tile)]
    found = []
    for number, waves in enumerate(spectra):
        fit = _at_each_place(waves, tile)
        place = int(fit.argmax())
        found.append((-float(fit.flat[place]), number, place))
    likeliest = []
    for _, number, place in sorted(found)[:count]:
        down, across = divmod(place, _GRID)
        turns = np.exp(2j * np.pi / _GRID * (tile.x * across + tile.y * down)).astype(np.complex64)
        likeliest.append(spectra[number] * turns)
    return likeliest


def _details(pixels: Pixels) -> tuple[Floats, float]:
    """The image's details, as far as they tell of the mark, and the side of the tile that it would be marked
    with."""
    height, width = pixels.shape[:2]
    by = max(1.0, sqrt(height * width) / _WORKING)
    if by >= 2:  # whole pixels first, in 8 bits: a large image takes little memory
        pixels = np.asarray(Image.fromarray(pixels).reduce(int(by)))
    plane = brightness(pixels)
    if by > 1:
        plane = scaled(plane, max(1, round(height / by)), max(1, round(width / by)))
    top, left = (max(0, length - 2 * _WORKING) // 2 for length in plane.shape)
    plane = plane[top : top + 2 * _WORKING, left : left + 2 * _WORKING]
    side = tile_side(height, width) / by
    fine = plane - blurred(plane, side / 6)
    rough = roughness(fine, side / 6)
    # Each place counts by how strong the mark is there, and how strong all else that is there: the picture's own
    # details, and what was lost when it was saved.
    weight = strength(rough) / (rough**2 + _LOST**2)
    fine = np.clip(fine, -2.5 * (rough + 1), 2.5 * (rough + 1)) * weight
    return fine * np.outer(_faded(fine.shape[0]), _faded(fine.shape[1])), side


def _faded(length: int) -> Floats:
    """A window along an axis that fades out at both ends, so that the image's edges aren't heard in all waves."""
    ends = max(1, length // 16)
    window = np.ones(length, np.float32)
    window[:ends] = np.sin((np.arange(ends) + 0.5) / ends * (np.pi / 2)) ** 2
    window[length - ends :] = window[:ends][::-1]
    return window


def _spectra(plane: Floats, sides: Sequence[float], tile: Tile) -> Iterator[Spectrum]:
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
