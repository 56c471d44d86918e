"""`python -m training.finisher`: trains the bridge's denoiser on patches of pairs (`training.data.pairs`).

It names the finished picture from any level between both. The loss is on pixels and on their slopes, so that it keeps
edges; faces count twice.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipelines.embedded.bridge import BridgeScheduler
from pipelines.embedded.finishing import unshuffled
from pipelines.embedded.nets.finisher import CHANNELS, FACTOR, Finisher
from training.data.pairs import SIZE
from training.loop import Schedule, Trainer, mean_weights
from training.recipe import RECIPES

PATCH = 40  # cells a side
AT_THE_START = 0.3  # the part of the samples at level 1, where every picture begins
SLOPES = 1.0  # weight of the slopes' error
FACES = 2.0
_FACE, _EYE, _MOUTH = 0, 3, 4  # of the kinds that the finisher is told

Batch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


class Pairs:
    """All pairs of a folder, in memory, unshuffled: bytes."""

    def __init__(self, folder: Path) -> None:
        parts: dict[str, list[np.ndarray]] = {"carried": [], "clean": [], "told": []}
        for path in sorted(folder.glob("*.npz")):
            with np.load(path) as file:
                for name, part in parts.items():
                    part.append(
                        file[name] if name == "told" else np.stack([unshuffled(x) for x in file[name]])
                    )
        self.carried, self.clean, self.told = (np.concatenate(part) for part in parts.values())

    def __len__(self) -> int:
        return len(self.told)

    def patch(self, rng: np.random.Generator, number: int) -> tuple[np.ndarray, ...]:
        """Bytes of carried, clean and told, (…, PATCH, PATCH), mostly from where the head is."""
        cells = SIZE // FACTOR
        top, left = np.clip(
            rng.normal([0.42, 0.5], [0.16, 0.16]) * cells - PATCH / 2, 0, cells - PATCH
        ).astype(int)
        here = (number, slice(None), slice(top, top + PATCH), slice(left, left + PATCH))
        return self.carried[here], self.clean[here], self.told[here]

    def whole(self, numbers: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        return as_tensors(self.carried[numbers], self.clean[numbers], self.told[numbers])


def as_tensors(carried: np.ndarray, clean: np.ndarray, told: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures from -1 to 1, told from 0 to 1."""
    pictures = [
        torch.from_numpy(np.ascontiguousarray(part)).float().div(127.5).sub(1) for part in (carried, clean)
    ]
    return pictures[0], pictures[1], torch.from_numpy(np.ascontiguousarray(told)).float().div(255)


def slopes(cells: Tensor) -> tuple[Tensor, Tensor]:
    """(B, CHANNELS, C, C) → differences of the picture's neighbouring pixels, along both axes."""
    picture = torch.nn.functional.pixel_shuffle(cells, FACTOR)
    return picture.diff(dim=2), picture.diff(dim=3)


def error(made: Tensor, clean: Tensor, told: Tensor) -> Tensor:
    """(B,)"""
    kinds = told[:, FACTOR**2 :]
    face = kinds[:, [_FACE, _EYE, _MOUTH]].sum(1, keepdim=True).clamp(max=1)
    weight = 1 + (FACES - 1) * face
    pixels = ((made - clean).abs() * weight).mean((1, 2, 3))
    steps = [(a - b).abs().mean((1, 2, 3)) for a, b in zip(slopes(made), slopes(clean), strict=True)]
    return pixels + SLOPES * (steps[0] + steps[1])


def train(runs: Path, schedule: Schedule) -> None:
    data, test = Pairs(runs / "pairs/train"), Pairs(runs / "pairs/held_out")
    model, bridge = Finisher(), BridgeScheduler()
    trainer = Trainer(model, runs / "finisher", schedule, half=False)

    def batch_at(step: int) -> Batch:
        rng = np.random.default_rng([schedule.seed, step])
        patches = [data.patch(rng, int(rng.integers(len(data)))) for _ in range(schedule.batch)]
        carried, clean, told = as_tensors(*(np.stack(part) for part in zip(*patches, strict=True)))
        if rng.random() < 0.5:  # a mirrored picture is one too, told and all
            carried, clean, told = mirrored(carried), mirrored(clean), mirrored_told(told)
        level = np.where(rng.random(len(told)) < AT_THE_START, 1.0, rng.random(len(told)))
        noise = torch.from_numpy(rng.standard_normal(clean.shape, np.float32))
        at = torch.from_numpy(level.astype(np.float32))
        return bridge.between(clean, carried, at, bridge.sigma(told), noise), at, carried, told, clean

    def loss_of(batch: Batch) -> tuple[Tensor, dict[str, float]]:
        noisy, level, carried, told, clean = batch
        return error(model(noisy, level, carried, told).float(), clean, told).mean(), {}

    def measure() -> dict[str, float]:
        figures = {}
        for name, each in (("carried", slice(None)), ("drawn", slice(3, None, 4))):
            carried, clean, told = test.whole(np.arange(len(test))[each][:24])
            figures[f"{name}, before"] = float(error(carried, clean, told).mean())
            for level in (1.0, 0.5):
                at = torch.full((len(told),), level)
                noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
                noisy = bridge.between(clean, carried, at, bridge.sigma(told), noise)
                made = torch.cat(
                    [
                        model(*(part[k : k + 4] for part in (noisy, at, carried, told)))
                        for k in range(0, len(told), 4)
                    ]
                )
                figures[f"{name} at {level:g}"] = float(error(made.float(), clean, told).mean())
        return figures

    trainer.run(batch_at, loss_of, measure)


def mirrored(cells: Tensor) -> Tensor:
    """Of an unshuffled picture (B, CHANNELS, C, C)."""
    folded = cells.unflatten(1, (CHANNELS // FACTOR, FACTOR))
    return folded.flip(2, 4).flatten(1, 2)


def mirrored_told(told: Tensor) -> Tensor:
    share = told[:, : FACTOR**2].unflatten(1, (FACTOR, FACTOR)).flip(2, 4).flatten(1, 2)
    return torch.cat([share, told[:, FACTOR**2 :].flip(3)], 1)


def load_finisher(runs: Path, checkpoint: bool = False) -> Finisher:
    model: Finisher = Finisher()
    model.load_state_dict(mean_weights(runs / "finisher", checkpoint))
    model.eval()
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", choices=RECIPES, default="full")
    parser.add_argument("--runs", type=Path, default=Path("training/runs"))
    args = parser.parse_args()
    train(args.runs, RECIPES[args.recipe].finisher)


if __name__ == "__main__":
    main()
