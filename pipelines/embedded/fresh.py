"""Draws a shot's view: never a reference's own pose and expression in nearly that reference's light.

Carried into its own view and light, a reference would come out as its own copy, which the identity gate refuses.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from models.shot import Shot
from pipelines.embedded.carry.reference import Reference
from pipelines.embedded.drawing.light import Light
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.view import View, sample_lamp, sample_view

_TURN = 8.0  # degrees of yaw or pitch from which on a face looks different
_EXPRESSION = 0.9  # sum of all weights' differences from which on it does. A fit errs by up to half of it.
_APART = 0.3  # distance of `_shading` from which on two lights look different
_MOST_LAMPS = 24  # a shot's light may leave little choice: side light has two sides
_GREY = np.full(3, 0.3, np.float32)


def fresh_view(seed: int, shot: Shot, references: Sequence[Reference]) -> View:
    """Draws what the shot leaves open from the seed, and other lamps as long as a reference looks the same."""
    rng = np.random.default_rng(seed)
    view = sample_view(rng, shot)
    lights = [_shading(one.light) for one in references if _is_alike(view, one)]
    if not lights:
        return view
    lamps = [view.lamp, *(sample_lamp(rng, shot.light) for _ in range(_MOST_LAMPS - 1))]
    apart = [min(_distance(_shading(Light.of(lamp, _GREY)), light) for light in lights) for lamp in lamps]
    far_enough = [lamp for lamp, distance in zip(lamps, apart, strict=True) if distance >= _APART]
    return replace(view, lamp=far_enough[0] if far_enough else lamps[int(np.argmax(apart))])


def _is_alike(view: View, reference: Reference) -> bool:
    """Whether the reference shows nearly the view's pose and expression."""
    yaw, pitch = reference.camera[:2]
    expression = np.abs(view.expression - reference.camera[7:]).sum()
    return bool(abs(view.yaw - yaw) < _TURN and abs(view.pitch - pitch) < _TURN and expression < _EXPRESSION)


def _shading(light: Light) -> Floats:
    """(3,) towards the lamp; its length is the lamp's share of all light."""
    lamp, around = light.lamp.mean(), (light.sky.mean() + light.ground.mean()) / 2
    return np.asarray(light.towards() * lamp / (lamp + around + 1e-9))


def _distance(one: Floats, other: Floats) -> float:
    return float(np.linalg.norm(one - other))
