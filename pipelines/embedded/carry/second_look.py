"""A second look at the references, and more: draws the fitted person into each and corrects the shape by what lies
elsewhere.

An optical flow between the drawing and the reference measures by how much they differ. The flow at many places of
the face is fitted as the reader's points were, around the first fit. The errors of that fit are known. Once the fit
is good enough, a second drawing has the skin that the other references show: it has marks and folds where the first
has none, so that references that show the same place agree where it lies. Nothing is trained.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import cv2
import numpy as np

from pipelines.embedded.carry.cameras import view_of_camera
from pipelines.embedded.carry.reference import Lit, Reference
from pipelines.embedded.carry.visibility import looked_up
from pipelines.embedded.drawing.albedo import albedo
from pipelines.embedded.drawing.edges import smooth
from pipelines.embedded.drawing.light import Light, film
from pipelines.embedded.drawing.samples import Kind, Scene, sampled
from pipelines.embedded.fit import Found, fit_shape
from pipelines.embedded.people.arrays import Floats, Ints
from pipelines.embedded.people.drawer import Drawer
from pipelines.embedded.people.points import Points, choose_points
from pipelines.embedded.people.view import View

_SIZE = 256
_LOOKS = 3  # the first without what the other references show
_LOOKS_AT_ONE = 2  # if there are no others
_MOST_OTHERS = 4  # whose skin one drawing takes on
_ROUNDS = 4  # of each fit
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
_SHOWN = (0.01, 0.1)  # references' weight from which their skin shows, and at which nothing else does


@dataclass(frozen=True)
class _Flow:
    """The flow of places (n,) from a drawing to the reference, in pixels of `_SIZE`."""

    places: Floats  # (n, 2) in the drawing
    moves: Floats  # (n, 2)
    spread: Floats  # (n,) fractions of the side

    def joined(self, other: Self, share: float) -> "_Flow":
        """Both flows of the same places, by how sure they are. Only a `share` of the other one's moves counts."""
        sure, too = 1 / self.spread**2, 1 / other.spread**2
        moves = sure[:, None] * self.moves + share * too[:, None] * other.moves
        return _Flow(self.places, moves / (sure + too)[:, None], 1 / np.sqrt(sure + too))


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
    read = [Reference.of(drawer, code, *each) for each in zip(cameras, small, strict=True)]
    has_others = len(small) > 1
    for look in range(_LOOKS if has_others else _LOOKS_AT_ONE):
        drawings = [
            _Drawing.of(drawer, code, camera, one.light) for camera, one in zip(cameras, read, strict=True)
        ]
        flows = [drawing.flow(picture, vertices) for drawing, picture in zip(drawings, small, strict=True)]
        if look and has_others:
            shown = [
                Reference.under(drawing.lit, drawer, camera, picture, one.error)
                for drawing, camera, picture, one in zip(drawings, cameras, small, read, strict=True)
            ]
            for number, (drawing, picture) in enumerate(zip(drawings, small, strict=True)):
                others = _nearest(shown, number)
                # What others show moves less than this one, since theirs is moved towards it, too.
                share = len(others) / (len(others) + 1)
                flow = drawing.with_skin_of(others).flow(picture, vertices)
                flows[number] = flows[number].joined(flow, share)
        found = [Found((flow.places + flow.moves + 0.5) / _SIZE, flow.spread) for flow in flows]
        moved, cameras = fit_shape(around, spread, found, trust=_TRUST, rounds=_ROUNDS, near=cameras)
        code = np.concatenate([first + moved, code[size:]]).astype(np.float32)
    return code, cameras


def _nearest(references: Sequence[Reference], number: int) -> list[Reference]:
    """The other references whose heads are turned most alike."""
    yaw = references[number].camera[0]
    others = [one for other, one in enumerate(references) if other != number]
    return sorted(others, key=lambda one: abs(one.camera[0] - yaw))[:_MOST_OTHERS]


def _left(size: int) -> Floats:
    """(K,) how much of the spread between people the first fit leaves."""
    left = np.ones(size)
    begin = 0
    for end, explained in _EXPLAINED:
        left[begin:end] = np.sqrt(1 - explained)
        begin = end
    return left


@dataclass(frozen=True)
class _Drawing:
    """The person as a reference should show them."""

    view: View
    lit: Lit
    colour: Floats  # (n, 3) of samples, linear, without light

    @classmethod
    def of(cls, drawer: Drawer, code: Floats, camera: Floats, light: Light) -> Self:
        view = view_of_camera(camera)
        scene = Scene.of(drawer, code, view)
        samples = sampled(scene, _SIZE, drawer.rasteriser, smooth_edges=False)
        return cls(
            view, Lit.by(light, drawer, scene, samples), albedo(scene, samples, drawer.textures).colour
        )

    def with_skin_of(self, references: Sequence[Reference]) -> Self:
        """The same with the skin that references show, where they show any."""
        looked = [looked_up(reference, self.view, self.lit.samples) for reference in references]
        total = np.sum([weight for _, weight in looked], 0)
        mean = np.sum([colour * weight[:, None] for colour, weight in looked], 0) / (total + 1e-6)[:, None]
        shown = smooth(*_SHOWN, total) * (self.lit.samples.kind == Kind.FACE)
        return replace(self, colour=self.colour + (mean - self.colour) * shown[:, None])

    def flow(self, picture: Floats, vertices: Ints) -> _Flow:
        """Where a reference (S, S, 3) shows these vertices instead."""
        drawn, real = _grey(self.before(picture)), _grey(picture)
        there = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        forward, back = there.calc(drawn, real, None), there.calc(real, drawn, None)
        screen = self.lit.scene.posed.screen[vertices]
        places = screen[:, :2] * _SIZE - 0.5
        moves = _at(forward, places)
        inconsistent = np.linalg.norm(moves + _at(back, places + moves), axis=1)
        column, row = np.clip(np.round(places).astype(int), 0, _SIZE - 1).T
        depth = self.lit.samples.grid(self.lit.samples.at(self.lit.scene.posed.screen[:, 2]), 1e9)
        seen = (screen[:, 2] <= depth[row, column] + _BEHIND) & (_facing(self.lit.scene, vertices) > 0.15)
        good = seen & (inconsistent < _INCONSISTENT) & (np.linalg.norm(moves, axis=1) < _FAR)
        flat = np.sqrt(1 + _FLAT / np.maximum(_texture(drawn)[row, column], 0.01))
        spread = np.where(good, _SPREAD / _SIZE * (1 + inconsistent) * flat, _NOTHING)
        return _Flow(places, moves, spread)

    def before(self, picture: Floats) -> Floats:
        """The drawing in front of the reference's backdrop, which is known only far from the person."""
        cover = self.lit.samples.grid(np.ones(len(self.lit.samples.pixel), np.float32), 0.0)
        far = 1 - cv2.dilate(cover, np.ones((25, 25)))
        weight = cv2.GaussianBlur(far, (0, 0), _BACKDROP)[..., None]
        behind = cv2.GaussianBlur(picture * far[..., None], (0, 0), _BACKDROP) / (weight + 1e-3)
        out = np.where(weight > 1e-3, behind, picture)
        flat = out.reshape(-1, 3)
        flat[self.lit.samples.pixel] = film(self.colour * self.lit.fall.onto + self.lit.fall.gloss)
        cloth = self.lit.samples.pixel[self.lit.samples.kind == Kind.CLOTH]  # its colour isn't known
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
