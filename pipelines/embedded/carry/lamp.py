"""Fits the light that a reference was taken in: the lamp, sky and ground under which its skin looks as it does."""

from collections.abc import Iterator

import numpy as np

from pipelines.embedded.drawing.light import Light, Parts, parts_of_light, shadow_map
from pipelines.embedded.drawing.samples import Samples, Scene
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.raster import Rasteriser

_AZIMUTHS, _ELEVATIONS = range(-150, 180, 30), (10, 32, 54)  # degrees
_STEPS = (14, 7)
_SHADOW_SIZE = 128
_STRAY = 0.10  # of the mean brightness: samples that are further off count less
_WORST = 0.5  # and samples that are further off than this count no more than this
_USUAL = np.array([0.45, 0.30, 0.80])  # sky, ground, lamp
_DARKEST = 1e-3  # mean brightness below which a picture counts as black
_PULL = 0.004  # towards the usual light


def fit_light(
    scene: Scene, samples: Samples, albedo: Floats, seen: Floats, rasteriser: Rasteriser
) -> tuple[Light, float]:
    """The light under which samples of plain skin with that albedo (n, 3) look most like `seen` (n, 3, linear).

    Also returns the relative error that remains.
    """
    level = max(float(seen.mean()), _DARKEST)

    def tried(azimuth: float, elevation: float, *, shadows: bool) -> tuple[float, Light]:
        one = np.ones(3, np.float32)
        towards = Light(azimuth, elevation, one, one, one).towards()
        shadow = shadow_map(scene.figure, scene.posed, towards, rasteriser, _SHADOW_SIZE) if shadows else None
        parts = parts_of_light(samples, towards, shadow)
        weight = np.ones(len(seen))
        for _ in range(2):
            strengths, left = _solved(parts, albedo, seen, weight)
            size = np.abs(left).mean(1) / level
            weight = 1 / np.maximum(1, size / _STRAY)
        sky, ground, lamp = strengths.T.astype(np.float32)
        return float(np.minimum(size, _WORST).mean()), Light(azimuth, elevation, lamp, sky, ground)

    def best(tries: Iterator[tuple[float, Light]], count: int) -> list[tuple[float, Light]]:
        return sorted(tries, key=lambda one: one[0])[:count]

    found = best((tried(a, e, shadows=False) for a in _AZIMUTHS for e in _ELEVATIONS), 6)
    found = best((tried(one.azimuth, one.elevation, shadows=True) for _, one in found), 2)
    for step in _STEPS:
        _, middle = found[0]
        around = [(step, 0), (-step, 0), (0, step), (0, -step)]
        more = [
            tried(middle.azimuth + a, min(max(middle.elevation + e, 0), 70), shadows=True) for a, e in around
        ]
        found = best(iter(found + more), 2)
    error, light = found[0]
    return light, error


def _solved(parts: Parts, albedo: Floats, seen: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Strengths (channel, source) by ridge regression, and the residuals (n, 3)."""
    strengths, left = np.empty((3, 3)), np.empty_like(seen)
    for c in range(3):
        x = np.stack([parts.sky, parts.ground, parts.lamp[:, c]], 1) * albedo[:, c : c + 1]
        weighed = x * weight[:, None]
        ridge = len(x) * _PULL * np.mean(x**2)
        solved = np.linalg.solve(weighed.T @ x + ridge * np.eye(3), weighed.T @ seen[:, c] + ridge * _USUAL)
        strengths[c] = np.clip(solved, 0.03, 3)
        left[:, c] = seen[:, c] - x @ strengths[c]
    return strengths, left
