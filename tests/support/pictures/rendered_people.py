"""A person rendered in any view, as the training people are: by the mesh that ships with the weights."""

from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import load_file

from models.influencer import Appearance
from pipelines.embedded.appearance import Directions
from pipelines.embedded.made_up import made_up
from pipelines.embedded.people.chance import draw_factors
from pipelines.embedded.people.code import read_looks
from pipelines.embedded.people.drawer import Drawer
from pipelines.embedded.people.packed import unpacked, within
from pipelines.embedded.people.view import View
from pipelines.sources import EMBEDDED
from pipelines.weights import store_of
from training.people.identity import Identity
from training.people.render import render


def picture(seed: int, view: View, size: int = 400) -> Image.Image:
    """Of the made-up person with that seed."""
    drawer, person = _person(seed)
    return Image.fromarray(render(drawer.head, drawer.textures, person, view, size=size))


@cache
def _person(seed: int) -> tuple[Drawer, Identity]:
    folder = store_of(EMBEDDED, Path("none")).folder(EMBEDDED)
    packed = load_file(folder / "person/diffusion_pytorch_model.safetensors")
    arrays = unpacked({name.replace("__", "."): array for name, array in packed.items()})
    drawer = Drawer.of(arrays)
    code = made_up(seed, Appearance(), drawer.coder, Directions(**within(arrays, "directions")))
    bodies, looks = drawer.coder.split(code[None])
    whole, hair, brow = read_looks(looks[0])
    factors = draw_factors(np.random.default_rng(seed))
    return drawer, Identity(seed, factors, bodies[0], hair, brow, whole)
