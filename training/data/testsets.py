"""The two sets of people that clones are judged with: held-out ones, and sample personas of another renderer.

Training never saw either. A clone is compared with real views of its person that were no references, and never
with the real render of its own view.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import get_args

import numpy as np
from PIL import Image

from models.shot import Background, Expression, Light, Shot
from pipelines.embedded.people.view import View, sample_view
from training.data.splits import LIMIT, view_of
from training.people.assets import load_assets
from training.people.identity import sample_identity
from training.people.render import render

SIZE = 512
REFERENCES = 3
CLONES = 4
WIDEST = 30.0
"""Degrees of yaw that a clone has in this test."""
_HELD_OUT_VIEWS = 12


@dataclass(frozen=True)
class TestPerson:
    """One person: the most frontal views as references, other real views, and the views to render clones in."""

    name: str
    references: np.ndarray  # (R, S, S, 3) uint8, the most frontal first
    gallery: np.ndarray  # (G, S, S, 3) real views that are no references
    views: tuple[View, ...]
    seeds: tuple[int, ...]
    own: tuple[int, ...]
    """For each clone, the picture of the gallery that shows the same view; -1 where none does."""


def personas(folder: Path, size: int = SIZE) -> Iterator[TestPerson]:
    """The sample personas, with clones in drawn views. Their gallery has every yaw."""
    for person in sorted(path for path in folder.iterdir() if path.is_dir()):
        told = sorted(json.loads((person / "views.json").read_text()), key=lambda view: abs(view["yaw_deg"]))
        pictures = np.stack([_opened(person / view["file"], size) for view in told])
        number = int(person.name)
        views = tuple(
            sample_view(rng, _any_shot(rng))
            for rng in (np.random.default_rng([77, number, clone]) for clone in range(CLONES))
        )
        seeds = tuple(number * 100 + clone for clone in range(CLONES))
        yield TestPerson(
            person.name, pictures[:REFERENCES], pictures[REFERENCES:], views, seeds, (-1,) * CLONES
        )


def held_out(assets: Path, people: int, size: int = SIZE, processes: int = 2) -> Iterator[TestPerson]:
    """Held-out people, rendered anew. Their gallery is the real renders of their clones' views."""
    load_once = load_assets(assets)
    with get_context("spawn").Pool(processes, initializer=_share, initargs=(load_once, size)) as pool:
        yield from pool.imap(_held_out_person, range(9 * LIMIT, 9 * LIMIT + people))


_shared: tuple = ()  # type: ignore[type-arg]


def _share(*what: object) -> None:
    global _shared  # noqa: PLW0603 - a pool's process has no other way to be given it once
    _shared = what


def _held_out_person(seed: int) -> TestPerson:
    assets, size = _shared
    identity = sample_identity(assets, seed)
    by_yaw = sorted(range(_HELD_OUT_VIEWS), key=lambda number: abs(view_of(seed, number).yaw))
    others = [n for n in by_yaw[REFERENCES:] if abs(view_of(seed, n).yaw) <= WIDEST][:CLONES]

    def rendered(numbers: list[int]) -> np.ndarray:
        pictures = [
            render(assets.head, assets.textures, identity, view_of(seed, n), size=size) for n in numbers
        ]
        return np.stack(pictures) if pictures else np.zeros((0, size, size, 3), np.uint8)

    return TestPerson(
        str(seed),
        rendered(by_yaw[:REFERENCES]),
        rendered(others),
        tuple(view_of(seed, number) for number in others),
        tuple(seed % 1000 * 100 + number for number in others),
        tuple(range(len(others))),
    )


def _any_shot(rng: np.random.Generator) -> Shot:
    return Shot.model_validate(
        {
            "name": "any",
            "yaw": float(rng.uniform(-WIDEST, WIDEST)),
            "pitch": float(np.clip(rng.normal(0, 6), -15, 15)),
            "expression": str(rng.choice(get_args(Expression), p=[0.4, 0.3, 0.15, 0.15])),
            "light": str(rng.choice(get_args(Light), p=[0.5, 0.15, 0.15, 0.1, 0.1])),
            "background": str(rng.choice(get_args(Background))),
        }
    )


def _opened(path: Path, size: int) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.LANCZOS))
