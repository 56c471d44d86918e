"""A model that is on the device only while it is used."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

import torch
from torch import Tensor, nn


class Guest:
    """Keeps a model's weights in host memory, and lends the device a copy. So nothing is copied back."""

    def __init__(self, module: nn.Module) -> None:
        """`module` is on the CPU."""
        tensors = chain(module.parameters(), module.buffers())
        self._kept: list[tuple[Tensor, Tensor]] = [(tensor, tensor.data) for tensor in tensors]

    @contextmanager
    def on(self, device: torch.device) -> Iterator[None]:
        """The model is on the device meanwhile."""
        try:
            for tensor, kept in self._kept:
                tensor.data = kept.to(device)
            yield
        finally:
            for tensor, kept in self._kept:
                tensor.data = kept
