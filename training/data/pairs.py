"""`python -m training.data.pairs --assets FOLDER`: what the finisher learns from, pictures before and after it.

Before: a person's references carried into another view. After: the true render of that view. The carrying is
done over the person's *true* shape, so that both lie on each other to the pixel; else a network learns to blur.
Whatever else goes wrong for a clone goes wrong here too: the references' cameras, light, hair style, looks and
visibility are as they are read, and often their shape. Every fourth picture carries nothing, as for people who are
made up. A shard that exists is kept.
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import torch
from tqdm import tqdm  # type: ignore[import-untyped]

from pipelines.embedded.carry.cameras import fit_cameras
from pipelines.embedded.carry.carrier import Carrier
from pipelines.embedded.carry.style import shown_style
from pipelines.embedded.finishing import told_to_finisher
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.code import looks_vector, part
from pipelines.embedded.person import reference_of
from pipelines.embedded.pipeline import READ_AT, LikenessPipeline
from pipelines.embedded.reading import Reading, read_pictures
from training.data.paired import VIEWS
from training.data.splits import LIMIT, view_of
from training.package import reading_pipeline
from training.people.assets import Assets, load_assets
from training.people.basis import FittedBasis
from training.people.identity import Identity, sample_identity
from training.people.raster import rasterise
from training.people.render import render
from training.recipe import RECIPES
from training.shipped import shipped_pipeline
from training.steps import Workspace

_WIDEST_REFERENCE = 45.0
_MOST_REFERENCES = 4
_MISFIT = 0.5  # the most of the fitted shape's error that the references are looked up with


class Maker:
    """Makes pairs."""

    def __init__(self, assets: Assets, pipeline: LikenessPipeline, size: int) -> None:
        """`pipeline` reads the references; pictures have `size` pixels a side."""
        self.assets, self.pipeline, self.size = assets, pipeline, size
        self.drawer = replace(pipeline.drawer, rasteriser=rasterise)
        self.basis = FittedBasis.of(self.drawer.coder.basis, assets.head)

    def shard(self, task: tuple[int, Path]) -> Path:
        seed, path = task
        pairs = self.pairs(seed)
        part_path = path.with_suffix(f".{os.getpid()}.part")
        with part_path.open("wb") as file:
            np.savez(file, allow_pickle=False, **pairs)
        part_path.replace(path)
        return path

    def pairs(self, seed: int) -> dict[str, np.ndarray]:
        """Of one person: "carried" and "clean" (V, S, S, 3) and "told" (V, TOLD, C, C), all as bytes."""
        rng = np.random.default_rng([seed, 5])
        person = sample_identity(self.assets, seed)
        numbers = [n for n in range(200) if abs(view_of(seed, n).yaw) <= _WIDEST_REFERENCE]
        references = numbers[: int(rng.integers(1, _MOST_REFERENCES + 1))]
        pictures = [self._render(person, n).astype(np.float32) / 255 for n in references]
        carrier = self._carrier(person, pictures, float(rng.uniform(0, _MISFIT)))
        nobody = Carrier.of(self.drawer, self._code(person))
        targets = range(1000, 1000 + VIEWS)
        made = [
            (nobody if n == targets[-1] else carrier).picture(view_of(seed, n), self.size) for n in targets
        ]
        return {
            "carried": np.stack([_bytes(one.picture) for one in made]),
            "clean": np.stack([self._render(person, n) for n in targets]),
            "told": np.stack([_bytes(told_to_finisher(one)) for one in made]),
        }

    def _render(self, person: Identity, number: int) -> np.ndarray:
        view = view_of(person.seed, number)
        return render(self.assets.head, self.assets.textures, person, view, size=self.size)

    def _code(self, person: Identity) -> Floats:
        shape = self.basis.coefficients(self.assets.head, person.body)
        return self.drawer.coder.join(
            shape, looks_vector(person.factors, person.looks, person.hair, person.brow)
        )

    def _carrier(self, person: Identity, pictures: Sequence[Floats], misfit: float) -> Carrier:
        """Over the true shape, with everything else as it is read off the pictures."""
        coder, points = self.drawer.coder, self.drawer.points
        reading = self._read(pictures)
        fitted = self.pipeline.code_of(reading)
        true = self._code(person)
        code = np.concatenate([true[: coder.shape_size], fitted[coder.shape_size :]])
        looked_up = code.copy()
        looked_up[: coder.shape_size] += misfit * (fitted - true)[: coder.shape_size]
        cameras = fit_cameras(points, reading, looked_up[: coder.shape_size])
        read = reading.looks.mean(0) * coder.looks_spread + coder.looks_mean
        drawer, styled = shown_style(self.drawer, looked_up, read[part("hair_style")], cameras, pictures)
        shown = [
            reference_of(drawer, styled, camera, picture)
            for camera, picture in zip(cameras, pictures, strict=True)
        ]
        carrier = Carrier.of(drawer, styled, [one for one in shown if one])
        return replace(carrier, code=np.concatenate([true[: coder.shape_size], styled[coder.shape_size :]]))

    @torch.inference_mode()
    def _read(self, pictures: Sequence[Floats]) -> Reading:
        side = READ_AT
        small = np.stack([cv2.resize(one, (side, side), interpolation=cv2.INTER_AREA) for one in pictures])
        tensor = torch.from_numpy(small).permute(0, 3, 1, 2).mul(2).sub(1).contiguous()
        return read_pictures(self.pipeline.finder, self.pipeline.reader, tensor)


def _bytes(values: Floats) -> np.ndarray:
    return np.asarray(np.clip(values * 255 + 0.5, 0, 255), np.uint8)


def tasks(space: Workspace) -> list[tuple[int, Path]]:
    """The seeds and files of what isn't made yet. Makes the folders."""
    recipe = space.recipe
    todo: list[tuple[int, Path]] = []
    for name, first, people in (
        ("held_out", 9 * LIMIT + 500_000, recipe.paired_held_out),
        ("train", LIMIT, recipe.paired_identities),
    ):
        folder = space.pairs / name
        folder.mkdir(parents=True, exist_ok=True)
        files = [(seed, folder / f"{seed}.npz") for seed in range(first, first + people)]
        todo += [task for task in files if not task[1].exists()]
    return todo


_shared: list[Maker] = []


def _begin(assets: Path, space: Workspace, shipped: bool) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    pipeline = shipped_pipeline() if shipped else reading_pipeline(space)
    _shared.append(Maker(load_assets(assets), pipeline, space.recipe.pair_size))


def _shard(task: tuple[int, Path]) -> Path:
    return _shared[-1].shard(task)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path, required=True, help="folder with MakeHuman's CC0 assets")
    parser.add_argument("--recipe", choices=RECIPES, default="full")
    parser.add_argument("--runs", type=Path, default=Path("training/runs"))
    parser.add_argument(
        "--shipped", action="store_true", help="read with the package's networks, not the run's"
    )
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    space = Workspace(RECIPES[args.recipe], args.runs)
    todo, given = tasks(space), (args.assets, space, args.shipped)
    # Spawned: torch's threads don't survive a fork.
    with get_context("spawn").Pool(args.processes, initializer=_begin, initargs=given) as pool:
        for _ in tqdm(pool.imap_unordered(_shard, todo), total=len(todo), unit="person", mininterval=10):
            pass


if __name__ == "__main__":
    main()
