"""The render process's options, taken from the worker's settings."""

from contextlib import suppress
from typing import Any

from models.errors import InvalidInput
from models.render import RenderOptions, SpeedOptions
from worker.base.settings import Settings

# Bytes a second: half of what the slowest disks of clouds read, since weights are read to be compared with their
# lock, and again to be loaded.
_SLOW = 60e6


def load_timeout(settings: Settings) -> float:
    """Seconds that the profile may take to load: the setting, and what a slow disk needs for its weights."""
    from pipelines.registry import GPU_PROFILE, profile_named

    size = 0
    with suppress(InvalidInput):  # the child says what is wrong with it
        profile = profile_named(GPU_PROFILE if settings.profile == "auto" else settings.profile)
        size = sum(source.download for source in profile.sources)
    return settings.load_timeout + size / _SLOW


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
        previews=settings.previews == "on",
    )
    return options.model_copy(update=changes)
