"""What the profiles with real weights share: batches, the decoding thread, fallbacks when memory runs out."""

from pipelines.diffusion.engine import DiffusionEngine, OnStepEnd

__all__ = ["DiffusionEngine", "OnStepEnd"]
