"""The shape of a head as a few numbers: principal components over many synthetic people."""

from dataclasses import dataclass

import numpy as np

from pipelines.embedded.people.arrays import Floats


@dataclass(frozen=True)
class ShapeBasis:
    """A basis of shapes: body = mean + coefficients · components. The eyes' centre is always in the same place."""

    mean: Floats  # (N, 3)
    components: Floats  # (K, N, 3)
    spread: Floats  # (K,) standard deviations of the coefficients, largest first

    def body(self, coefficients: Floats) -> Floats:
        """Turns coefficients (…, K) into bodies (…, N, 3). Many at once are far cheaper than one by one."""
        flat = coefficients @ self.components.reshape(len(self.components), -1)
        return np.asarray(self.mean + flat.reshape(*coefficients.shape[:-1], *self.mean.shape), np.float32)
