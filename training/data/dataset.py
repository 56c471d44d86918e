"""All shards of a split in memory, pictures as JPEG: 40,000 of them take about one gigabyte."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.code import view_vector
from pipelines.embedded.people.view import View
from training.data.shards import Shard, from_jpeg, shard_paths
from training.data.splits import view_of


def as_tensor(pictures: np.ndarray) -> Tensor:
    """(B, S, S, 3) bytes → (B, 3, S, S) from -1 to 1."""
    tensor = torch.from_numpy(pictures).permute(0, 3, 1, 2)
    return tensor.contiguous(memory_format=torch.channels_last).float() / 127.5 - 1


class Dataset:
    """Pictures are numbered identity by identity: picture p is view p % views of identity p // views."""

    def __init__(self, folder: Path, identities: int, pictures: bool = True) -> None:
        self._shards = [Shard.load(path, pictures) for _, path in shard_paths(folder, identities)]
        self.seeds = np.concatenate([shard.seeds for shard in self._shards])
        self.shapes = np.concatenate([shard.shapes for shard in self._shards])
        self.looks = np.concatenate([shard.looks for shard in self._shards])
        vectors = np.concatenate([shard.views for shard in self._shards])
        self.views = vectors.shape[1]
        self.view_vectors: Floats = vectors.reshape(-1, vectors.shape[-1])
        self._first = np.cumsum([0] + [len(shard.ends) for shard in self._shards])
        if not np.allclose(view_vector(self.view(0)), self.view_vectors[0], atol=1e-5):
            raise ValueError(f"{folder} was made by another version of the renderer: generate it anew.")

    def __len__(self) -> int:
        return len(self.view_vectors)

    def identity(self, picture: int) -> int:
        return int(picture // self.views)

    def picture(self, picture: int) -> np.ndarray:
        """RGB (S, S, 3) uint8."""
        which = int(np.searchsorted(self._first, picture, "right")) - 1
        return from_jpeg(self._shards[which].jpeg(picture - int(self._first[which])))

    def pictures(self, numbers: np.ndarray) -> np.ndarray:
        """(B, S, S, 3) uint8."""
        return np.stack([self.picture(int(number)) for number in numbers])

    def view(self, picture: int) -> View:
        return view_of(int(self.seeds[picture // self.views]), picture % self.views)
