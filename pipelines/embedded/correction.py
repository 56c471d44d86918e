"""Corrects the errors that all fits share, by a linear regression.

The points of a face err together, but a fit treats them as independent.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.embedded.people.arrays import Floats


@dataclass(frozen=True)
class Correction:
    """A linear correction, learnt from fits of training people (`training.correction`)."""

    slopes: Floats  # (K, K)
    offset: Floats  # (K,)

    def of(self, shape: Floats) -> Floats:
        """The likeliest shape (K,) of a person whose fit is `shape`."""
        return np.asarray(shape @ self.slopes + self.offset)
