"""MakeHuman's three text formats: meshes (.obj), morph targets (.target), things worn (.mhclo)."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.int32]


@dataclass(frozen=True)
class Mesh:
    """Triangles of a .obj file. Quads are split; `groups` names the group of each triangle."""

    vertices: Floats  # (N, 3), in decimetres
    triangles: Ints  # (T, 3)
    uv: Floats  # (N, 2): one for each vertex; at a seam the last one wins, which the face never shows
    groups: NDArray[np.str_]  # (T,)


def read_mesh(path: Path) -> Mesh:
    vertices, texture, triangles, corners, groups, group = [], [], [], [], [], ""
    for line in path.read_text().splitlines():
        kind, *words = line.split() or [""]
        if kind == "v":
            vertices.append([float(word) for word in words[:3]])
        elif kind == "vt":
            texture.append([float(word) for word in words[:2]])
        elif kind == "g":
            group = words[0]
        elif kind == "f":
            points = [[int(part) - 1 if part else 0 for part in f"{word}/".split("/")[:2]] for word in words]
            for second, third in pairwise(points[1:]):
                triangles.append([points[0][0], second[0], third[0]])
                corners.append([points[0][1], second[1], third[1]])
                groups.append(group)
    faces = np.array(triangles, np.int32)
    uv = np.zeros((len(vertices), 2), np.float32)
    uv[faces.ravel()] = np.array(texture or [[0, 0]], np.float32)[np.array(corners).ravel()]
    return Mesh(np.array(vertices, np.float32), faces, uv, np.array(groups))


def read_target(path: Path, count: int) -> Floats:
    """A morph: how far each of `count` vertices moves at full strength, (count, 3)."""
    moves = np.zeros((count, 3), np.float32)
    for line in path.read_text().splitlines():
        words = line.split()
        if len(words) >= 4 and words[0].isdigit():
            moves[int(words[0])] = [float(word) for word in words[1:4]]
    return moves


@dataclass(frozen=True)
class Worn:
    """Something that follows the body's surface: hair, eyes.

    A vertex is the weighted mean of three of the body's vertices plus an offset, which grows with the body:
    axis k is scaled by the distance of the two vertices `scale_between[k]`, in units of `scale_unit[k]`.
    """

    corners: Ints  # (M, 3) vertices of the body
    weights: Floats  # (M, 3)
    offsets: Floats  # (M, 3)
    scale_between: Ints  # (3, 2)
    scale_unit: Floats  # (3,)
    triangles: Ints  # (T, 3) of the M vertices
    uv: Floats  # (M, 2)

    def place(self, body: Floats) -> Floats:
        """Where its vertices lie on that body (N, 3) → (M, 3)."""
        axes = np.arange(3)
        ends = body[self.scale_between, axes[:, None]]
        scale = np.abs(ends[:, 0] - ends[:, 1]) / self.scale_unit
        on_surface = np.einsum("mk,mkc->mc", self.weights, body[self.corners])
        return np.asarray(on_surface + self.offsets * scale, np.float32)

    def body_vertices(self) -> Ints:
        return np.unique(np.concatenate([self.corners.ravel(), self.scale_between.ravel()])).astype(np.int32)

    def renumbered(self, number: Ints) -> "Worn":
        """The same on a body whose vertex i is now called number[i]."""
        return Worn(
            number[self.corners],
            self.weights,
            self.offsets,
            number[self.scale_between],
            self.scale_unit,
            self.triangles,
            self.uv,
        )


def read_worn(folder: Path, name: str) -> Worn:
    """`name`.mhclo and `name`.obj of that folder."""
    mesh = read_mesh(folder / f"{name}.obj")
    between, unit = np.zeros((3, 2), np.int32), np.ones(3, np.float32)
    corners, weights, offsets, in_vertices = [], [], [], False
    for line in (folder / f"{name}.mhclo").read_text().splitlines():
        words = line.split()
        if not words or words[0] == "#":
            continue
        if words[0] in {"x_scale", "y_scale", "z_scale"}:
            axis = "xyz".index(words[0][0])
            between[axis], unit[axis] = [int(words[1]), int(words[2])], float(words[3])
        elif words[0] in {"verts", "delete_verts", "weights"}:
            in_vertices = words[0] == "verts"
        elif in_vertices and len(words) == 9:
            corners.append([int(word) for word in words[:3]])
            weights.append([float(word) for word in words[3:6]])
            offsets.append([float(word) for word in words[6:9]])
        elif in_vertices and len(words) == 1 and words[0].isdigit():
            corners.append([int(words[0])] * 3)
            weights.append([1.0, 0.0, 0.0])
            offsets.append([0.0, 0.0, 0.0])
    return Worn(
        np.array(corners, np.int32),
        np.array(weights, np.float32),
        np.array(offsets, np.float32),
        between,
        unit,
        mesh.triangles,
        mesh.uv,
    )
