"""Loads the watermark that a worker marks with, and all that this machine can read."""

from models.errors import WatermarkModelMissing
from models.watermark import WatermarkOptions
from pipelines.watermark.protocol import Watermark
from pipelines.watermark.spread import SpreadSpectrum


def load_watermark(options: WatermarkOptions) -> Watermark:
    """The watermark to mark with: TrustMark if `likeness models fetch watermark` brought its weights, else our own.

    Raises WatermarkModelMissing if the options ask for TrustMark and its weights aren't there, or if they are there
    and can't be used.
    """
    return load_watermarks(options)[0]


def load_watermarks(options: WatermarkOptions) -> tuple[Watermark, ...]:
    """All watermarks that can be read here. The first is the one to mark with. Raises as `load_watermark` does.

    An image is marked with one of them, and a reader can't know with which: ask each, and look a number up by the
    watermark's `algorithm` and the number.
    """
    if options.algorithm == "trustmark":
        raise WatermarkModelMissing("TrustMark can't be used yet. Choose `auto` or `spread`.")
    return (SpreadSpectrum(),)
