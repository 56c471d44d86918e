"""`python -m training.denoiser`: trains the denoiser on true codes, which the renderer knows.

Factorised: the denoiser learns to show a code, the reference encoder to find it. Together they learn far
too slowly on a CPU. It predicts the clean latents.
"""

import numpy as np
import torch
from torch import Tensor

from pipelines.embedded.nets.denoiser import LikenessDenoiser
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.buffers import CHANNELS
from pipelines.embedded.people.code import VIEW_SIZE
from pipelines.embedded.people.drawer import Drawer
from training.conditions import conditions, load_drawer
from training.data.dataset import Dataset
from training.latents import load_latents
from training.loop import Trainer, mean_weights, shuffled
from training.people.files import load_coder
from training.references import codes_of
from training.steps import Workspace, workspace

PURE_NOISE = 0.15  # the part of the samples at noise level 1, where the layout is decided
UNKNOWN = 0.07  # the part that is trained without references, for guidance
SHAKEN = 0.08  # codes are shaken by up to this much, so that a slightly wrong one does no harm

Batch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]


def buffer_size(space: Workspace) -> int:
    return space.recipe.size // 2


def new_denoiser(space: Workspace) -> LikenessDenoiser:
    recipe = space.recipe
    model: LikenessDenoiser = LikenessDenoiser(
        code=load_coder(space.data).size,
        view=VIEW_SIZE,
        buffers=CHANNELS,
        channels=recipe.channels,
        cells=recipe.size // 16,
        widths=recipe.denoiser_widths,
        hidden=recipe.hidden,
        fine=recipe.drawing_widths[0],
        drawn=recipe.drawing_widths[1],
    )
    return model


def load_denoiser(space: Workspace, checkpoint: bool = False) -> LikenessDenoiser:
    model = new_denoiser(space)
    model.load_state_dict(mean_weights(space.root / "denoiser", checkpoint))
    model.eval()
    return model


def channel_weights(spread: np.ndarray) -> Tensor:
    """How much an error in each latent channel shows, tempered, mean 1: (C, 1, 1)."""
    weights = torch.from_numpy(np.sqrt(spread / spread.max()).astype(np.float32))
    return weights / weights.mean()


def train(space: Workspace) -> None:
    schedule, size = space.recipe.denoiser, buffer_size(space)
    data, test = space.train(pictures=False), space.held_out(pictures=False)
    drawer = load_drawer(space.data)
    codes, test_codes = codes_of(drawer.coder, data).numpy(), codes_of(drawer.coder, test).numpy()
    latents, mean, spread = load_latents(space, "train")
    model = new_denoiser(space)
    trainer = Trainer(model, space.root / "denoiser", schedule)
    visible = np.load(space.root / "codec/visibility.npy")
    weights = channel_weights(visible[:, None, None])

    def batch_at(step: int) -> Batch:
        rng = np.random.default_rng([schedule.seed, step])
        numbers = shuffled(schedule.seed, step, schedule.batch, len(data))
        clean = torch.from_numpy((latents[numbers].astype(np.float32) - mean) / spread)
        shaken = codes[numbers // data.views]
        shaken = shaken + rng.normal(0, 1, shaken.shape) * rng.uniform(0, SHAKEN, (len(shaken), 1))
        told = conditions(drawer, shaken.astype(np.float32), [data.view(int(n)) for n in numbers], size)
        level = 1 / (1 + np.exp(-rng.normal(0.6, 1, len(clean))))
        level = np.where(rng.random(len(clean)) < PURE_NOISE, 1.0, level).astype(np.float32)
        noise = torch.from_numpy(rng.standard_normal(clean.shape, np.float32))
        known = (rng.random(len(clean)) > UNKNOWN).astype(np.float32)
        return clean, noise, torch.from_numpy(level), *told, torch.from_numpy(known)

    def error(batch: Batch) -> Tensor:
        clean, noise, level, code, view, buffers, known = batch
        part = level[:, None, None, None]
        made = model((1 - part) * clean + part * noise, level, code, view, buffers, known)
        each: Tensor = ((made.float() - clean).square() * weights).mean((1, 2, 3))
        return each

    def loss_of(batch: Batch) -> tuple[Tensor, dict[str, float]]:
        return (error(batch) / batch[2].clamp(min=0.35).square()).mean(), {}

    held_out = _held_out(space, drawer, test, test_codes)

    def measure() -> dict[str, float]:
        right, wrong = held_out
        figures = {}
        for level in (1.0, 0.8, 0.5, 0.25):
            at = torch.full((len(right[0]),), level)
            figures[f"error at {level:g}"] = float(error((*right[:2], at, *right[3:])).mean())
        figures["wrong person at 1"] = float(
            error((*wrong[:2], torch.ones(len(wrong[0])), *wrong[3:])).mean()
        )
        return figures

    trainer.run(batch_at, loss_of, measure)


def _held_out(space: Workspace, drawer: Drawer, test: Dataset, codes: Floats) -> tuple[Batch, Batch]:
    """64 held-out pictures with their own codes, and with another person's."""
    latents, mean, spread = load_latents(space, "held_out")
    rng = np.random.default_rng(7)
    numbers = np.sort(rng.choice(len(test), min(64, len(test)), replace=False))
    clean = torch.from_numpy((latents[numbers].astype(np.float32) - mean) / spread)
    noise = torch.from_numpy(rng.standard_normal(clean.shape, np.float32))
    views = [test.view(int(number)) for number in numbers]
    ones = torch.ones(len(clean))
    whose = numbers // test.views
    right, wrong = (
        conditions(drawer, codes[people], views, buffer_size(space))
        for people in (whose, (whose + 1) % len(codes))
    )
    return (clean, noise, ones, *right, ones), (clean, noise, ones, *wrong, ones)


if __name__ == "__main__":
    train(workspace(__doc__))
