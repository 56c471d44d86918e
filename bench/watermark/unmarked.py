"""How often a number is found in images that have none."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from bench.watermark.changes import coded
from bench.watermark.pictures import of_folder, rendered, shipped
from pipelines.watermark.planes import Pixels
from pipelines.watermark.spread import SpreadSpectrum

_SIZES = (96, 128, 192, 256, 256, 384, 512)
"""Pixels a side. Larger images are read at 512 pixels."""


def unmarked(images: int, seed: int, processes: int, renders: int, folder: Path | None) -> None:
    """A quarter each: pieces of pictures, pieces of renders, noise with the spectrum of pictures, and patterns that
    repeat, as the watermark does."""
    with TemporaryDirectory(prefix="likeness-bench-") as own:
        for number, image in enumerate(rendered(512, renders)):
            image.save(Path(own) / f"{number}.png")
        with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
            share = [images // processes + (number < images % processes) for number in range(processes)]
            seeds = range(seed, seed + processes)
            count = partial(_count, folder, Path(own))
            looked, found = Counter[str](), Counter[str]()
            for one, other in pool.map(count, share, seeds):
                looked += one
                found += other
    for kind, number in looked.items():
        print(f"{kind}: {found[kind]} of {number} unmarked images have a number")
    print(f"all: {found.total()} of {looked.total()}")


def _count(folder: Path | None, renders: Path, images: int, seed: int) -> tuple[Counter[str], Counter[str]]:
    draw = np.random.default_rng(seed)
    pictures, own = [*shipped(), *(of_folder(folder) if folder else ())], of_folder(renders)
    kinds: dict[str, Callable[[int], Pixels]] = {
        "pictures": lambda size: _piece(pictures, size, draw),
        "renders": lambda size: _piece(own, size, draw),
        "noise": lambda size: _noise(size, draw),
        "patterns": lambda size: _pattern(size, draw),
    }
    if not own:
        del kinds["renders"]
    mark, looked, found = SpreadSpectrum(), Counter[str](), Counter[str]()
    for number in range(images):
        kind = list(kinds)[number % len(kinds)]
        looked[kind] += 1
        found[kind] += mark.find(kinds[kind](int(draw.choice(_SIZES)))) is not None
        if (number + 1) % 500 == 0:
            print(f"seed {seed}: {found.total()} of {number + 1}", flush=True)
    return looked, found


def _piece(pictures: list[Image.Image], size: int, draw: np.random.Generator) -> Pixels:
    """A square of one of them, mirrored or not, brighter or darker, perhaps through JPEG."""
    picture = pictures[draw.integers(len(pictures))]
    side = int(draw.integers(min(*picture.size, 128), min(picture.size) + 1))
    x, y = (int(draw.integers(length - side + 1)) for length in picture.size)
    piece = picture.resize((size, size), Image.Resampling.BICUBIC, (x, y, x + side, y + side))
    if draw.random() < 0.5:
        piece = coded("JPEG", int(draw.integers(60, 96)))(piece)
    pixels = np.asarray(piece)[:, :: int(draw.choice([1, -1]))].astype(float)
    return np.clip(pixels * draw.uniform(0.6, 1.4), 0, 255).astype(np.uint8)


def _noise(size: int, draw: np.random.Generator) -> Pixels:
    """Noise whose power falls with frequency, slowly or fast."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None])
    frequency[0, 0] = 1
    plane = np.fft.ifft2(np.fft.fft2(draw.normal(size=(size, size))) / frequency ** draw.uniform(0, 1.5)).real
    return _grey(128 + plane / plane.std() * draw.uniform(5, 60))


def _pattern(size: int, draw: np.random.Generator) -> Pixels:
    """A random tile, repeated, or a few waves; soft or of two levels."""
    if draw.random() < 0.5:
        tile = draw.normal(size=(int(draw.integers(4, 80)), int(draw.integers(4, 80))))
        plane = np.tile(tile, (size // tile.shape[0] + 1, size // tile.shape[1] + 1))[:size, :size]
    else:
        y, x = np.mgrid[:size, :size]
        turns = [draw.uniform(-0.4, 0.4, 2) for _ in range(draw.integers(1, 6))]
        plane = np.sum([np.sin(2 * np.pi * (x * across + y * down)) for across, down in turns], axis=0)
    if draw.random() < 0.3:
        plane = np.sign(plane)
    return _grey(128 + plane * draw.uniform(5, 60))


def _grey(plane: np.ndarray) -> Pixels:
    return np.repeat(np.clip(plane, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
