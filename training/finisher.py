"""`python -m training.finisher`: trains the bridge's denoiser on patches of pairs (`training.data.pairs`).

It names the finished picture from any level between both. The loss is on pixels and on their slopes, so
that it keeps edges; faces count twice.
"""

import numpy as np
import torch
from torch import Tensor

from pipelines.embedded.bridge import BridgeScheduler
from pipelines.embedded.nets.finisher import FACTOR, Finisher
from training.data.paired import VIEWS, Pairs, as_tensors
from training.loop import Trainer, mean_weights
from training.steps import Workspace, workspace

AT_THE_START = 0.3  # the part of the samples at level 1, where every picture begins
SLOPES = 1.0  # weight of the slopes' error
FACES = 2.0
_FACE, _EYE, _MOUTH = 0, 3, 4  # of the kinds that the finisher is told

Batch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


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


def train(space: Workspace) -> None:
    schedule = space.recipe.finisher
    data, test = (Pairs(space.pairs / split) for split in ("train", "held_out"))
    model, bridge = new_finisher(space), BridgeScheduler()
    trainer = Trainer(model, space.root / "finisher", schedule)

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
        for name, each in (("carried", slice(None)), ("drawn", slice(VIEWS - 1, None, VIEWS))):
            carried, clean, told = test.whole(np.arange(len(test))[each][:24])
            figures[f"{name}, before"] = float(error(carried, clean, told).mean())
            for level in (1.0, 0.5):
                at = torch.full((len(told),), level)
                noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
                noisy = bridge.between(clean, carried, at, bridge.sigma(told), noise)
                made = [
                    model(*part)
                    for part in zip(*(torch.split(x, 4) for x in (noisy, at, carried, told)), strict=True)
                ]
                figures[f"{name} at {level:g}"] = float(error(torch.cat(made).float(), clean, told).mean())
        return figures

    trainer.run(batch_at, loss_of, measure)


def mirrored(cells: Tensor) -> Tensor:
    """Of an unshuffled picture (B, CHANNELS, C, C)."""
    batch, _, rows, columns = cells.shape
    folded = cells.reshape(batch, -1, FACTOR, rows, columns)
    return folded.flip(2, 4).flatten(1, 2)


def mirrored_told(told: Tensor) -> Tensor:
    return torch.cat([mirrored(told[:, : FACTOR**2]), told[:, FACTOR**2 :].flip(3)], 1)


def new_finisher(space: Workspace) -> Finisher:
    model: Finisher = Finisher(widths=space.recipe.finisher_widths)
    return model


def load_finisher(space: Workspace, checkpoint: bool = False) -> Finisher:
    model = new_finisher(space)
    model.load_state_dict(mean_weights(space.root / "finisher", checkpoint))
    model.eval()
    return model


if __name__ == "__main__":
    train(workspace(__doc__))
