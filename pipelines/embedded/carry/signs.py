"""The looks that one reference shows better than the reader reads them: iris, hair, beard."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from pipelines.embedded.drawing.edges import Tapers
from pipelines.embedded.drawing.samples import Kind, Samples, Scene
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.head import LIPS, Material
from pipelines.embedded.people.paint import beard
from pipelines.embedded.people.textures import Textures

_MOST_HAIR, _LEAST_HAIR = 600, 60  # samples
_LEAST_BEARD = 40


@dataclass(frozen=True)
class Bare:
    """The samples of a reference without its light."""

    colour: Floats  # (n, 3) linear RGB
    edges: Tapers
    sure: Floats  # (n,) how sure the light is, 0 to 1


@dataclass(frozen=True)
class Signs:
    """What a reference shows of a person's looks. Colours are linear RGB without light."""

    iris: Floats  # (k, 3)
    hair: Floats  # (k, 3)
    beard: Floats  # (2,) how far the jaw's and the upper lip's skin is covered, 0 to 1; NaN where unknown

    @classmethod
    def of(cls, scene: Scene, samples: Samples, textures: Textures, bare: Bare) -> Self:
        """Reads the signs from a reference's samples."""
        hair = np.flatnonzero((samples.kind == Kind.HAIR) & (bare.edges.hair > 0.9) & (bare.sure > 0.6))
        spread = np.linspace(0, len(hair) - 1, min(_MOST_HAIR, len(hair))).astype(int)
        return cls(
            _iris(scene, samples, textures, bare.colour),
            bare.colour[hair[spread]] if len(hair) > _LEAST_HAIR else np.zeros((0, 3), np.float32),
            _beard(scene, samples, bare.colour, (bare.edges.face > 0.5) & (bare.sure > 0.5)),
        )


def _iris(scene: Scene, samples: Samples, textures: Textures, bare: Floats) -> Floats:
    """The eyes' colour, divided by the texture's brightness there."""
    eye = np.flatnonzero((samples.material == Material.EYE) & (samples.facing > 0.5))
    u, v = samples.only(eye).at(scene.figure.uv).T
    i, j = np.clip(u * 255, 0, 255).astype(int), np.clip(255 - v * 255, 0, 255).astype(int)
    share = textures.iris[j, i]
    bright = textures.eye[j, i].sum(1) * 2.4 * share
    good = (share > 0.7) & (bright > 0.25)
    return np.asarray(bare[eye][good] / bright[good, None])


def _beard(scene: Scene, samples: Samples, bare: Floats, usable: np.ndarray) -> Floats:
    x, y, z = np.abs(samples.anchor[:, 0]), samples.anchor[:, 1], samples.anchor[:, 2]
    lips = samples.marks[:, LIPS]
    skin, dark = scene.looks.skin.mean(), scene.looks.brow.mean()
    usable = usable & (samples.kind == Kind.FACE) & (samples.facing > 0.35)
    usable &= (samples.normal[:, 1] > -0.35) & (lips < 0.2)
    covers = []
    for jaw, lip, level in ((1, 0, 0.8), (0, 1, 0.45)):
        there = usable & (beard(x, y, z, lips, jaw, lip, 1.0) > level)
        enough = there.sum() > _LEAST_BEARD and skin - dark > 0.4 * skin
        seen = np.clip((skin - np.median(bare[there].mean(1))) / (skin - dark), 0, 1) if enough else np.nan
        covers.append(seen)
    return np.array(covers)
