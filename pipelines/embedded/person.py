"""A job's person: what was read from the references, and which of them can be carried."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.influencer import Appearance
from pipelines.embedded.appearance import Directions, as_described
from pipelines.embedded.carry.cameras import fit_cameras, residuals
from pipelines.embedded.carry.carrier import Carrier
from pipelines.embedded.carry.fitness import LeftOut, by_light, by_place
from pipelines.embedded.carry.reference import NoSkin, Reference
from pipelines.embedded.carry.second_look import second_look
from pipelines.embedded.carry.style import shown_style
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.code import part
from pipelines.embedded.people.drawer import Drawer
from pipelines.embedded.reading import Reading


@dataclass(frozen=True)
class Person:
    """The person that a job renders, and other jobs with the same references."""

    carrier: Carrier
    left_out: tuple[LeftOut, ...] = ()
    """References that aren't carried, in the order of the references."""

    @property
    def code(self) -> Floats:
        """The person's code (CODE,)."""
        return self.carrier.code


@dataclass(frozen=True)
class Shown:
    """A job's references, as read and as pictures."""

    reading: Reading
    pictures: Sequence[Floats]
    """(S, S, 3) each, sRGB from 0 to 1: one for each row of `reading`."""


def person_shown(
    drawer: Drawer, directions: Directions, code: Floats, shown: Shown, appearance: Appearance
) -> Person:
    """Makes the person from a code (CODE,) that was read from the references, changed as `appearance` states."""
    reading, pictures = shown.reading, shown.pictures
    shape = code[: drawer.coder.shape_size]
    cameras = fit_cameras(drawer.points, reading, shape)
    off, height = residuals(drawer.points, reading, shape, cameras)
    judged = [by_place(k, *each) for k, each in enumerate(zip(cameras, height, off, strict=True))]
    left_out = [one for one in judged if one]
    fit = [k for k, one in enumerate(judged) if not one]
    references: list[Reference] = []
    if fit:
        details = [pictures[k] for k in fit]
        drawer, code = shown_style(drawer, code, _styles(drawer, reading), cameras[fit], details)
        code, looked = _looked_again(drawer, code, cameras[fit], details)
        for k, camera, picture in zip(fit, looked, details, strict=True):
            reference = reference_of(drawer, code, camera, picture)
            unlit = by_light(k, reference.error if reference else np.inf)
            if unlit:
                left_out.append(unlit)
            elif reference:
                references.append(reference)
    carrier = Carrier.of(drawer, code, references)
    described = carrier.described(as_described(code, appearance, drawer.coder, directions))
    if references and not described.references:
        left_out += [_of_another(k) for k in fit if k not in {one.index for one in left_out}]
    return Person(described, tuple(sorted(left_out, key=lambda one: one.index)))


def _looked_again(
    drawer: Drawer, code: Floats, cameras: Floats, pictures: Sequence[Floats]
) -> tuple[Floats, Floats]:
    try:
        return second_look(drawer, code, cameras, pictures)
    except NoSkin:
        return code, cameras


def reference_of(drawer: Drawer, code: Floats, camera: Floats, picture: Floats) -> Reference | None:
    """Like `Reference.of`, but returns None if the picture shows no skin to fit its light to."""
    try:
        return Reference.of(drawer, code, camera, picture)
    except NoSkin:
        return None


def _styles(drawer: Drawer, reading: Reading) -> Floats:
    """(styles,) how sure the reader is of each hair style."""
    looks = reading.looks.mean(0) * drawer.coder.looks_spread + drawer.coder.looks_mean
    return np.asarray(looks[part("hair_style")])


def _of_another(index: int) -> LeftOut:
    return LeftOut(
        index,
        "DESCRIBED_OTHERWISE",
        "the job describes another sex, age, weight or ancestry than it shows",
    )
