"""The models' shapes with random weights: to measure speed and memory, and to test without a download.

Each module has a `FULL` shape, which is the published model's, and a `TINY` one, the smallest that runs.
`flux2_klein.py`, `qwen_image_edit.py` and `sdxl_ip_adapter.py` all implement `Geometry`.
"""

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import torch
    from torch import nn

Scale = Literal["full", "tiny"]

TINY_SIZE = 64
"""Side of the images and references that a tiny pipeline takes, in pixels."""
TINY_STEPS = 2


class Geometry(Protocol):
    """The interface of each module in this package."""

    def parts(self, scale: Scale) -> "dict[str, nn.Module]":
        """The models by the pipeline's names for them, on the meta device: shapes without weights."""

    def memory(self, scale: Scale, dtype: "torch.dtype") -> int:
        """Bytes of all its weights. Activations come on top."""

    def build(
        self,
        scale: Scale,
        *,
        dtype: "torch.dtype",
        device: "torch.device | str",
        seed: int = 0,
        pipeline_class: "type[Any] | None" = None,
    ) -> Any:
        """Builds the pipeline with random weights, made on `device` itself: no copy on the CPU."""
