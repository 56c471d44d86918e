"""The mesh that everybody shares: what each vertex belongs to, and how it moves with an expression."""

from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np

from pipelines.embedded.people.arrays import Arrays, Floats, Ints
from pipelines.embedded.people.worn import Worn

HAIR_STYLES = ("afro01", "braid01", "long01", "ponytail01", "short01", "short02", "short04")
"""MakeHuman's names of the styles that a code can contain."""

MORE_STYLES = {"bob01": "braid01", "bob02": "braid01", "short03": "short02"}
"""Styles that only references show, each with the one that stands for it in a code. Without their alpha textures
they hide an eye, so nobody is made up with them."""

NO_HAIR = "none"
EXPRESSION_UNITS = ("smile", "open", "raise", "frown", "press")
"""The muscles that a view may move, each from 0 to 1; see `assets.EXPRESSION_TARGETS`."""


class Material(IntEnum):
    """What a triangle of the mesh is made of."""

    SKIN = 0
    EYE = 1
    HAIR = 2
    TEETH = 3
    TONGUE = 4
    LASH = 5


LIPS, LIDS, EARS, MOUTH = range(4)
"""The columns of `Head.marks`."""


@dataclass(frozen=True)
class Head:
    """Head, neck and upper body in MakeHuman's rest pose: y is up, z towards the viewer, units decimetres."""

    base: Floats  # (N, 3) the sexless average; it identifies a place on anybody's skin
    triangles: Ints  # (T, 3)
    materials: Ints  # (T,) of Material
    marks: Floats  # (N, 4) how much of lips, lids, ears and the mouth's inside a vertex is, 0 to 1
    set_back: Floats  # (N,) added to the depth, so that teeth stay behind closed lips
    expressions: Floats  # (len(EXPRESSION_UNITS), N, 3)
    eyes: Worn
    hair: dict[str, Worn]

    def arrays(self) -> Arrays:
        """All arrays of the head, by name. `from_arrays` is the inverse."""
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in {"eyes", "hair"}}
        for name, worn in {"eyes": self.eyes, **self.hair}.items():
            plain |= {f"{name}.{f.name}": getattr(worn, f.name) for f in fields(worn)}
        return plain

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> "Head":
        """Makes a head from its arrays by name."""
        plain = {key: array for key, array in arrays.items() if "." not in key}
        names = dict.fromkeys(key.split(".")[0] for key in arrays if "." in key)
        worn = {name: Worn(**{f.name: arrays[f"{name}.{f.name}"] for f in fields(Worn)}) for name in names}
        return cls(**plain, eyes=worn.pop("eyes"), hair=worn)


@dataclass(frozen=True)
class Figure:
    """One person's complete mesh: skin first, then eyes, then hair. Rest pose."""

    positions: Floats  # (P, 3)
    anchors: Floats  # (P, 3) the place on the average person, for what is painted on
    triangles: Ints  # (T, 3)
    materials: Ints  # (T,)
    marks: Floats  # (P, 4)
    uv: Floats  # (P, 2), used for the eyes alone
    set_back: Floats  # (P,)
    eye_centre: Floats  # (3,) between both eyes
    first_hair: int  # vertices from here on are hair


def assemble(head: Head, body: Floats, expression: Floats, hair: str) -> Figure:
    """Puts eyes and hair on a body. `body` (N, 3) is the person at rest, `expression` a weight for each unit."""
    centre = head.eyes.place(body).mean(0)
    body = np.asarray(body + np.tensordot(expression, head.expressions, 1), np.float32)
    worn = [head.eyes] + ([] if hair == NO_HAIR else [head.hair[hair]])
    placed = [part.place(body) for part in worn]
    triangles, materials, count = [head.triangles], [head.materials], len(body)
    for part, material in zip(worn, (Material.EYE, Material.HAIR), strict=False):
        triangles.append(part.triangles + np.int32(count))
        materials.append(np.full(len(part.triangles), material, np.int32))
        count += len(part.corners)
    rest = count - len(body)
    first_hair = len(body) + len(placed[0])
    set_back = np.concatenate([head.set_back, np.zeros(rest, np.float32)])
    set_back[first_hair:] = -0.035  # hair lies on the skin: a tie goes to the hair
    return Figure(
        positions=np.concatenate([body, *placed]),
        anchors=np.concatenate([head.base, *placed]),
        triangles=np.concatenate(triangles),
        materials=np.concatenate(materials),
        marks=np.concatenate([head.marks, np.zeros((rest, 4), np.float32)]),
        uv=np.concatenate([np.zeros((len(body), 2), np.float32), *(part.uv for part in worn)]),
        set_back=set_back,
        eye_centre=centre,
        first_hair=first_hair,
    )
