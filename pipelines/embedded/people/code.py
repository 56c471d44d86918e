"""A person and a view as vectors: what a network is given, and what the reference encoder must find out."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.chance import Factors
from pipelines.embedded.people.colour import to_srgb
from pipelines.embedded.people.head import HAIR_STYLES, NO_HAIR
from pipelines.embedded.people.looks import Looks
from pipelines.embedded.people.shape import ShapeBasis
from pipelines.embedded.people.view import BACKGROUNDS, View

STYLES = (*HAIR_STYLES, NO_HAIR)
BROWS = 12
COLOURS = ("skin", "lips", "hair", "brow", "iris")
STRENGTHS = (
    "blush",
    "sockets",
    "freckles",
    "lines",
    "brow_lift",
    "brow_tall",
    "brow_dense",
    "scalp",
    "strands",
)

LAYOUT: dict[str, int] = {  # the looks vector, part by part; colours as sRGB
    "ancestry": 3,
    "sex": 1,
    "age": 1,
    "weight": 1,
    **dict.fromkeys(COLOURS, 3),
    **dict.fromkeys(STRENGTHS, 1),
    "mole": 3,
    "beard": 3,
    "hair_style": len(STYLES),
    "brow_style": BROWS,
}
LOOKS_SIZE = sum(LAYOUT.values())
VIEW_SIZE = 48


def part(name: str) -> slice:
    """The slice of the looks vector that holds that part."""
    start = sum(size for other, size in list(LAYOUT.items())[: list(LAYOUT).index(name)])
    return slice(start, start + LAYOUT[name])


def looks_vector(person: Factors, looks: Looks, hair: str, brow: int) -> Floats:
    """A person's looks as a vector (LOOKS_SIZE,). `read_looks` is the inverse."""
    parts: list[Any] = [person.ancestry, [person.male, person.age, person.weight]]
    parts += [to_srgb(getattr(looks, name)) for name in COLOURS]
    parts += [[getattr(looks, name) for name in STRENGTHS]]
    parts += [[looks.mole, looks.mole * looks.mole_x, looks.mole * (looks.mole_y - 6.7)]]
    parts += [[looks.beard, looks.beard * looks.beard_jaw, looks.beard * looks.beard_moustache]]
    parts += [np.eye(len(STYLES))[STYLES.index(hair)], np.eye(BROWS)[brow]]
    return np.concatenate(parts).astype(np.float32)


def read_looks(vector: Floats) -> tuple[Looks, str, int]:
    """Reads looks, hair style and brow style from a vector (LOOKS_SIZE,). Any numbers are allowed, since a network
    may have made them."""

    def of(name: str) -> Floats:
        return vector[part(name)]

    beard = max(0.0, float(of("beard")[0]))
    mole = float(np.clip(of("mole")[0], 0, 1))
    values: dict[str, Any] = {name: float(of(name)[0]) for name in STRENGTHS}
    for name in COLOURS:
        values[name] = np.asarray(np.clip(of(name), 0.02, 1) ** 2.2, np.float32)
    looks = Looks(
        **values,
        mole=float(mole > 0.5),
        mole_x=float(of("mole")[1]) / max(mole, 0.2),
        mole_y=float(of("mole")[2]) / max(mole, 0.2) + 6.7,
        beard=beard if beard > 0.1 else 0.0,
        beard_jaw=float(of("beard")[1]) / max(beard, 0.1),
        beard_moustache=float(of("beard")[2]) / max(beard, 0.1),
        grain=0,
    )
    return looks, STYLES[int(of("hair_style").argmax())], int(of("brow_style").argmax())


def view_vector(view: View) -> Floats:
    """A view as a vector (VIEW_SIZE,), each number about -2 to 2. Angles come as sine and cosine too: pose must
    be exact."""
    lamp, outfit, backdrop = view.lamp, view.outfit, view.backdrop
    turn, nod = np.deg2rad(view.yaw), np.deg2rad(view.pitch)
    azimuth, elevation = np.deg2rad([lamp.azimuth, lamp.elevation])
    return np.concatenate(
        [
            [view.yaw / 30, np.sin(turn), np.cos(turn), np.sin(2 * turn), np.cos(2 * turn)],
            [view.pitch / 12, np.sin(2 * nod), view.roll / 5, view.body_yaw / 20],
            view.expression * 2,
            [
                np.sin(azimuth),
                np.cos(azimuth),
                np.sin(elevation),
                lamp.key * 2 - 2,
                lamp.ambient * 4 - 1.6,
                lamp.warmth,
            ],
            [(view.zoom - 1) * 6, view.shift_x * 10, view.shift_y * 3],
            np.eye(len(BACKGROUNDS))[BACKGROUNDS.index(backdrop.kind)],
            to_srgb(backdrop.first) * 2 - 1,
            to_srgb(backdrop.second) * 2 - 1,
            [np.cos(backdrop.angle), np.sin(backdrop.angle), backdrop.place, backdrop.extent * 2 - 1],
            to_srgb(outfit.colour) * 2 - 1,
            (to_srgb(outfit.second) * 2 - 1) * outfit.striped,
            [outfit.striped, outfit.striped * (outfit.stripes - 22) / 8],
            [(outfit.neckline - 5.6) * 6, outfit.plunge * 2, outfit.slope - 1.5],
        ]
    ).astype(np.float32)


@dataclass(frozen=True)
class Coder:
    """Converts shape and looks to the vector (CODE,) that networks see, and back.

    A code has the shape first, then the looks, with numbers of about unit variance.

    Later shape components are kept smaller than the first, since an error in them shows less.
    """

    basis: ShapeBasis
    looks_mean: Floats
    looks_spread: Floats

    @property
    def shape_size(self) -> int:
        return len(self.basis.spread)

    @property
    def size(self) -> int:
        return self.shape_size + LOOKS_SIZE

    @property
    def _shape_scale(self) -> Floats:
        spread = self.basis.spread
        return np.asarray((spread / spread[0]) ** 0.3 / spread, np.float32)

    def join(self, coefficients: Floats, looks: Floats) -> Floats:
        """Makes codes from raw shape coefficients (…, K) and looks (…, LOOKS_SIZE)."""
        standard = np.clip((looks - self.looks_mean) / self.looks_spread, -4, 4)
        return np.concatenate([coefficients * self._shape_scale, standard], -1).astype(np.float32)

    def split(self, code: Floats) -> tuple[Floats, Floats]:
        """Splits codes (…, CODE) into bodies (…, N, 3) and looks vectors (…, LOOKS_SIZE)."""
        looks = code[..., self.shape_size :]
        return self.basis.body(self.unscaled(code)), looks * self.looks_spread + self.looks_mean

    def unscaled(self, code: Floats) -> Floats:
        """The raw shape coefficients (…, K) of codes (…, CODE)."""
        return np.asarray(code[..., : self.shape_size] / self._shape_scale, np.float32)

    def prior(self) -> Floats:
        """The spread of the shape's numbers between people, (K,)."""
        return np.asarray(self.basis.spread * self._shape_scale, np.float64)

    def names(self) -> list[str]:
        """The name of what each number of a code stands for, for tables."""
        edges = ((8, "shape 0-7"), (24, "shape 8-23"), (48, "shape 24-47"), (self.shape_size, "shape 48-"))
        names = [next(name for edge, name in edges if k < edge) for k in range(self.shape_size)]
        return names + [name for name, size in LAYOUT.items() for _ in range(size)]
