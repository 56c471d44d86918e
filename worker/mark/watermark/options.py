"""The watermark's options, taken from the settings."""

from dataclasses import dataclass
from importlib.util import find_spec

from models.watermark import WatermarkMode, WatermarkOptions
from worker.base.settings import Settings


@dataclass(frozen=True, slots=True)
class WatermarkChoice:
    """Whether images get a watermark, and why: the end of a sentence."""

    mode: WatermarkMode
    why: str


def watermark_choice(settings: Settings) -> WatermarkChoice:
    if settings.watermark is not None:
        return WatermarkChoice(settings.watermark, f"LIKENESS_WATERMARK is {settings.watermark}")
    if find_spec("numpy") is None:
        return WatermarkChoice("off", "numpy isn't installed (pip install '.[watermark]')")
    return WatermarkChoice("required", "it can be loaded here")


def watermark_options_of(settings: Settings) -> WatermarkOptions:
    return WatermarkOptions(algorithm=settings.watermark_algorithm, weights=str(settings.weights_dir))
