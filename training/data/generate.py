"""`python -m training.data.generate`: the shape basis, then the pictures of both splits.

A shard that exists is kept, so that a run that was cut off goes on where it stopped.
"""

import argparse
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm  # type: ignore[import-untyped]

from pipelines.embedded.people.code import view_vector
from training.data.shards import IDENTITIES, Shard, shard_paths, to_jpeg
from training.data.splits import BASIS_FIRST_SEED, Split, splits, view_of
from training.people.assets import Assets, load_assets
from training.people.basis import aligned, fit_basis
from training.people.code import Encoder, looks_of
from training.people.files import load_coder, save_coder, save_head
from training.people.identity import sample_identity
from training.people.render import render


class Maker:
    """Renders shards."""

    def __init__(self, assets: Assets, coder: Encoder, size: int) -> None:
        self.assets, self.coder, self.size = assets, coder, size

    def shard(self, task: tuple[Split, int, Path]) -> int:
        """Makes one shard; returns how many pictures it has."""
        split, start, path = task
        if path.exists():
            return 0
        head, textures = self.assets.head, self.assets.textures
        seeds = [split.seed(i) for i in range(start, min(start + IDENTITIES, split.identities))]
        people = [sample_identity(self.assets, seed) for seed in seeds]
        jpegs, views = [], []
        for person in people:
            drawn = [view_of(person.seed, number) for number in range(split.views)]
            views.append([view_vector(view) for view in drawn])
            jpegs += [to_jpeg(render(head, textures, person, view, size=self.size)) for view in drawn]
        Shard(
            seeds=np.array(seeds),
            shapes=np.stack([self.coder.basis.coefficients(head, person.body) for person in people]),
            looks=np.stack([looks_of(person) for person in people]),
            views=np.array(views, np.float32),
            jpegs=np.concatenate(jpegs),
            ends=np.cumsum([len(jpeg) for jpeg in jpegs]),
        ).save(path)
        return len(jpegs)


_maker: list[Maker] = []


def _begin(maker: Maker) -> None:
    cv2.setNumThreads(1)
    _maker.append(maker)


def _shard(task: tuple[Split, int, Path]) -> int:
    return _maker[0].shard(task)


def make_coder(assets: Assets, people: int) -> Encoder:
    """The shape basis and the looks' statistics, of people whom no split has."""
    bodies, looks = [], []
    for index in tqdm(range(people), desc="basis", mininterval=5):
        person = sample_identity(assets, BASIS_FIRST_SEED + index)
        bodies.append(aligned(assets.head, person.body))
        looks.append(looks_of(person))
    table = np.stack(looks)
    return Encoder(fit_basis(assets.head, np.stack(bodies)), table.mean(0), table.std(0) + np.float32(1e-3))


def generate(
    assets_folder: Path,
    out: Path,
    *,
    identities: int,
    held_out: int,
    size: int = 256,
    processes: int = 2,
    basis: int = 1500,
) -> Encoder:
    """Everything under `out`: head.npz, shape.npz, looks.npz, textures.npz, train/, held_out/."""
    assets = load_assets(assets_folder)
    out.mkdir(parents=True, exist_ok=True)
    if not (out / "looks.npz").exists():
        save_head(assets.head, assets.textures, out)
        save_coder(make_coder(assets, basis), out)
    coder = load_coder(out)
    maker = Maker(assets, coder, size)
    for split in reversed(splits(identities, held_out)):  # held-out first: every step measures with them
        (out / split.name).mkdir(exist_ok=True)
        tasks = [
            (split, start, path)
            for start, path in shard_paths(out / split.name, split.identities)
            if not path.exists()
        ]
        if not tasks:
            continue
        with (
            get_context("spawn").Pool(processes, _begin, (maker,)) as pool,
            tqdm(
                total=len(tasks) * IDENTITIES * split.views, desc=split.name, unit="picture", mininterval=10
            ) as bar,
        ):
            for count in pool.imap_unordered(_shard, tasks):
                bar.update(count)
    return coder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path, required=True, help="folder with MakeHuman's CC0 assets")
    parser.add_argument("--out", type=Path, default=Path("training/runs/data"))
    parser.add_argument("--identities", type=int, default=10_000)
    parser.add_argument("--held-out", type=int, default=150)
    parser.add_argument("--size", type=int, default=256, help="pixels a side")
    parser.add_argument("--basis", type=int, default=1500, help="people whom the shape basis is fitted to")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    generate(
        args.assets,
        args.out,
        identities=args.identities,
        held_out=args.held_out,
        size=args.size,
        processes=args.processes,
        basis=args.basis,
    )


if __name__ == "__main__":
    main()
