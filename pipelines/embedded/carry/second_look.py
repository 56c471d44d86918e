"""A second look at the references: draws the fitted person into each and corrects the shape by what lies elsewhere.

An optical flow between the drawing and the reference measures by how much they differ. The flow at many places of
the face is fitted as the reader's points were, around the first fit. The errors of that fit are known. Nothing is
trained.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from pipelines.embedded.carry.cameras import view_of_camera
from pipelines.embedded.carry.reference import Reference
from pipelines.embedded.drawing.albedo import albedo
from pipelines.embedded.drawing.light import Light, fall, film, shadow_map
from pipelines.embedded.drawing.samples import Kind, Samples, Scene, sampled
from pipelines.embedded.fit import Found, fit_shape
from pipelines.embedded.people.arrays import Floats, Ints
from pipelines.embedded.people.drawer import Drawer
from pipelines.embedded.people.points import Points, choose_points

_SIZE = 256
_LOOKS = 2
_PLACES = 600  # vertices
_TRUST = 0.3  # flows err together, as the reader's points do
_EXPLAINED = ((8, 0.69), (24, 0.45), (48, 0.24), (96, 0.03))
"""Up to which of the shape's numbers, and how much of their variance the first fit explains on held-out people."""
_FAR, _INCONSISTENT = 8.0, 1.0  # pixels: flows beyond these don't count
_SPREAD = 1.0  # pixels by which a flow is off where there is texture
_FLAT = 4.0  # texture, in grey levels squared, at which it is off by the square root of two times that
_TEXTURE = 5  # pixels around a place in which its texture is measured
_NOTHING = 0.5  # spread as a fraction of the side: the flow carries no information
_BEHIND = 0.08  # decimetres
_BACKDROP = 24  # pixels by which the backdrop is blurred


@dataclass(frozen=True)
class _Flow:
    """The flow of places (n,) from the drawing to the reference, in pixels of `_SIZE`."""

    places: Floats  # (n, 2) in the drawing
    moves: Floats  # (n, 2)
    spread: Floats  # (n,) fractions of the side


def second_look(
    drawer: Drawer, code: Floats, cameras: Floats, pictures: Sequence[Floats]
) -> tuple[Floats, Floats]:
    """Improves the code (CODE,) and cameras (R, 12) of the first fit.

    `pictures` are the references, (S, S, 3) each, sRGB from 0 to 1. Raises NoSkin.
    """
    size = drawer.coder.shape_size
    vertices = choose_points(drawer.head, _PLACES)
    points = Points.of(drawer.head, drawer.coder, vertices)
    first = code[:size].astype(np.float64)
    around = replace(points, mean=points.mean + np.tensordot(first, points.components, 1))
    spread = drawer.coder.prior() * _left(size)
    small = [cv2.resize(one, (_SIZE, _SIZE), interpolation=cv2.INTER_AREA) for one in pictures]
    lights: list[Light] = []
    for _ in range(_LOOKS):
        if not lights:
            lights = [Reference.of(drawer, code, *each).light for each in zip(cameras, small, strict=True)]
        flows = [
            _flow(drawer, code, camera, picture, (light, vertices))
            for camera, picture, light in zip(cameras, small, lights, strict=True)
        ]
        found = [Found((flow.places + flow.moves + 0.5) / _SIZE, flow.spread) for flow in flows]
        moved, cameras = fit_shape(around, spread, found, trust=_TRUST)
        code = np.concatenate([first + moved, code[size:]]).astype(np.float32)
    return code, cameras


def _left(size: int) -> Floats:
    """(K,) how much of the spread between people the first fit leaves."""
    left = np.ones(size)
    begin = 0
    for end, explained in _EXPLAINED:
        left[begin:end] = np.sqrt(1 - explained)
        begin = end
    return left


def _flow(drawer: Drawer, code: Floats, camera: Floats, picture: Floats, known: tuple[Light, Ints]) -> _Flow:
    light, vertices = known
    scene = Scene.of(drawer, code, view_of_camera(camera))
    samples = sampled(scene, _SIZE, drawer.rasteriser, smooth_edges=False)
    drawn, real = _grey(_drawn_into(drawer, scene, samples, picture, light)), _grey(picture)
    there = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    forward, back = there.calc(drawn, real, None), there.calc(real, drawn, None)
    screen = scene.posed.screen[vertices]
    places = screen[:, :2] * _SIZE - 0.5
    moves = _at(forward, places)
    inconsistent = np.linalg.norm(moves + _at(back, places + moves), axis=1)
    column, row = np.clip(np.round(places).astype(int), 0, _SIZE - 1).T
    depth = samples.grid(samples.at(scene.posed.screen[:, 2]), 1e9)
    seen = (screen[:, 2] <= depth[row, column] + _BEHIND) & (_facing(scene, vertices) > 0.15)
    good = seen & (inconsistent < _INCONSISTENT) & (np.linalg.norm(moves, axis=1) < _FAR)
    flat = np.sqrt(1 + _FLAT / np.maximum(_texture(drawn)[row, column], 0.01))
    spread = np.where(good, _SPREAD / _SIZE * (1 + inconsistent) * flat, _NOTHING)
    return _Flow(places, moves, spread)


def _drawn_into(drawer: Drawer, scene: Scene, samples: Samples, picture: Floats, light: Light) -> Floats:
    """The person under the reference's light, in front of its backdrop, which is known only far from the person."""
    painted = albedo(scene, samples, drawer.textures)
    shadow = shadow_map(scene.figure, scene.posed, light.towards(), drawer.rasteriser)
    on_it = fall(samples, light, shadow)
    cover = samples.grid(np.ones(len(samples.pixel), np.float32), 0.0)
    far = 1 - cv2.dilate(cover, np.ones((25, 25)))
    weight = cv2.GaussianBlur(far, (0, 0), _BACKDROP)[..., None]
    behind = cv2.GaussianBlur(picture * far[..., None], (0, 0), _BACKDROP) / (weight + 1e-3)
    out = np.where(weight > 1e-3, behind, picture)
    flat = out.reshape(-1, 3)
    flat[samples.pixel] = film(painted.colour * on_it.onto + on_it.gloss)
    cloth = samples.pixel[samples.kind == Kind.CLOTH]  # its colour isn't known
    flat[cloth] = picture.reshape(-1, 3)[cloth]
    return out


def _facing(scene: Scene, vertices: Ints) -> Floats:
    to_eye = scene.posed.camera - scene.posed.positions[vertices]
    to_eye /= np.linalg.norm(to_eye, axis=1, keepdims=True)
    return np.asarray((scene.posed.normals[vertices] * to_eye).sum(1))


def _texture(grey: np.ndarray) -> Floats:
    """(S, S) the lesser eigenvalue of the structure tensor: how much there is to see in both directions."""
    smooth = cv2.GaussianBlur(grey, (0, 0), 1).astype(np.float32)
    x, y = (cv2.Sobel(smooth, cv2.CV_32F, *axis) / 8 for axis in ((1, 0), (0, 1)))
    xx, xy, yy = (cv2.GaussianBlur(product, (0, 0), _TEXTURE) for product in (x * x, x * y, y * y))
    return np.asarray((xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy * xy))


def _at(flow: Floats, places: Floats) -> Floats:
    x, y = (part.astype(np.float32)[None] for part in places.T)
    return np.asarray(cv2.remap(flow, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0])


def _grey(picture: Floats) -> np.ndarray:
    levels = np.clip(picture * 255, 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(levels, cv2.COLOR_RGB2GRAY))
