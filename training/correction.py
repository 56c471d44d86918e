"""`python -m training.correction`: what the reader's fits of training people get wrong alike.

The pictures of a person are read in groups of one to four, since a fit of one picture errs otherwise than one of
four. A shard that exists is kept.
"""

import os
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm  # type: ignore[import-untyped]

from pipelines.embedded.correction import Correction
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.drawer import Drawer
from pipelines.embedded.reading import Reading, person_of, read_pictures
from training.data.dataset import as_tensor
from training.data.shards import IDENTITIES, shard_paths
from training.loop import half_precision
from training.people.files import load_coder, load_drawer
from training.references import codes_of, load_finder, load_reader
from training.steps import Workspace, workspace

Groups = tuple[tuple[int, ...], ...]
GROUPS: tuple[Groups, ...] = ((0, 1, 2), (3,)), ((0, 1, 2, 3),), ((0, 1), (2, 3)), ((0,), (1, 2, 3))
"""How the four views of a training person are read together, by turns."""
PULL = 100.0  # of the regression towards nothing, in pictures


def read(space: Workspace) -> None:
    """Writes fits/, a shard for each of the pictures' shards."""
    (space.root / "fits").mkdir(exist_ok=True)
    todo = [task for task in _shards(space) if not task[1].exists()]
    if not todo:
        return
    data, drawer = space.train(space.recipe.corrected_identities), load_drawer(space.data)
    finder, reader = load_finder(space), load_reader(space)
    for start, path in tqdm(todo, desc="fits", unit="shard", mininterval=10):
        fits = []
        for person in range(start, min(start + IDENTITIES, len(data.seeds))):
            pictures = as_tensor(data.pictures(np.arange(person * data.views, (person + 1) * data.views)))
            with torch.inference_mode(), half_precision():
                reading = read_pictures(finder, reader, pictures)
            fits.append(_fits_of(drawer, reading, GROUPS[person % len(GROUPS)]))
        part = path.with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as file:
            np.save(file, np.concatenate(fits))
        part.replace(path)


def _fits_of(drawer: Drawer, reading: Reading, groups: Groups) -> Floats:
    """The shape that each of a person's pictures is taken to show, (V, K)."""
    shapes = []
    for group in groups:
        code = person_of(reading.only(group), drawer.points, drawer.coder.prior())
        shapes += [code[: drawer.coder.shape_size]] * len(group)
    return np.stack(shapes)


def _shards(space: Workspace) -> list[tuple[int, Path]]:
    shards = shard_paths(space.root / "fits", space.recipe.corrected_identities)
    return [(start, path.with_suffix(".npy")) for start, path in shards]


def fit_correction(space: Workspace) -> Correction:
    """The ridge regression of true shapes on fitted ones."""
    data, coder = space.train(space.recipe.corrected_identities, pictures=False), load_coder(space.data)
    fits = np.concatenate([np.load(path) for _, path in _shards(space)])
    true = codes_of(coder, data)[:, : coder.shape_size].numpy().repeat(data.views, 0)
    return regression(fits.astype(np.float64), true.astype(np.float64))


def regression(fits: Floats, true: Floats) -> Correction:
    """Of shapes (N, K) on fits of them (N, K)."""
    middle, spread = fits.mean(0), fits.std(0) + 1e-6
    known = (fits - middle) / spread
    normal = known.T @ known + PULL * np.eye(known.shape[1])
    slopes = np.linalg.solve(normal, known.T @ (true - true.mean(0))) / spread[:, None]
    return Correction(slopes, true.mean(0) - middle @ slopes)


if __name__ == "__main__":
    read(workspace(__doc__))
