"""Loads the watermark that a worker marks with, and those that this machine can read."""

from pathlib import Path

from models.errors import WatermarkModelMissing, WeightsMissing, WeightsRefused
from models.watermark import WatermarkOptions
from pipelines.sources import WATERMARK, WATERMARK_NAME
from pipelines.watermark.protocol import Watermark
from pipelines.watermark.spread import SpreadSpectrum
from pipelines.watermark.trustmark import TrustMark
from pipelines.weights import store_of, verify


def load_watermark(options: WatermarkOptions) -> Watermark:
    """The watermark to mark with: TrustMark if `likeness models fetch watermark` brought its weights, else our own.

    Raises WatermarkModelMissing if the options ask for TrustMark and its weights aren't there, or if they are there
    and can't be used.
    """
    return SpreadSpectrum() if options.algorithm == "spread" else _fetched(options) or SpreadSpectrum()


def load_readers(options: WatermarkOptions) -> tuple[tuple[Watermark, ...], WatermarkModelMissing | None]:
    """All watermarks that can be read here, our own first, and why one that was fetched or asked for can't be.

    An image is marked with one of them, and a reader can't know with which: ask each, and look a number up by the
    watermark's `algorithm` and the number.
    """
    own = SpreadSpectrum()
    try:
        fetched = _fetched(options)
    except WatermarkModelMissing as error:
        return (own,), error
    return (own, fetched) if fetched else (own,), None


def _fetched(options: WatermarkOptions) -> TrustMark | None:
    try:
        folder = verify(store_of(WATERMARK, Path(options.weights)), WATERMARK, profile=WATERMARK_NAME).path
    except WeightsMissing as error:
        if options.algorithm != "trustmark":
            return None
        reason = error.message
    except WeightsRefused as error:
        reason = error.message
    else:
        return TrustMark(folder)
    raise WatermarkModelMissing(reason)
