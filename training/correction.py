"""`python -m training.correction`: what the reader's fits of training people get wrong alike.

The pictures of a person are read in groups of one to four, since a fit of one picture errs otherwise than one of
four. A shard that exists is kept.
"""

import multiprocessing
import os
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm  # type: ignore[import-untyped]

from pipelines.embedded.correction import Correction
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.reading import person_of, read_pictures
from training.autoencoder import as_tensor
from training.conditions import load_drawer
from training.data.shards import IDENTITIES, shard_paths
from training.references import codes_of, load_finder, load_reader
from training.steps import Workspace, workspace

GROUPS = ((0, 1, 2), (3,)), ((0, 1, 2, 3),), ((0, 1), (2, 3)), ((0,), (1, 2, 3))
"""How the four views of a training person are read together, by turns."""
PULL = 100.0  # of the regression towards nothing, in people


class Looker:
    """One instance is shared by all processes, which are forked from this one."""

    def __init__(self, space: Workspace) -> None:
        self.data, self.drawer = space.train(space.recipe.corrected_identities), load_drawer(space.data)
        self.finder, self.reader = load_finder(space), load_reader(space)

    def shard(self, task: tuple[int, Path]) -> None:
        start, path = task
        people = range(start, min(start + IDENTITIES, len(self.data.seeds)))
        part = path.with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as file:
            np.save(file, np.concatenate([self.fits_of(person) for person in people]))
        part.replace(path)

    @torch.inference_mode()
    def fits_of(self, person: int) -> Floats:
        """The shape that each of a person's pictures is taken to show, (V, K)."""
        numbers = np.arange(person * self.data.views, (person + 1) * self.data.views)
        with torch.autocast("cpu", torch.bfloat16):
            reading = read_pictures(self.finder, self.reader, as_tensor(self.data.pictures(numbers)))
        size, prior = self.drawer.coder.shape_size, self.drawer.coder.prior()
        shapes = []
        for group in GROUPS[person % len(GROUPS)]:
            shapes += [person_of(reading.only(group), self.drawer.points, prior)[:size]] * len(group)
        return np.stack(shapes)


def read(space: Workspace) -> None:
    """Writes fits/, a shard for each of the pictures' shards."""
    (space.root / "fits").mkdir(exist_ok=True)
    todo = [task for task in _shards(space) if not task[1].exists()]
    if not todo:
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # a process for each core instead
    with multiprocessing.get_context("fork").Pool(threads) as pool:
        done = pool.imap_unordered(Looker(space).shard, todo)
        for _ in tqdm(done, total=len(todo), desc="fits", unit="shard", mininterval=10):
            pass
    torch.set_num_threads(threads)


def _shards(space: Workspace) -> list[tuple[int, Path]]:
    shards = shard_paths(space.root / "fits", space.recipe.corrected_identities)
    return [(start, path.with_suffix(".npy")) for start, path in shards]


def fit_correction(space: Workspace) -> Correction:
    """The ridge regression of true shapes on fitted ones."""
    data, coder = (
        space.train(space.recipe.corrected_identities, pictures=False),
        load_drawer(space.data).coder,
    )
    fits = np.concatenate([np.load(path) for _, path in _shards(space)]).astype(np.float64)
    return regression(
        fits, codes_of(coder, data)[:, : coder.shape_size].double().numpy().repeat(data.views, 0)
    )


def regression(fits: Floats, true: Floats) -> Correction:
    """Of shapes (N, K) on fits of them (N, K)."""
    middle, spread = fits.mean(0), fits.std(0) + 1e-6
    known = (fits - middle) / spread
    normal = known.T @ known + PULL * np.eye(known.shape[1])
    slopes = np.linalg.solve(normal, known.T @ (true - true.mean(0))) / spread[:, None]
    return Correction(slopes, true.mean(0) - middle @ slopes)


if __name__ == "__main__":
    read(workspace(__doc__))
