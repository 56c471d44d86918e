"""Fits a face's shape to points found in pictures: least squares over the shape basis and the views.

Numbers that a network reads from a picture are blurred towards the average person; places in the picture are
not. The shape that best explains the places in all references, under the prior that people follow, keeps what
differs. As in Wood et al., "3D Face Reconstruction with Dense Landmarks" (ECCV 2022).
"""

from dataclasses import dataclass

import numpy as np

from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.points import CAMERA, Points

USUAL = np.array([0, 0, 0, 0, 1.0, 0, -0.1, 0.2, 0.1, 0.1, 0.1, 0.05])
LOOSE = np.array([30, 12, 4, 20, 0.25, 0.15, 0.4, 0.35, 0.2, 0.3, 0.25, 0.15])
"""Mean and spread of `people.points.CAMERA` over all views."""
NUDGE = np.array([0.05, 0.05, 0.05, 0.05, 1e-3, 1e-3, 1e-3, *[1e-2] * 5])


@dataclass(frozen=True)
class Found:
    """The points found in one picture."""

    places: Floats  # (N, 2) as fractions of the picture's side
    spread: Floats  # (N,) standard deviation, in the same unit


def fit_shape(
    points: Points,
    prior: Floats,
    found: list[Found],
    *,
    trust: float = 1.0,
    rounds: int = 12,
    near: Floats | None = None,
) -> tuple[Floats, Floats]:
    """Fits the shape (K,) of the one person in all pictures, and the pictures' cameras (P, 12).

    `prior` (K,) is the spread of the shape's numbers between people. `trust` scales the points' weight: they err
    together, so they carry less information than their number suggests. `near` (P, 12) are cameras that are nearly
    right, if there are any: a few rounds do from there.
    """
    count, size = len(found), len(prior)
    shape = np.zeros(size)
    cameras = np.tile(USUAL, (count, 1)) if near is None else near.astype(np.float64)
    weights = [np.sqrt(trust) / np.repeat(one.spread, 2) for one in found]
    unknown = size + count * len(CAMERA)
    for turn in range(rounds):
        tied = near is None and turn < 4  # first only the cameras: the pose is far off, the shape isn't
        normal, pull = np.zeros((unknown, unknown)), np.zeros(unknown)
        normal[np.arange(size), np.arange(size)] = 1 / prior**2
        pull[:size] = -shape / prior**2
        for number, one in enumerate(found):
            seen, slopes = _slopes(points, shape, cameras[number])
            off, weight = (one.places - seen).ravel(), weights[number]
            if not tied:
                weight = weight / np.maximum(1, np.abs(off * weight) / 2)  # Huber: strays count less
            off, slopes = off * weight, slopes * weight[:, None]
            own = slice(size + number * len(CAMERA), size + (number + 1) * len(CAMERA))
            here = np.r_[0:size, own]
            normal[np.ix_(here, here)] += slopes.T @ slopes
            pull[here] += slopes.T @ off
            normal[own, own] += np.diag(1 / LOOSE**2)
            pull[own] += (USUAL - cameras[number]) / LOOSE**2
        free = np.r_[size:unknown] if tied else np.r_[0:unknown]
        move = np.zeros(unknown)
        move[free] = np.linalg.solve(normal[np.ix_(free, free)], pull[free])
        shape = shape + move[:size]
        cameras = cameras + move[size:].reshape(count, -1)
        cameras[:, :4] = np.clip(cameras[:, :4], -90, 90)
        cameras[:, 4] = np.clip(cameras[:, 4], 0.3, 4)
    return shape, cameras


def _slopes(points: Points, shape: Floats, camera: Floats) -> tuple[Floats, Floats]:
    """The points' places (N, 2), and how they move with shape and camera: (2N, K + 12)."""
    nudged = camera + np.concatenate([np.zeros((1, len(NUDGE))), np.diag(NUDGE)])
    seen = points.project(np.broadcast_to(shape, (len(nudged), len(shape))), nudged)
    by_camera = (seen[1:] - seen[0]) / NUDGE[:, None, None]
    # The shape is linear except for the perspective: turn its components, and shrink them with distance.
    away = (
        points.mean
        + np.tensordot(shape, points.components, 1)
        + np.tensordot(camera[7:], points.expressions, 1)
    )
    turns = points.turns(away[None], camera[None])[0]
    position = np.einsum("nij,nj->ni", turns, away)
    moved = turns @ points.components.transpose(1, 2, 0)  # (N, 3, K)
    by_shape = points.screen_slopes(position, camera) @ moved  # (N, 2, K)
    slopes = np.concatenate([by_shape, by_camera.transpose(1, 2, 0)], 2)
    return seen[0], slopes.reshape(-1, slopes.shape[2])
