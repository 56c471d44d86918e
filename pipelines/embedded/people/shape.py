"""The shape of a head as few numbers: principal components over many people who don't exist."""

from dataclasses import dataclass

import numpy as np

from pipelines.embedded.people.arrays import Floats


@dataclass(frozen=True)
class ShapeBasis:
    """body = mean + coefficients · components, with the eyes' centre always in the same place."""

    mean: Floats  # (N, 3)
    components: Floats  # (K, N, 3)
    spread: Floats  # (K,) standard deviations of the coefficients, largest first

    def body(self, coefficients: Floats) -> Floats:
        """(…, K) → (…, N, 3); many at once are far cheaper than one after the other."""
        flat = coefficients @ self.components.reshape(len(self.components), -1)
        return np.asarray(self.mean + flat.reshape(*coefficients.shape[:-1], *self.mean.shape), np.float32)
