"""The render process's options, taken from the worker's settings."""

from typing import Any

from models.render import RenderOptions, SpeedOptions
from worker.base.settings import Settings


def options_of(settings: Settings, **changes: Any) -> RenderOptions:
    """Builds the render options from the settings. `changes` replace some of their fields."""
    options = RenderOptions(
        profile=settings.profile,
        device=settings.device,
        weights=str(settings.weights_dir),
        image_size=settings.image_size,
        steps=settings.steps,
        reference_size=settings.reference_size,
        max_batch=settings.max_batch,
        speed=SpeedOptions(
            compile=settings.compile,
            attention=settings.attention,
            quantize=settings.quantize,
            step_cache=settings.step_cache,
            channels_last=settings.channels_last,
        ),
    )
    return options.model_copy(update=changes)
