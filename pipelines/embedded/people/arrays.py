"""Names for the arrays that describe meshes and rasters."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.int32]
Arrays = dict[str, NDArray[Any]]
