"""Finds the hair style that the references show.

Each style is drawn into each reference. The one that divides them into the most even parts wins.
"""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from pipelines.embedded.carry.cameras import view_of_camera
from pipelines.embedded.drawing.samples import Kind, Scene, sampled
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.code import STYLES, part
from pipelines.embedded.people.drawer import Drawer
from pipelines.embedded.people.head import MORE_STYLES

_SIZE = 128
_READ = 3.0  # how much the reader's result counts against the unevenness, which is in units of Lab
_MOST = 40.0  # the most unevenness that a pixel can count for
_BLUR = 10


def shown_style(
    drawer: Drawer, code: Floats, read: Floats, cameras: Floats, pictures: Sequence[Floats]
) -> tuple[Drawer, Floats]:
    """Drawer and code (CODE,) with the style that the references (each (S, S, 3), sRGB 0 to 1) show.

    `read` (STYLES,) is how sure the reader is of each style that it knows.
    """
    styles = [*STYLES, *MORE_STYLES]
    wearing = [_wearing(drawer, code, style) for style in styles]
    uneven = np.zeros(len(styles))
    for camera, picture in zip(cameras, pictures, strict=True):
        small = cv2.resize(np.asarray(picture, np.float32), (_SIZE, _SIZE), interpolation=cv2.INTER_AREA)
        uneven += _unevenness(small, [_kinds(*each, camera) for each in wearing])
    sure = np.concatenate([np.clip(read, 0, 1), np.zeros(len(MORE_STYLES))])
    return wearing[int((uneven / len(pictures) - _READ * sure).argmin())]


def _wearing(drawer: Drawer, code: Floats, style: str) -> tuple[Drawer, Floats]:
    if style in MORE_STYLES:
        return replace(drawer, worn=style), with_style(drawer, code, STYLES.index(MORE_STYLES[style]))
    return replace(drawer, worn=None), with_style(drawer, code, STYLES.index(style))


def with_style(drawer: Drawer, code: Floats, style: int) -> Floats:
    """The code (CODE,) with a hair style, given by its index in `STYLES`."""
    coder = drawer.coder
    looks = code[coder.shape_size :] * coder.looks_spread + coder.looks_mean
    looks[part("hair_style")] = np.eye(len(STYLES))[style]
    standard = np.clip((looks - coder.looks_mean) / coder.looks_spread, -4, 4)
    return np.concatenate([code[: coder.shape_size], standard]).astype(np.float32)


def _kinds(drawer: Drawer, code: Floats, camera: Floats) -> Floats:
    """(size, size): 0 face, 1 hair, 2 nothing, 3 cloth."""
    scene = Scene.of(drawer, code, view_of_camera(camera))
    samples = sampled(scene, _SIZE, drawer.rasteriser, smooth_edges=False)
    kind = samples.grid(samples.kind, Kind.NOTHING)
    return np.select([kind == Kind.HAIR, kind == Kind.NOTHING, kind == Kind.CLOTH], [1, 2, 3], 0)


def _unevenness(picture: Floats, styles: Sequence[Floats]) -> Floats:
    """(styles,) how uneven the picture is within each style's parts, where the styles differ."""
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB) * np.array([0.5, 1, 1], np.float32)
    groups = np.stack(styles).reshape(len(styles), -1)
    differ = (groups != groups[0]).any(0)
    if not differ.any():
        return np.zeros(len(styles))
    flat = lab.reshape(-1, 3)
    # The backdrop is smooth, and known where no style covers it: a blur fills in the rest.
    known = (groups == 2).all(0).astype(np.float32).reshape(_SIZE, _SIZE)
    behind = cv2.GaussianBlur(lab * known[..., None], (0, 0), _BLUR)
    behind /= cv2.GaussianBlur(known, (0, 0), _BLUR)[..., None] + 1e-4
    to_behind = _apart(flat, behind.reshape(-1, 3))
    skin = (groups == 0).all(0)
    if not skin.any():
        return np.zeros(len(styles))
    to_skin = _apart(flat, np.median(flat[skin], 0))
    out = []
    for group in groups:
        uneven = np.select([group == 2, group == 0], [to_behind, to_skin], 0.0)
        hair = group == 1
        if hair.sum() > 20:
            uneven[hair] = _apart(flat[hair], np.median(flat[hair], 0))
        out.append(uneven[differ].mean())
    return np.array(out)


def _apart(colours: Floats, other: Floats) -> Floats:
    return np.asarray(np.minimum(np.abs(colours - other).sum(-1), _MOST))
