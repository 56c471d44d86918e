"""`python -m training.autoencoder`: trains the codec, and counts the face more than the wall behind it."""

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from pipelines.embedded.nets.codec import PatchCodec
from training.data.dataset import Dataset
from training.heads import head_box
from training.loop import Trainer, shuffled
from training.steps import Workspace, workspace

FACE_WEIGHT = 3.0  # of a pixel in the face's middle, beside 1 far from it
LATENT_NOISE = 0.05  # added in training, so that the decoder bears a denoiser's small errors


def as_tensor(pictures: np.ndarray) -> Tensor:
    """(B, S, S, 3) bytes → (B, 3, S, S) from -1 to 1."""
    tensor = torch.from_numpy(pictures).permute(0, 3, 1, 2)
    return tensor.contiguous(memory_format=torch.channels_last).float() / 127.5 - 1


def face_weights(data: Dataset, numbers: np.ndarray, size: int) -> Tensor:
    """A bump over each picture's head, mean 1: (B, 1, size, size)."""
    boxes = torch.tensor(np.stack([head_box(data.view(int(number))) for number in numbers]))
    line = (torch.arange(size) + 0.5) / size
    x = (line[None, None, :] - boxes[:, 0, None, None]) / boxes[:, 2, None, None]
    y = (line[None, :, None] - boxes[:, 1, None, None]) / boxes[:, 2, None, None]
    bump = 1 + (FACE_WEIGHT - 1) * torch.exp(-(x**2 / 0.10 + y**2 / 0.14))
    return (bump / bump.mean((1, 2), keepdim=True))[:, None]


def loss_of(model: PatchCodec, pictures: Tensor, weights: Tensor) -> tuple[Tensor, dict[str, float]]:
    latents = model.encode(pictures)
    latents = latents + LATENT_NOISE * torch.randn_like(latents)
    made = model.decode(latents).float()
    error = made - pictures
    pixel = (error.abs() * weights).mean() + 4 * (error.square() * weights).mean()
    edges = sum((_slope(made, axis) - _slope(pictures, axis)).abs().mean() for axis in (2, 3))
    scale = (latents.float().square().mean((0, 2, 3)) - 1).square().mean()
    return pixel + 0.5 * edges + 1e-3 * scale, {"pixel": pixel.item(), "scale": scale.item()}


def _slope(pictures: Tensor, axis: int) -> Tensor:
    return pictures.diff(dim=axis)


def psnr(made: Tensor, pictures: Tensor, weights: Tensor | None = None) -> float:
    """Decibels, the mean over pictures from -1 to 1."""
    error = ((made.clamp(-1, 1) - pictures) / 2).square()
    if weights is not None:
        error = error * weights
    return float((-10 * torch.log10(error.mean((1, 2, 3)))).mean())


def train(space: Workspace) -> None:
    recipe = space.recipe
    data, test = space.train(recipe.codec_identities), space.held_out()
    model = new_codec(space)
    folder = space.root / "codec"
    if not (folder / "checkpoint.safetensors").exists():
        some = np.random.default_rng(0).choice(len(data), min(600, len(data)), replace=False)
        linear = model.start_from(as_tensor(data.pictures(some)))
        print(f"codec: the linear start has {linear:.2f} dB", flush=True)  # noqa: T201
    trainer = Trainer(model, folder, recipe.codec)
    shown = np.random.default_rng(1).choice(len(test), min(32, len(test)), replace=False)
    pictures, weights = as_tensor(test.pictures(shown)), face_weights(test, shown, recipe.size)

    def batch_at(step: int) -> tuple[Tensor, Tensor]:
        numbers = shuffled(recipe.codec.seed, step, recipe.codec.batch, len(data))
        batch, weight = as_tensor(data.pictures(numbers)), face_weights(data, numbers, recipe.size)
        if step % 2:
            batch, weight = batch.flip(3), weight.flip(3)
        return batch.contiguous(memory_format=torch.channels_last), weight

    def measure() -> dict[str, float]:
        made = torch.cat([model(part).float() for part in torch.split(pictures, 8)])
        close = 1.0 * (weights > weights.amax((2, 3), keepdim=True) * 0.6)
        close = close / close.mean((1, 2, 3), keepdim=True)
        return {"psnr": psnr(made, pictures), "psnr_face": psnr(made, pictures, close)}

    trainer.run(batch_at, lambda batch: loss_of(model, *batch), measure)
    if not (folder / "visibility.npy").exists():
        with trainer.mean_weights():
            np.save(folder / "visibility.npy", visibility(model, pictures[:8]))


def visibility(model: PatchCodec, pictures: Tensor) -> np.ndarray:
    """The mean square error that one spread's noise in each latent channel makes in the picture: (C,)."""
    latents = model.encode(pictures)
    clean, shown = model.decode(latents), []
    for channel in range(latents.shape[1]):
        changed = latents.clone()
        changed[:, channel] += torch.randn_like(changed[:, channel]) * latents[:, channel].std()
        shown.append(float((model.decode(changed) - clean).square().mean()))
    return np.array(shown, np.float32)


def new_codec(space: Workspace, **statistics: tuple[float, ...]) -> PatchCodec:
    coarse, middle, fine = space.recipe.codec_widths
    model: PatchCodec = PatchCodec(
        channels=space.recipe.channels, coarse=coarse, middle=middle, fine=fine, **statistics
    )
    return model


def load_codec(space: Workspace, **statistics: tuple[float, ...]) -> PatchCodec:
    """`statistics` are the latents', which a codec has only after it was trained (`training.latents`)."""
    model = new_codec(space, **statistics)
    model.load_state_dict(load_file(space.root / "codec/mean.safetensors"))
    model.eval()
    return model


if __name__ == "__main__":
    train(workspace(__doc__))
