"""Random weights for models that exist as shapes only."""

from collections.abc import Callable, Iterable
from itertools import chain
from typing import TypeVar

import torch
from accelerate import init_empty_weights
from torch import Tensor, nn
from transformers import PreTrainedModel

M = TypeVar("M", bound=nn.Module)


def on_meta(make: Callable[[], M]) -> M:
    """Makes a model whose parameters take no memory.

    Buffers are real: rotary frequencies and the like are computed in constructors and are in no checkpoint.
    """
    with init_empty_weights(include_buffers=False):
        model = make()
    model.eval()
    # Moving parameters to the meta device one by one has split those that two layers share.
    if isinstance(model, PreTrainedModel):
        model.tie_weights()
    return model


def materialise(model: M, dtype: torch.dtype, device: torch.device | str, seed: int) -> M:
    """Gives the model weights in `dtype` on `device`. Changes and returns it.

    A weight's spread is 1 / √(its inputs), so that activations keep their size from layer to layer and neither
    vanish nor overflow in half precision. Norms start as the identity, biases at zero.
    """
    generator = torch.Generator(device).manual_seed(seed)
    made: dict[int, nn.Parameter] = {}
    for layer in model.modules():
        is_norm = "norm" in type(layer).__name__.lower()
        for name, shape in layer.named_parameters(recurse=False):
            if id(shape) not in made:
                if name.endswith("bias"):
                    weight = torch.zeros(shape.shape, dtype=dtype, device=device)
                elif is_norm and shape.squeeze().ndim <= 1:
                    weight = torch.ones(shape.shape, dtype=dtype, device=device)
                else:
                    weight = random_tensor(shape.shape, dtype, device, generator)
                made[id(shape)] = nn.Parameter(weight, requires_grad=False)
            layer.register_parameter(name, made[id(shape)])
        for name, buffer in layer.named_buffers(recurse=False):
            stored = name not in layer._non_persistent_buffers_set and buffer.is_floating_point()
            setattr(layer, name, buffer.to(device, dtype if stored else None))
    return model


def materialised(
    models: dict[str, nn.Module], dtype: torch.dtype, device: torch.device | str, seed: int
) -> dict[str, nn.Module]:
    """Applies `materialise` to each of the models."""
    return {name: materialise(model, dtype, device, seed) for name, model in models.items()}


def random_tensor(
    shape: Iterable[int], dtype: torch.dtype, device: torch.device | str, generator: torch.Generator | None
) -> Tensor:
    """Normal values with the spread that `materialise` explains. On the meta device, only the shape."""
    tensor = torch.empty(tuple(shape), dtype=dtype, device=device)
    inputs = tensor[0].numel() if tensor.ndim > 1 else tensor.numel()
    return tensor.normal_(0, max(1, inputs) ** -0.5, generator=generator)


def parameters(model: nn.Module) -> int:
    """The number of weights; those that layers share count once."""
    return sum(parameter.numel() for parameter in model.parameters())


def size_in_bytes(models: Iterable[nn.Module], dtype: torch.dtype) -> int:
    """The size of all weights in `dtype`."""
    weights = chain.from_iterable(model.parameters() for model in models)
    return sum(weight.numel() for weight in weights) * dtype.itemsize
