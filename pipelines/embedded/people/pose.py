"""Turns a figure as a view asks and projects it: from the rest pose to the camera's picture."""

from dataclasses import dataclass

import numpy as np

from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.head import Figure
from pipelines.embedded.people.normals import vertex_normals
from pipelines.embedded.people.view import View

CAMERA_DISTANCE = 11.0  # decimetres from the head's pivot: a portrait lens
FRAME = 2.95  # decimetres that the picture's side shows at zoom 1
PIVOT = np.array([0.0, -1.45, -1.0], np.float32)  # from between the eyes to where the neck turns
CENTRE_Y = 1.02  # height above the pivot of the middle of a view without shift


@dataclass(frozen=True)
class Posed:
    """A figure in front of the camera. In camera space, the pivot is the origin, and z points to the camera."""

    positions: Floats  # (P, 3)
    normals: Floats  # (P, 3) unit vectors
    screen: Floats  # (P, 3): x and y as parts of the picture's side (0 to 1 is inside), depth in decimetres
    camera: Floats  # (3,)


def rotation(yaw: float, pitch: float, roll: float) -> Floats:
    """The rotation (3, 3) by degrees. Yaw turns to the picture's right, pitch up, roll counterclockwise."""
    y, p, r = np.deg2rad([yaw, -pitch, roll])
    turn = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    nod = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    tilt = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return np.asarray(turn @ nod @ tilt, np.float32)


def neck_share(height: Floats) -> Floats:
    """How far a point turns with the head, 0 to 1: not at all at the collarbones, fully at the chin, and in between
    on the neck. Heights are above the pivot, in decimetres, in any shape."""
    share = np.clip((height + 0.28) / 0.85, 0, 1)
    return np.asarray(share * share * (3 - 2 * share))


def magnification(depth: float | Floats, zoom: float | Floats) -> Floats:
    """The fraction of the picture's side that a decimetre takes up, at a depth in decimetres from the camera."""
    return np.asarray((CAMERA_DISTANCE - 0.4) / FRAME * zoom / depth)


def pose(figure: Figure, view: View) -> Posed:
    """Turns head and body as the view asks, and projects the figure."""
    pivot = np.array([0, figure.eye_centre[1], figure.eye_centre[2]], np.float32) + PIVOT
    away = figure.positions - pivot
    share = neck_share(away[:, 1])[:, None]
    head = rotation(view.yaw, view.pitch, view.roll)
    positions = away @ rotation(view.body_yaw, 0, 0).T * (1 - share) + away @ head.T * share
    positions = np.ascontiguousarray(positions, np.float32)
    normals = vertex_normals(positions, figure.triangles)
    if figure.first_hair < len(positions):
        _round_hair(normals[figure.first_hair :], positions[figure.first_hair :], head)
    camera = np.array([view.shift_x, 0.95 + view.shift_y, CAMERA_DISTANCE], np.float32)
    depth = CAMERA_DISTANCE - positions[:, 2]
    scale = magnification(depth, view.zoom)
    screen = np.empty_like(positions)
    screen[:, 0] = 0.5 + (positions[:, 0] - view.shift_x) * scale
    screen[:, 1] = 0.5 - (positions[:, 1] - CENTRE_Y - view.shift_y) * scale
    screen[:, 2] = depth + figure.set_back
    return Posed(positions, normals, screen, camera)


def _round_hair(normals: Floats, positions: Floats, head: Floats) -> None:
    """Rounds hair's normals, in place. Hair is cards that face anywhere; lit as a ball around the head, it looks
    like one mass."""
    radial = positions - np.array([0, 1.3, 0.05], np.float32) @ head.T
    radial[:, 1] *= 0.6
    radial /= np.linalg.norm(radial, axis=1, keepdims=True) + 1e-6
    outward = np.sign((normals * radial).sum(1, keepdims=True))
    mixed = normals * outward * 0.45 + radial * 0.55
    normals[:] = mixed / (np.linalg.norm(mixed, axis=1, keepdims=True) + 1e-6)
