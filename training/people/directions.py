"""How a code changes with sex, age, weight and ancestry: a linear regression over people."""

import numpy as np

from pipelines.embedded.appearance.factors import FACTORS, Directions
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.code import Coder, part


def fit_directions(coder: Coder, shapes: Floats, looks: Floats) -> Directions:
    """Least squares over people with the raw coefficients `shapes` (M, K) and `looks` (M, LOOKS_SIZE)."""
    codes = coder.join(shapes, looks)
    factors = np.concatenate([looks[:, part(name)] for name in FACTORS], 1).astype(np.float64)
    # The three ancestries add up to 1, so that only their differences have slopes. Of all solutions lstsq
    # takes the smallest, in which the three slopes add up to 0; rounding mustn't count as a fourth ancestry.
    slopes, *_ = np.linalg.lstsq(factors - factors.mean(0), codes - codes.mean(0, np.float64), rcond=1e-5)
    return Directions(slopes.astype(np.float32), codes.min(0), codes.max(0))
