"""One reference, ready to be carried: its light is removed, and the place of each vertex of the mesh is known."""

from dataclasses import dataclass, replace
from typing import Self

import cv2
import numpy as np

from pipelines.embedded.carry.cameras import view_of_camera
from pipelines.embedded.carry.lamp import fit_light
from pipelines.embedded.carry.signs import Bare, Signs
from pipelines.embedded.drawing.albedo import albedo
from pipelines.embedded.drawing.edges import PIXELS, smooth, tapers
from pipelines.embedded.drawing.light import Fall, Light, fall, shadow_map, unfilm
from pipelines.embedded.drawing.samples import Kind, Samples, Scene, sampled
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.drawer import Drawer

_MOST_SAMPLES = 2500  # samples of skin that the light is fitted to
_GLOSS = 0.7  # share of the fitted gloss that is removed: removing all of it leaves dark spots
_AVERAGE = 0.8  # the light assumed on everything that isn't the figure
_FAR = 1e9
_BLUR = 3  # pixels of 512 at a shadow's edge

COLOUR, FACE, HAIR, SURE = slice(0, 3), 3, 4, 5
"""The channels of `Reference.planes`."""


class NoSkin(Exception):
    """The picture shows none of the mesh's plain skin, so its light can't be fitted."""


@dataclass(frozen=True)
class Lit:
    """The fitted person in a reference's view, and the light that falls on each sample of it."""

    scene: Scene
    samples: Samples
    light: Light
    fall: Fall

    @classmethod
    def by(cls, light: Light, drawer: Drawer, scene: Scene, samples: Samples) -> Self:
        shadow = shadow_map(scene.figure, scene.posed, light.towards(), drawer.rasteriser)
        return cls(scene, samples, light, fall(samples, light, shadow))


@dataclass(frozen=True)
class Reference:
    """A prepared reference. `planes` has the colour without light (linear RGB), tapers of face and hair, and how
    sure the light is."""

    planes: Floats  # (S, S, 6)
    depth: Floats  # (S, S) decimetres
    screen: Floats  # (P, 3) where each vertex lies
    facing: Floats  # (P,) how far each vertex faces the camera
    camera: Floats  # (12,)
    light: Light
    error: float
    """What the light doesn't explain of plain skin, as a fraction of the skin's brightness."""
    signs: Signs

    @classmethod
    def of(cls, drawer: Drawer, code: Floats, camera: Floats, picture: Floats) -> Self:
        """Prepares `picture` (S, S, 3), sRGB from 0 to 1, with `camera` (12,) from `fit_cameras`. Raises NoSkin."""
        scene = Scene.of(drawer, code, view_of_camera(camera))
        samples = sampled(scene, len(picture), drawer.rasteriser, smooth_edges=False)
        light, error = _fitted_light(drawer, scene, samples, picture)
        return cls.under(Lit.by(light, drawer, scene, samples), drawer, camera, picture, error)

    @classmethod
    def under(cls, lit: Lit, drawer: Drawer, camera: Floats, picture: Floats, error: float) -> Self:
        """Like `of`, where the light is known."""
        scene, samples = lit.scene, lit.samples
        linear = unfilm(picture.reshape(-1, 3))
        edges = tapers(samples)
        bare = _unlit(linear[samples.pixel], lit.fall)
        sure = _sureness(samples, lit.fall)
        planes = np.zeros((samples.size**2, 6), np.float32)
        planes[:, COLOUR] = linear / _AVERAGE
        planes[samples.pixel] = np.concatenate([bare, np.stack([edges.face, edges.hair, sure], 1)], 1)
        depth = samples.grid(samples.at(scene.posed.screen[:, 2]), _FAR)
        signs = Signs.of(scene, samples, drawer.textures, Bare(bare, edges, sure))
        return cls(
            planes.reshape(samples.size, samples.size, 6),
            depth,
            scene.posed.screen,
            _facing(scene),
            np.array(camera),
            lit.light,
            error,
            signs,
        )

    def tinted(self, ratio: Floats) -> Self:
        """The same reference with its colour multiplied by `ratio` (3,)."""
        planes = self.planes.copy()
        planes[..., COLOUR] *= ratio
        return replace(self, planes=planes)


def _fitted_light(drawer: Drawer, scene: Scene, samples: Samples, picture: Floats) -> tuple[Light, float]:
    """The light that plain skin is in, and the error that remains. Raises NoSkin if none is shown."""
    painted = albedo(scene, samples, drawer.textures, strands=False)
    plain = np.flatnonzero(
        (samples.kind == Kind.FACE)
        & (painted.feature < 0.05)
        & (samples.facing > 0.35)
        & (tapers(samples).face > 0.6)
        & (samples.anchor[:, 1] > 5.9)
    )
    if not len(plain):
        raise NoSkin
    some = plain[np.linspace(0, len(plain) - 1, min(_MOST_SAMPLES, len(plain))).astype(int)]
    seen = unfilm(picture.reshape(-1, 3)[samples.pixel[some]])
    return fit_light(scene, samples.only(some), painted.colour[some], seen, drawer.rasteriser)


def _unlit(seen: Floats, on_it: Fall) -> Floats:
    return np.asarray(np.maximum(seen - _GLOSS * on_it.gloss, 0.6 * seen) / np.maximum(on_it.onto, 0.04))


def _sureness(samples: Samples, on_it: Fall) -> Floats:
    """(n,) how sure the light is, 0 to 1: little in the dark, and at a shadow's edge, which is misplaced if the
    light is."""
    bright = on_it.onto.mean(1)
    sure = smooth(0.12, 0.5, bright / np.percentile(bright, 80))
    blur = _BLUR * samples.size / PIXELS
    lit = cv2.GaussianBlur(samples.grid(on_it.lit, 0.0), (0, 0), blur).ravel()[samples.pixel]
    at_edge = np.clip(4 * lit * (1 - lit), 0, 1) * (samples.kind == Kind.FACE)
    return np.asarray(sure * (1 - 0.6 * at_edge))


def _facing(scene: Scene) -> Floats:
    to_eye = scene.posed.camera - scene.posed.positions
    to_eye /= np.linalg.norm(to_eye, axis=1, keepdims=True)
    return np.asarray((scene.posed.normals * to_eye).sum(1), np.float32)
