"""How a verify process must judge: the worker's settings, passed to its child process."""

from typing import Self

from pydantic import Field

from models.base import Document, Sha256
from models.calibration import Calibration
from models.likeness import EmbedderName


class GateOptions(Document):
    """The embedder to judge with, and its calibration."""

    embedder: EmbedderName = EmbedderName.DLIB
    face_models: str = Field("weights/faces", description="The folder of the ONNX models that you brought.")
    calibration: str | None = Field(None, description="A file; null is the one that ships for the embedder.")


class GateInfo(Document):
    """The embedder and the calibration that a verify process judges with."""

    embedder: str
    calibration: Sha256 = Field(description="Of the calibration's JSON text.")
    made_on: str

    @classmethod
    def of(cls, calibration: Calibration) -> Self:
        return cls(
            embedder=calibration.embedder.name, calibration=calibration.digest, made_on=calibration.made_on
        )
