"""How much a picture was changed."""

from math import inf, log10

import numpy as np

from pipelines.watermark.planes import Pixels


def psnr(one: Pixels, other: Pixels) -> float:
    """In dB."""
    error = float(np.mean((one.astype(float) - other) ** 2))
    return 10 * log10(255**2 / error) if error else inf
