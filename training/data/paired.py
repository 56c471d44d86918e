"""All pairs of a split in memory, as bytes: what `data.pairs` has written."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipelines.embedded.finishing import unshuffled

VIEWS = 4
"""Pairs of each person; the last one carries nothing."""
PATCH = 40  # cells a side, or as many as a picture has


class Pairs:
    """Carried and clean pictures, unshuffled, and what the finisher is told of them."""

    def __init__(self, folder: Path) -> None:
        parts: dict[str, list[np.ndarray]] = {"carried": [], "clean": [], "told": []}
        for path in sorted(folder.glob("*.npz")):
            with np.load(path) as file:
                parts["told"].append(file["told"])
                for name in ("carried", "clean"):
                    parts[name].append(np.stack([unshuffled(picture) for picture in file[name]]))
        if not parts["told"]:
            raise FileNotFoundError(f"{folder} has no pairs: run `python -m training.data.pairs`.")
        self.carried, self.clean, self.told = (np.concatenate(part) for part in parts.values())

    def __len__(self) -> int:
        return len(self.told)

    def patch(self, rng: np.random.Generator, number: int) -> tuple[np.ndarray, ...]:
        """Bytes of carried, clean and told, (…, PATCH, PATCH), mostly from where the head is."""
        cells = self.told.shape[-1]
        side = min(PATCH, cells)
        middle = rng.normal([0.42, 0.5], [0.16, 0.16]) * cells
        top, left = np.clip(middle - side / 2, 0, cells - side).astype(int)
        here = (number, slice(None), slice(top, top + side), slice(left, left + side))
        return self.carried[here], self.clean[here], self.told[here]

    def whole(self, numbers: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        return as_tensors(self.carried[numbers], self.clean[numbers], self.told[numbers])


def as_tensors(carried: np.ndarray, clean: np.ndarray, told: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures from -1 to 1, told from 0 to 1."""
    pictures = [
        torch.from_numpy(np.ascontiguousarray(part)).float().div(127.5).sub(1) for part in (carried, clean)
    ]
    return pictures[0], pictures[1], torch.from_numpy(np.ascontiguousarray(told)).float().div(255)
