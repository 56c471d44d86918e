"""Sample personas' pictures."""

from collections.abc import Callable

import numpy as np
from PIL import Image

Sample = Callable[[str, int], Image.Image]


def likeness_of_pictures(one: Image.Image, other: Image.Image) -> float:
    """The correlation of two pictures' pixels at 32 x 32, of all colours together."""
    levels = np.stack(
        [
            np.asarray(each.convert("RGB").resize((32, 32), Image.Resampling.BOX), float).ravel()
            for each in (one, other)
        ]
    )
    return float(np.corrcoef(levels)[0, 1])
