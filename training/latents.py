"""`python -m training.latents`: every picture through the trained codec, once, for the denoiser."""

import json
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm  # type: ignore[import-untyped]

from pipelines.embedded.nets.codec import PatchCodec
from pipelines.embedded.people.arrays import Floats
from training.autoencoder import as_tensor, load_codec
from training.data.dataset import Dataset
from training.steps import Workspace, workspace


def encode(space: Workspace) -> None:
    """Writes train.npy and held_out.npy, (pictures, channels, S/16, S/16) float16, and statistics.json."""
    folder = space.root / "latents"
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "statistics.json").exists():
        return
    codec = load_codec(space).to(memory_format=torch.channels_last)
    for name, data in (("held_out", space.held_out()), ("train", space.train())):
        _encode(codec, data, folder / name, space.recipe.channels, space.recipe.size // 16)
    sample = np.load(folder / "train.npy", mmap_mode="r")[:: max(1, len(data) // 4000)].astype(np.float32)
    statistics = {"mean": sample.mean((0, 2, 3)).tolist(), "spread": sample.std((0, 2, 3)).tolist()}
    (folder / "statistics.json").write_text(json.dumps(statistics) + "\n")


@torch.no_grad()
def _encode(codec: PatchCodec, data: Dataset, path: Path, channels: int, cells: int) -> None:
    """Goes on from `path`.done, the number of pictures that are encoded."""
    shape = (len(data), channels, cells, cells)
    done_path, array_path = path.with_suffix(".done"), path.with_suffix(".npy")
    done = int(done_path.read_text()) if done_path.exists() else 0
    latents = np.lib.format.open_memmap(
        array_path, "r+" if done else "w+", np.float16, None if done else shape
    )
    for start in tqdm(range(done, len(data), 64), desc=f"latents {path.name}", unit="batch", mininterval=10):
        numbers = np.arange(start, min(start + 64, len(data)))
        with torch.autocast("cpu", torch.bfloat16):
            latents[numbers] = codec.encode(as_tensor(data.pictures(numbers))).float().numpy()
        if start // 64 % 20 == 19:
            latents.flush()
            done_path.write_text(str(numbers[-1] + 1))
    latents.flush()
    done_path.write_text(str(len(data)))


def load_latents(space: Workspace, split: str) -> tuple[Floats, Floats, Floats]:
    """The split's latents as written (a memory map), and the channels' mean and spread, (C, 1, 1)."""
    return np.load(space.root / f"latents/{split}.npy", mmap_mode="r"), *latent_statistics(space)


def latent_statistics(space: Workspace) -> tuple[Floats, Floats]:
    """The channels' mean and spread over the training pictures, (C, 1, 1) each."""
    statistics = json.loads((space.root / "latents/statistics.json").read_text())
    mean, spread = (np.array(statistics[key], np.float32)[:, None, None] for key in ("mean", "spread"))
    return mean, spread


if __name__ == "__main__":
    encode(workspace(__doc__))
