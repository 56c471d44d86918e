"""Reads what is needed of MakeHuman's CC0 assets, and keeps only head, neck and upper body of it.

The folder holds three upstream repositories under these names: makehumancommunity+makehuman,
makehumancommunity+makehuman-assets and makehumancommunity+mpfb2 (github.com/makehumancommunity/…).
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from pipelines.embedded.people.arrays import Floats, Ints
from pipelines.embedded.people.head import HAIR_STYLES, MORE_STYLES, Head, Material
from pipelines.embedded.people.textures import Textures
from pipelines.embedded.people.worn import Worn
from training.people.wavefront import Mesh, read_mesh, read_target, read_worn

ANCESTRIES = ("african", "asian", "caucasian")
SEXES = ("female", "male")
AGES = ("young", "old")

MORPH_GROUPS = ("head", "forehead", "eyebrows", "neck", "eyes", "nose", "mouth", "ears", "chin", "cheek")

UNWANTED = {  # they bend a face to one side, or open gaps between head and neck
    *[("head-trans", low) for low in ("in", "down", "backward")],
    *[("neck-trans", low) for low in ("in", "down", "backward")],
    *[(target, "in") for target in ("nose-trans", "mouth-trans", "head-angle")],
    *[(target, "decr") for target in ("chin-jaw-drop", "neck-scale-vert", "neck-scale-depth")],
}

EXPRESSION_TARGETS = (  # in the order of head.EXPRESSION_UNITS
    ("mouth-corner-puller",),
    ("mouth-open",),
    ("eyebrows-left-up", "eyebrows-right-up"),
    ("eyebrows-left-down", "eyebrows-right-down"),
    ("mouth-compression",),
)


@dataclass(frozen=True)
class Morph:
    """One modifier of the face: strength -1 moves every vertex by `low`, +1 by `high`, both (N, 3)."""

    name: str
    group: str
    low: Floats
    high: Floats
    two_sided: bool


@dataclass(frozen=True)
class Assets:
    head: Head
    macro: dict[tuple[str, ...], Floats]  # by (ancestry, sex, age) and (sex, age, weight): (N, 3)
    morphs: tuple[Morph, ...]
    textures: Textures


def load_assets(folder: Path) -> Assets:
    """All of it; takes some ten seconds. Raises FileNotFoundError if the folder isn't MakeHuman's."""
    data = folder / "makehumancommunity+makehuman/makehuman/data"
    more = folder / "makehumancommunity+makehuman-assets/base"
    mesh = read_mesh(data / "3dobjs/base.obj")
    eyes = read_worn(data / "eyes/high-poly", "high-poly")
    hair, more_hair = (
        {style: read_worn(more / f"hair/{style}", style) for style in styles}
        for styles in (HAIR_STYLES, MORE_STYLES)
    )
    textures, eyes = _textures(data, more, eyes)

    kept, materials = _kept_triangles(mesh)
    worn = [eyes, *hair.values()]
    wanted = np.unique(np.concatenate([kept.ravel(), *(_body_vertices(part) for part in worn)]))
    number = np.full(len(mesh.vertices), -1, np.int32)
    number[wanted] = np.arange(len(wanted), dtype=np.int32)

    def target(path: str) -> Floats:
        moves: Floats = read_target(data / "targets" / f"{path}.target", len(mesh.vertices))[wanted]
        return moves

    marks = _marks(folder, mesh)[wanted]
    base = mesh.vertices[wanted]
    set_back = np.zeros(len(wanted), np.float32)
    set_back[marks[:, 3] > 0.5] = 0.10
    set_back[number[np.unique(kept[(materials == Material.TEETH) | (materials == Material.TONGUE)])]] = 0.10
    head = Head(
        base=base,
        triangles=number[kept],
        materials=materials,
        marks=marks,
        set_back=set_back,
        expressions=np.stack(
            [
                sum(target(f"expression/units/caucasian/{name}") for name in unit)
                for unit in EXPRESSION_TARGETS
            ]
        ),
        eyes=_renumbered(eyes, number),
        hair={
            style: _renumbered(_on_kept(part, mesh.vertices, wanted), number)
            for style, part in (hair | more_hair).items()
        },
    )
    macro: dict[tuple[str, ...], Floats] = {}
    for sex in SEXES:
        for age in AGES:
            for ancestry in ANCESTRIES:
                macro[ancestry, sex, age] = target(f"macrodetails/{ancestry}-{sex}-{age}")
            for weight in ("minweight", "maxweight"):
                macro[sex, age, weight] = target(f"macrodetails/universal-{sex}-{age}-averagemuscle-{weight}")
    morphs = []
    for entry in json.loads((data / "modifiers/modeling_modifiers.json").read_text()):
        if entry["group"] in MORPH_GROUPS:
            morphs += [
                _morph(entry["group"], modifier, target)
                for modifier in entry["modifiers"]
                if not modifier["target"].startswith("r-")  # comes with its left twin
                and (modifier["target"], modifier.get("min")) not in UNWANTED
            ]
    return Assets(head, macro, tuple(morphs), textures)


def _body_vertices(worn: Worn) -> Ints:
    return np.unique(np.concatenate([worn.corners.ravel(), worn.scale_between.ravel()])).astype(np.int32)


def _on_kept(worn: Worn, body: Floats, kept: Ints) -> Worn:
    """The same with vertices that hang on a part of the body that isn't kept moved to the nearest that is."""
    astray = np.flatnonzero(~np.isin(worn.corners, kept).all(1))
    place = worn.place(body)[astray]
    nearest = kept[[int(np.square(body[kept] - one).sum(1).argmin()) for one in place]]
    corners, weights, offsets = worn.corners.copy(), worn.weights.copy(), worn.offsets.copy()
    corners[astray], weights[astray] = nearest[:, None], (1, 0, 0)
    offsets[astray] = (place - body[nearest]) / worn.scale_on(body)
    return replace(worn, corners=corners, weights=weights, offsets=offsets)


def _renumbered(worn: Worn, number: Ints) -> Worn:
    """The same on a body whose vertex i is now called number[i]."""
    return replace(worn, corners=number[worn.corners], scale_between=number[worn.scale_between])


def _morph(group: str, modifier: dict[str, str], target) -> Morph:  # type: ignore[no-untyped-def]
    def side(key: str) -> Floats:
        name = modifier["target"] + (f"-{modifier[key]}" if key in modifier else "")
        moves: Floats = target(f"{group}/{name}")
        if name.startswith("l-"):
            moves = moves + target(f"{group}/r{name[1:]}")
        return moves

    high = side("max")
    two_sided = "min" in modifier
    name = f"{modifier['target']}:{modifier.get('min', '')}/{modifier.get('max', '')}"
    return Morph(name, group, side("min") if two_sided else np.zeros_like(high), high, two_sided)


def _kept_triangles(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    """The triangles (T, 3) of the upper body and what belongs into a face, and their materials (T,)."""
    materials = np.full(len(mesh.groups), -1, np.int32)
    materials[mesh.groups == "body"] = Material.SKIN
    materials[np.char.find(mesh.groups, "teeth") >= 0] = Material.TEETH
    materials[mesh.groups == "helper-tongue"] = Material.TONGUE
    materials[np.char.find(mesh.groups, "eyelashes") >= 0] = Material.LASH
    corners = mesh.vertices[mesh.triangles]
    low_lash = (materials == Material.LASH) & (corners[..., 1].mean(1) < 7.278)  # they look like smeared ink
    upper = (corners[..., 1].min(1) > 2.6) & (np.abs(corners[..., 0]).max(1) < 3.6)
    keep = (materials >= 0) & upper & ~low_lash
    return mesh.triangles[keep], materials[keep]


def _marks(folder: Path, mesh: Mesh) -> Floats:
    """How much of lips, lids, ears and the mouth's inside every vertex is, (N, 4)."""
    columns = []
    for name in ("lips", "eyelids", "ears", "inside-mouth"):
        path = folder / f"makehumancommunity+mpfb2/src/mpfb/data/textures/mpfb_{name}.jpg"
        picture = _read(path, cv2.IMREAD_GRAYSCALE)
        picture = cv2.GaussianBlur(cv2.resize(picture, (1024, 1024), interpolation=cv2.INTER_AREA), (3, 3), 0)
        x, y = (np.clip(mesh.uv * [1, -1] + [0, 1], 0, 1) * 1023).round().astype(int).T
        columns.append(picture[y, x] / np.float32(255))
    return np.stack(columns, 1).astype(np.float32)


def _textures(data: Path, more: Path, eyes: Worn) -> tuple[Textures, Worn]:
    """The textures, and the eyes without the transparent shell in front of them."""
    picture = _read(data / "eyes/materials/brown_eye.png", cv2.IMREAD_UNCHANGED)
    picture = cv2.resize(picture, (256, 256), interpolation=cv2.INTER_AREA)
    middle = eyes.uv[eyes.triangles].mean(1)
    x, y = (np.clip(middle * [1, -1] + [0, 1], 0, 1) * 255).astype(int).T
    opaque = picture[y, x, 3] > 128
    eyes = replace(eyes, triangles=eyes.triangles[opaque])
    colour = np.ascontiguousarray(picture[..., 2::-1]).astype(np.float32) / 255
    saturation = (colour.max(-1) - colour.min(-1)) / (colour.max(-1) + 1e-3)
    iris = np.clip((saturation - 0.55) / 0.2, 0, 1).astype(np.float32)
    brows = []
    for path in sorted((more / "eyebrows").glob("*/*.thumb")):
        # A preview of a face with that brow: whatever is darker than its surroundings, above the eye, is brow.
        grey = _read(path, cv2.IMREAD_GRAYSCALE).astype(np.float32)
        around = cv2.GaussianBlur(cv2.dilate(grey, np.ones((15, 15))), (0, 0), 6)
        cover = np.clip((around - grey - 14) / 80, 0, 1)
        cover[56:] = 0
        brows.append(cover)
    return Textures(colour, iris, np.stack(brows).astype(np.float32)), eyes


def _read(path: Path, flags: int) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), flags)
    if picture is None:
        raise ValueError(f"{path} is no picture.")
    return np.asarray(picture)
