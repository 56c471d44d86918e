"""What each pixel of a drawing shows, sampled at one place in most pixels and at four in pixels with an edge."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Self

import numpy as np

from pipelines.embedded.drawing.tongue import CLOSED, with_tongue_in_jaw
from pipelines.embedded.people.arrays import Floats, Ints
from pipelines.embedded.people.code import read_looks
from pipelines.embedded.people.drawer import Drawer
from pipelines.embedded.people.head import LIPS, MOUTH, Figure, Material, assemble
from pipelines.embedded.people.looks import Looks
from pipelines.embedded.people.paint import shirt
from pipelines.embedded.people.pose import Posed, pose
from pipelines.embedded.people.raster import Rasteriser
from pipelines.embedded.people.view import View

_FLAT = 0.05
"""Decimetres of depth within a pixel that still count as one surface."""


class Kind(IntEnum):
    """What a pixel shows, as far as edges are concerned."""

    FACE = 0
    HAIR = 1
    CLOTH = 2
    NOTHING = 3
    EYE = 4
    MOUTH = 5


_KINDS = np.array([Kind.FACE, Kind.EYE, Kind.HAIR, Kind.MOUTH, Kind.MOUTH, Kind.EYE])  # by Material


@dataclass(frozen=True)
class Scene:
    """A person posed for a view."""

    figure: Figure
    posed: Posed
    looks: Looks
    brow: int
    """The number of the brows' texture."""
    view: View

    @classmethod
    def of(cls, drawer: Drawer, code: Floats, view: View, looks: Looks | None = None) -> Self:
        """Poses the person of a code (CODE,) for a view. `looks` replace the code's, if given."""
        bodies, vectors = drawer.coder.split(code[None])
        read, hair, brow = read_looks(vectors[0])
        figure = assemble(drawer.head, bodies[0], view.expression, drawer.worn or hair)
        figure = with_tongue_in_jaw(figure, drawer.head, view.expression)
        return cls(figure, pose(figure, view), looks or read, brow, view)


@dataclass
class Samples:
    """Places (n,) on the posed figure. The shares of a pixel that lies wholly on the figure add up to 1."""

    size: int  # pixels a side
    pixel: Ints  # (n,) row · size + column
    share: Floats  # (n,) of the pixel
    corners: Ints  # (n, 3) vertices
    weights: Floats  # (n, 3) of the vertices
    material: Ints  # (n,) of Material
    kind: Ints  # (n,) of Kind
    anchor: Floats  # (n, 3) the place on the average person
    marks: Floats  # (n, 4), see `people.head.Head`
    position: Floats  # (n, 3) camera space, decimetres
    normal: Floats  # (n, 3)
    to_eye: Floats  # (n, 3) unit vector to the camera

    @property
    def facing(self) -> Floats:
        """(n,) cosine between the surface and the direction to the camera."""
        return np.asarray(np.einsum("nc,nc->n", self.normal, self.to_eye))

    def at(self, values: Floats) -> Floats:
        """Interpolates the vertices' values, (P,) or (P, C), at the samples."""
        return _mixed(values, self.corners, self.weights)

    def only(self, some: np.ndarray) -> "Samples":
        """Some of the samples, selected by index."""
        return Samples(
            self.size,
            *(
                getattr(self, name)[some]
                for name in (
                    "pixel",
                    "share",
                    "corners",
                    "weights",
                    "material",
                    "kind",
                    "anchor",
                    "marks",
                    "position",
                    "normal",
                    "to_eye",
                )
            ),
        )

    def gather(self, values: Floats) -> Floats:
        """Sums values (n, C), weighted by share, over each pixel's samples: (size, size, C)."""
        weighed = values * self.share[:, None]
        sums = [np.bincount(self.pixel, column, self.size**2) for column in weighed.T]
        return np.stack(sums, 1).astype(np.float32).reshape(self.size, self.size, -1)

    def grid(self, values: np.ndarray, fill: float) -> np.ndarray:
        """Turns values (n,) into (size, size), `fill` where there is no sample. Of several in a pixel, the last one
        counts."""
        out = np.full(self.size**2, fill, np.asarray(values).dtype)
        out[self.pixel] = values
        return out.reshape(self.size, self.size)


def sampled(scene: Scene, size: int, rasteriser: Rasteriser, *, smooth_edges: bool = True) -> Samples:
    """Samples the figure in a picture of `size` pixels a side. Without `smooth_edges`, a pixel has one sample."""
    fig = scene.figure
    if smooth_edges:
        pixel, share, triangle, inside = _four_at_edges(scene, size, rasteriser)
    else:
        surface = rasteriser(scene.posed.screen, fig.triangles, size)
        pixel = np.flatnonzero(surface.triangle >= 0).astype(np.int32)
        share = np.ones(len(pixel), np.float32)
        triangle, inside = surface.triangle.ravel()[pixel], surface.inside.reshape(-1, 2)[pixel]
    corners = fig.triangles[triangle]
    weights = np.concatenate([1 - inside.sum(1, keepdims=True), inside], 1).astype(np.float32)
    normal = _mixed(scene.posed.normals, corners, weights)
    normal /= lengths(normal)[:, None] + 1e-9
    position = _mixed(scene.posed.positions, corners, weights)
    to_eye = scene.posed.camera - position
    to_eye /= lengths(to_eye)[:, None]
    material = fig.materials[triangle]
    samples = Samples(
        size,
        pixel,
        share,
        corners,
        weights,
        material,
        _KINDS[material],
        _mixed(fig.anchors, corners, weights),
        _mixed(fig.marks, corners, weights),
        position,
        normal,
        to_eye,
    )
    _name_kinds(samples, scene.view)
    return samples


def _four_at_edges(scene: Scene, size: int, rasteriser: Rasteriser) -> tuple[Ints, Floats, Ints, Floats]:
    """Pixels, shares, triangles and weights within them, from a raster of twice the size."""
    fig = scene.figure
    surface = rasteriser(scene.posed.screen, fig.triangles, 2 * size)

    def quarters(values: Floats | Ints) -> Floats:
        """(2 size, 2 size, …) → (size², 4, …)"""
        blocks = values.reshape(size, 2, size, 2, -1).transpose(0, 2, 1, 3, 4)
        return np.asarray(blocks.reshape(size * size, 4, -1))

    shown = np.flatnonzero(_any_of_four(surface.triangle >= 0, size))
    triangle = quarters(surface.triangle)[shown, :, 0]
    inside = quarters(surface.inside)[shown]
    depth = quarters(surface.depth)[shown, :, 0]
    seen = triangle >= 0
    material = np.where(seen, fig.materials[np.maximum(triangle, 0)], -1)
    a, b, c, d = depth.T
    farthest, nearest = (both(both(a, b), both(c, d)) for both in (np.maximum, np.minimum))
    flat = farthest - nearest < _FLAT
    whole = _all4(seen) & _all4(material == material[:, :1]) & flat
    middle = np.flatnonzero(whole)
    one_triangle = _all4(triangle[middle] == triangle[middle, :1])
    inside_middle = np.where(one_triangle[:, None], inside[middle].sum(1) / 4, inside[middle, 0])
    edge = np.flatnonzero(~whole)
    row, quarter = np.nonzero(seen[edge])
    return (
        np.concatenate([shown[middle], shown[edge[row]]]),
        np.concatenate([np.ones(len(middle), np.float32), np.full(len(row), 0.25, np.float32)]),
        np.concatenate([triangle[middle, 0], triangle[edge[row], quarter]]),
        np.concatenate([inside_middle, inside[edge[row], quarter]]),
    )


def _all4(of_four: np.ndarray) -> np.ndarray:
    """(n, 4) → (n,), column by column: far quicker than along so short an axis."""
    a, b, c, d = of_four.T
    return np.asarray(a & b & c & d)


def _any_of_four(seen: np.ndarray, size: int) -> np.ndarray:
    return np.asarray(seen.reshape(size, 2, size, 2).any((1, 3)).ravel())


def _name_kinds(samples: Samples, view: View) -> None:
    """Separates cloth from skin and lips from the mouth's inside, in place."""
    skin = samples.material == Material.SKIN
    x, y, z = np.abs(samples.anchor[:, 0]), samples.anchor[:, 1], samples.anchor[:, 2]
    outfit = view.outfit
    cloth = skin & (shirt(x, y, z, outfit.neckline, outfit.plunge, outfit.slope) > 0)
    samples.kind[cloth] = Kind.CLOTH
    if view.expression[1] < CLOSED:  # what pokes through closed lips is lip
        inner = np.isin(samples.material, (Material.TEETH, Material.TONGUE))
        poking = ((skin & (samples.marks[:, MOUTH] > 0)) | inner) & ~cloth
        samples.marks[poking, LIPS] = np.maximum(samples.marks[poking, LIPS], 0.8)
        samples.marks[poking, MOUTH] = 0
        samples.material[poking] = Material.SKIN
        samples.kind[poking] = Kind.FACE
    samples.kind[skin & ~cloth & (samples.marks[:, MOUTH] >= 0.5)] = Kind.MOUTH


def lengths(vectors: Floats) -> Floats:
    """The lengths (n,) of vectors (n, 3)."""
    return np.asarray(np.sqrt(np.einsum("nc,nc->n", vectors, vectors)))


def _mixed(values: Floats, corners: Ints, weights: Floats) -> Floats:
    columns = values if values.ndim > 1 else values[:, None]
    mixed = weights[:, 0, None] * columns.take(corners[:, 0], 0)  # far quicker than an index in brackets
    for k in (1, 2):
        mixed += weights[:, k, None] * columns.take(corners[:, k], 0)
    return np.asarray(mixed if values.ndim > 1 else mixed[:, 0])
