"""Which invisible watermark images are marked with."""

from typing import Literal

from pydantic import Field

from models.base import Document


class WatermarkOptions(Document):
    """How to mark and read images: the worker's settings, passed to the process that does it."""

    algorithm: Literal["auto", "trustmark", "spread"] = Field(
        "auto", description="`auto` is TrustMark where its weights were fetched, else our own, `spread`."
    )
    weights: str = Field("weights", description="The folder that `likeness models fetch` fills.")
