"""Converts colours between linear light, which adds up, and sRGB, which is shown."""

import colorsys

import numpy as np

from pipelines.embedded.people.arrays import Floats


def linear(rgb: object) -> Floats:
    """Converts sRGB, 0 to 255, to linear light, 0 to 1."""
    return np.asarray((np.clip(np.asarray(rgb, np.float64), 4, 252) / 255) ** 2.2, np.float32)


def to_srgb(light: Floats) -> Floats:
    """Converts linear light to sRGB, 0 to 1."""
    return np.asarray(np.clip(light, 0, 1) ** (1 / 2.2), np.float32)


def any_colour(rng: np.random.Generator) -> Floats:
    """Draws a colour that a wall or a shirt can have, mostly a muted one, as linear light."""
    hue, saturation, value = rng.uniform(0, 1), rng.beta(1.2, 2.2) * 0.78, rng.uniform(0.12, 0.94)
    return linear(np.array(colorsys.hsv_to_rgb(hue, saturation, value)) * 255)
