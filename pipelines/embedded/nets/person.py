"""What is known of people in general, as a part of the pipeline: arrays only, and nothing to compute."""

from typing import Any, Self

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin

from pipelines.embedded.people.arrays import Arrays
from pipelines.embedded.people.packed import unpacked


class PersonArrays(ModelMixin, ConfigMixin):  # type: ignore[misc]  # their own config_name
    """Packed arrays (`people.packed`) as buffers. The configuration has their types and shapes."""

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, arrays: dict[str, tuple[str, list[int]]]) -> None:
        super().__init__()
        for name, (kind, shape) in arrays.items():
            self.register_buffer(_buffer(name), torch.zeros(shape, dtype=getattr(torch, kind)))

    @classmethod
    def of(cls, packed: Arrays) -> Self:
        """Makes the module from packed arrays."""
        person: Self = cls({name: (str(array.dtype), list(array.shape)) for name, array in packed.items()})
        person.load_state_dict({_buffer(name): torch.from_numpy(array) for name, array in packed.items()})
        return person

    def arrays(self) -> Arrays:
        """The unpacked arrays."""
        buffers: dict[str, Any] = dict(self.named_buffers())
        return unpacked(
            {name: np.asarray(buffers[_buffer(name)].cpu().numpy()) for name in self.config.arrays}
        )


def _buffer(name: str) -> str:
    return name.replace(".", "__")
