"""Reads and replaces single parts of the looks in a code."""

from collections.abc import Mapping

import numpy as np

from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.code import Coder, part


def place_of(name: str, coder: Coder) -> slice:
    """The slice of a code that holds that part of the looks."""
    within = part(name)
    return slice(coder.shape_size + within.start, coder.shape_size + within.stop)


def looks_of(code: Floats, coder: Coder) -> Floats:
    """The looks (LOOKS_SIZE,) of a code. `Coder.split` would also compute the body, which takes much longer."""
    return np.asarray(code[coder.shape_size :] * coder.looks_spread + coder.looks_mean)


def with_looks(code: Floats, coder: Coder, told: Mapping[str, Floats]) -> Floats:
    """The code with these parts of its looks replaced, and no other number touched."""
    looks = looks_of(code, coder)
    for name, value in told.items():
        looks[part(name)] = value
    joined = coder.join(coder.unscaled(code), looks)
    changed = code.copy()
    for name in told:
        changed[place_of(name, coder)] = joined[place_of(name, coder)]
    return changed
