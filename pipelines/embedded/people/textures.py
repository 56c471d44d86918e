"""The pictures that are painted on a person."""

from dataclasses import dataclass

from pipelines.embedded.people.arrays import Floats


@dataclass(frozen=True)
class Textures:
    """The textures of eyes and brows."""

    eye: Floats  # (256, 256, 3) sRGB, 0 to 1
    iris: Floats  # (256, 256) where the iris is
    brows: Floats  # (styles, 128, 128) how dense a brow is
