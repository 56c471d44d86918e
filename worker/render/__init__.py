"""The render process: a spawned child that owns the device, and the parent's handle on it."""

from worker.render.messages import RenderOrder
from worker.render.process import RenderProcess

__all__ = ["RenderOrder", "RenderProcess"]
