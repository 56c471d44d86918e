"""A view: everything about a picture that isn't the person. It uses the terms of `models.shot`."""

from dataclasses import dataclass
from typing import NamedTuple, get_args

import numpy as np

from models.shot import Background, Expression, Framing, Light, Shot
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.colour import any_colour

BACKGROUNDS: tuple[Background, ...] = get_args(Background)


class Lamp(NamedTuple):
    """One distant light and an ambient one. Angles in degrees; azimuth 0 is the camera's side, 90 the right."""

    azimuth: float
    elevation: float
    key: float
    ambient: float
    warmth: float  # -1 bluish to 1 reddish

    def towards(self) -> Floats:
        """The unit vector that points to the lamp, (3,)."""
        azimuth, elevation = np.deg2rad([self.azimuth, self.elevation])
        flat = np.cos(elevation)
        return np.array([np.sin(azimuth) * flat, np.sin(elevation), np.cos(azimuth) * flat], np.float32)


class Outfit(NamedTuple):
    """A shirt, painted on the body. Colours linear RGB, (3,); lengths in decimetres of the rest pose."""

    colour: Floats
    second: Floats
    striped: float  # 0 or 1
    stripes: float  # radians per decimetre
    neckline: float  # height at the shoulder
    plunge: float  # how far it falls in front
    slope: float  # how narrow the opening is


class Backdrop(NamedTuple):
    """What is behind the person: two colours, and where each shows."""

    kind: Background
    first: Floats  # linear RGB
    second: Floats
    angle: float  # radians: studio's and plain's gradient
    place: float  # -1 to 1: indoor's window, outdoor's horizon
    extent: float  # 0 to 1: size of the window, softness of the horizon


@dataclass(frozen=True)
class View:
    """The pose, expression, light, camera, backdrop and clothes of one picture."""

    yaw: float  # degrees; positive turns the face to the image's right
    pitch: float  # degrees; positive looks up
    roll: float  # degrees
    body_yaw: float  # degrees
    expression: Floats  # a weight for each of head.EXPRESSION_UNITS
    lamp: Lamp
    zoom: float  # 1 shows head and shoulders
    shift_x: float  # the camera's, in decimetres
    shift_y: float
    backdrop: Backdrop
    outfit: Outfit


def sample_view(rng: np.random.Generator, shot: Shot | None = None) -> View:
    """Draws a view as `shot` asks for it, or any view without a shot. What the shot leaves open is random."""
    shot = shot or _any_shot(rng)
    zoom, shift_y = _framing(rng, shot.framing)
    return View(
        yaw=shot.yaw,
        pitch=shot.pitch,
        roll=float(np.clip(rng.normal(0, 3), -8, 8)),
        body_yaw=shot.yaw * rng.uniform(0.2, 0.6),
        expression=_expression(rng, shot.expression),
        lamp=sample_lamp(rng, shot.light),
        zoom=zoom,
        shift_x=rng.uniform(-0.10, 0.10),
        shift_y=shift_y,
        backdrop=_backdrop(rng, shot.background),
        outfit=_outfit(rng),
    )


def _any_shot(rng: np.random.Generator) -> Shot:
    def one_of(kind: object, *weights: float) -> str:
        return str(rng.choice(get_args(kind), p=np.array(weights) / sum(weights)))

    # References and clones are mostly near frontal; profiles must still be seen often enough to be learnt.
    yaw = (
        float(rng.uniform(-45, 45))
        if rng.random() < 0.8
        else float(rng.choice([-1, 1]) * rng.uniform(45, 88))
    )
    return Shot.model_validate(
        {
            "name": "any",
            "yaw": yaw,
            "pitch": float(np.clip(rng.normal(0, 8), -24, 24)),
            "expression": one_of(Expression, 4, 3, 1.5, 1.5),
            "light": one_of(Light, 4, 1.5, 1.5, 1.5, 1),
            "background": one_of(Background, 1, 1, 1, 1),
            "framing": one_of(Framing, 2, 6, 1),
        }
    )


def _expression(rng: np.random.Generator, name: Expression) -> Floats:
    smile = opened = raised = frown = press = 0.0
    if name == "smile":
        smile, opened = rng.uniform(0.3, 0.9), rng.uniform(0.1, 0.35) * (rng.random() < 0.5)
    elif name == "serious":
        frown, press = rng.uniform(0.2, 0.7), rng.uniform(0, 0.4)
    elif name == "surprised":
        raised, opened = rng.uniform(0.3, 0.9), rng.uniform(0.1, 0.4) * (rng.random() < 0.5)
    return np.array([smile, opened, raised, frown, press], np.float32)


def sample_lamp(rng: np.random.Generator, name: Light) -> Lamp:
    """Draws a lamp for a light's name."""
    side = rng.choice([-1.0, 1.0])
    warmth = {"warm": rng.uniform(0.6, 1.0), "cool": rng.uniform(-1.0, -0.6)}.get(
        name, rng.uniform(-0.35, 0.35)
    )
    if name == "side":
        return Lamp(
            side * rng.uniform(60, 88),
            rng.uniform(5, 30),
            rng.uniform(0.9, 1.3),
            rng.uniform(0.16, 0.3),
            warmth,
        )
    if name == "backlit":
        return Lamp(
            side * rng.uniform(125, 160),
            rng.uniform(20, 50),
            rng.uniform(1.1, 1.6),
            rng.uniform(0.4, 0.6),
            warmth,
        )
    return Lamp(
        side * rng.uniform(0, 55), rng.uniform(10, 55), rng.uniform(0.6, 1.2), rng.uniform(0.3, 0.6), warmth
    )


def _framing(rng: np.random.Generator, name: Framing) -> tuple[float, float]:
    if name == "close-up":
        return rng.uniform(1.2, 1.4), rng.uniform(-0.05, 0.1)
    if name == "half-body":
        return rng.uniform(0.66, 0.76), rng.uniform(-0.75, -0.6)
    return rng.uniform(0.92, 1.14), rng.uniform(-0.1, 0.1)


def _backdrop(rng: np.random.Generator, kind: Background) -> Backdrop:
    first, second = any_colour(rng), any_colour(rng)
    if kind == "studio":  # bright in the middle
        second = np.asarray(first * rng.uniform(0.25, 0.7), np.float32)
    elif kind == "plain":
        second = np.asarray(np.clip(first * rng.uniform(0.75, 1.3), 0, 1), np.float32)
    elif kind == "indoor":  # a window brighter than its wall
        second = np.asarray(0.35 + 0.65 * second, np.float32)
    else:  # a bright sky above a darker ground
        first = np.asarray(first * 0.35 + np.array([0.35, 0.5, 0.65]) * rng.uniform(0.6, 1.1), np.float32)
        second = np.asarray(second * 0.5, np.float32)
    return Backdrop(kind, first, second, rng.uniform(0, 2 * np.pi), rng.uniform(-1, 1), rng.uniform(0, 1))


def _outfit(rng: np.random.Generator) -> Outfit:
    cut = rng.integers(3)
    return Outfit(
        colour=any_colour(rng),
        second=any_colour(rng),
        striped=float(rng.random() < 0.15),
        stripes=rng.uniform(14, 30),
        neckline=rng.uniform(5.45, 5.75),
        plunge=(0.0, 0.25, 0.7)[cut],
        slope=(1.0, 2.0, 1.6)[cut],
    )
