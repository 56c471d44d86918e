"""Functions for LIKENESS_SAFETY_CLASSIFIER, by the colour of an image's first pixel."""

import os
import signal
import time
from typing import Any

from PIL import Image, ImageColor

READINGS: dict[str, dict[str, Any]] = {
    "red": {"nudity": "explicit", "score": 0.97, "apparentMinor": "no"},
    "green": {"nudity": "suggestive", "score": 0.7, "apparentMinor": "no"},
    "magenta": {"nudity": "suggestive", "score": 0.6, "apparentMinor": "yes"},
    "orange": {"nudity": "none", "score": 0.9, "apparentMinor": "yes"},
    "gray": {"nudity": "none", "score": float("nan")},
    "silver": {"nudity": "perhaps", "score": 0.5},
}
"""All other colours are harmless, but for two."""
HANGS, CRASHES = "white", "black"


def by_colour(image: Image.Image) -> dict[str, Any]:
    pixel = image.getpixel((0, 0))
    if pixel == ImageColor.getrgb(HANGS):
        time.sleep(60)
    if pixel == ImageColor.getrgb(CRASHES):
        os.kill(os.getpid(), signal.SIGKILL)
    for name, reading in READINGS.items():
        if pixel == ImageColor.getrgb(name):
            return reading
    return {"nudity": "none", "score": 0.99}
