"""MakeHuman's three text formats: meshes (.obj), morph targets (.target), things worn (.mhclo)."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.embedded.people.arrays import Floats, Ints
from pipelines.embedded.people.worn import Worn


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
