"""Where a view shows the head: known in training, found by `HeadFinder` in a reference."""

import numpy as np

from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.pose import CAMERA_DISTANCE, CENTRE_Y, magnification, rotation
from pipelines.embedded.people.view import View

HEAD_CENTRE = np.array([0.0, 1.25, 0.75], np.float32)  # from the neck's pivot, in decimetres: behind the nose
HEAD_SIDE = 2.45  # decimetres: hair, chin and both ears


def head_box(view: View) -> Floats:
    """Centre x, y and side of the square around the head, in parts of the picture's side: (3,)."""
    x, y, z = rotation(view.yaw, view.pitch, view.roll) @ HEAD_CENTRE
    scale = magnification(CAMERA_DISTANCE - z, view.zoom)
    return np.array(
        [
            0.5 + (x - view.shift_x) * scale,
            0.5 - (y - CENTRE_Y - view.shift_y) * scale,
            HEAD_SIDE * scale,
        ],
        np.float32,
    )
