"""Points on the skin that the reference encoder finds in a picture, and where a code and a view put them."""

from dataclasses import dataclass

import numpy as np

from pipelines.embedded.people.arrays import Floats, Ints
from pipelines.embedded.people.code import Coder
from pipelines.embedded.people.head import EXPRESSION_UNITS, MOUTH, Head
from pipelines.embedded.people.pose import (
    CAMERA_DISTANCE,
    CENTRE_Y,
    PIVOT,
    magnification,
    neck_share,
    rotation,
)
from pipelines.embedded.people.view import View

COUNT = 240
CAMERA = (
    "yaw",
    "pitch",
    "roll",
    "body_yaw",
    "zoom",
    "shift_x",
    "shift_y",
    *EXPRESSION_UNITS,
)
"""What moves the points apart from the person, (12,): angles in degrees, shifts in decimetres."""


def camera_of(view: View) -> Floats:
    """The view's numbers (12,), in the order of `CAMERA`."""
    angles = [view.yaw, view.pitch, view.roll, view.body_yaw]
    return np.array([*angles, view.zoom, view.shift_x, view.shift_y, *view.expression], np.float64)


def choose_points(head: Head, count: int = COUNT) -> Ints:
    """Chooses vertices (count,) spread over face, ears and neck, closer together around eyes, nose and mouth."""
    base = head.base
    on_face = (base[:, 1] > 5.9) & (base[:, 2] > -0.3) & (head.marks[:, MOUTH] < 0.5)
    candidates = np.flatnonzero(on_face & np.isin(np.arange(len(base)), head.triangles))
    places = base[candidates]
    near = np.linalg.norm(places - np.array([0.0, 7.0, 1.5], np.float32), axis=1)
    dense = 1 + 1.5 / (1 + np.exp((near - 0.8) / 0.1))
    chosen = [int(np.argmax(places[:, 2]))]  # the nose's tip
    away = np.full(len(places), np.inf)
    while len(chosen) < count:
        away = np.minimum(away, np.linalg.norm(places - places[chosen[-1]], axis=1))
        chosen.append(int(np.argmax(away * dense)))
    return np.asarray(candidates[np.sort(chosen)], np.int32)


@dataclass(frozen=True)
class Points:
    """Projects the points. Everything is in double precision, since a fit takes differences of it."""

    mean: Floats  # (N, 3) the average person's points, from the pivot
    components: Floats  # (K, N, 3) how they move with the shape's part of a code
    expressions: Floats  # (units, N, 3)

    @classmethod
    def of(cls, head: Head, coder: Coder, vertices: Ints) -> "Points":
        """Makes the points that lie at those vertices of the head."""
        basis = coder.basis
        centre = head.eyes.place(head.base).mean(0)
        pivot = np.array([0, centre[1], centre[2]]) + PIVOT
        unit = np.eye(coder.shape_size, coder.size, dtype=np.float32)
        scale = coder.unscaled(unit)  # raw coefficients of one unit of the code
        components = np.einsum("ck,knd->cnd", scale, basis.components[:, vertices].astype(np.float64))
        return cls(basis.mean[vertices] - pivot, components, head.expressions[:, vertices].astype(np.float64))

    def project(self, shapes: Floats, cameras: Floats) -> Floats:
        """Projects shapes (B, K) with cameras (B, 12) to places (B, N, 2), as fractions of the picture's side."""
        return self.screen(self.positions(shapes, cameras), cameras)

    def positions(self, shapes: Floats, cameras: Floats) -> Floats:
        """The points' positions in camera space, (B, N, 3)."""
        away = (
            self.mean
            + np.tensordot(shapes, self.components, 1)
            + np.tensordot(cameras[:, 7:], self.expressions, 1)
        )
        turn = self.turns(away, cameras)
        return np.asarray(np.einsum("bnij,bnj->bni", turn, away))

    @staticmethod
    def turns(away: Floats, cameras: Floats) -> Floats:
        """Each point's rotation, (B, N, 3, 3): the neck's is between the head's and the body's (`people.pose`)."""
        share = neck_share(away[..., 1])[..., None, None]
        head = np.stack([rotation(*camera[:3]) for camera in cameras])[:, None]
        body = np.stack([rotation(camera[3], 0, 0) for camera in cameras])[:, None]
        return np.asarray(body * (1 - share) + head * share)

    @staticmethod
    def screen(positions: Floats, cameras: Floats) -> Floats:
        """The places (B, N, 2) of positions (B, N, 3), as fractions of the picture's side."""
        zoom, shift = cameras[:, 4, None], cameras[:, None, 5:7]
        scale = magnification(CAMERA_DISTANCE - positions[..., 2], zoom)
        seen = (positions[..., :2] - [0, CENTRE_Y] - shift) * scale[..., None]
        return np.asarray(seen * [1, -1] + 0.5)

    @staticmethod
    def screen_slopes(positions: Floats, camera: Floats) -> Floats:
        """How the places of `screen` change with the positions (N, 3), for one camera (12,): (N, 2, 3)."""
        away = CAMERA_DISTANCE - positions[:, 2]
        scale = magnification(away, camera[4])
        x, y = (positions[:, :2] - [0, CENTRE_Y] - camera[5:7]).T
        none = np.zeros_like(x)
        slopes = scale * np.array([[1 + none, none, x / away], [none, -1 + none, -y / away]])
        return np.asarray(slopes.transpose(2, 0, 1))
