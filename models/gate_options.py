"""How a verify process must judge: the worker's settings, passed to its child process."""

from typing import Literal, Protocol, Self

from pydantic import Field

from models.base import Document, Sha256
from models.domain import Domain
from models.likeness import Embedder, EmbedderName


class GateOptions(Document):
    """The embedder to judge with, and its calibration."""

    domain: Domain = Field(description="What the images that are judged look like.")
    embedder: EmbedderName = EmbedderName.DLIB
    face_models: str = Field("weights/faces", description="The folder of the ONNX models that you brought.")
    weights: str = Field("weights", description="The folder that `likeness models fetch` fills.")
    calibration: str | None = Field(
        None, description="A file; null is the one that ships for the embedder and the domain."
    )
    fake: bool = Field(False, description="The images are placeholders of the profile `fake`.")
    any_domain: bool = Field(False, description="A calibration of another domain is taken, too.")


class Calibrated(Protocol):
    """What a gate says of its calibration. A `Calibration` has all of it."""

    @property
    def embedder(self) -> Embedder: ...
    @property
    def digest(self) -> str: ...
    @property
    def domain(self) -> Domain: ...
    @property
    def origin(self) -> Literal["measured", "published"]: ...
    @property
    def made_on(self) -> str: ...


class GateInfo(Document):
    """The embedder and the calibration that a verify process judges with."""

    embedder: str
    calibration: Sha256 = Field(description="Of the calibration's JSON text.")
    calibrated_for: Domain
    origin: Literal["measured", "published"]
    made_on: str

    @classmethod
    def of(cls, calibration: Calibrated) -> Self:
        return cls(
            embedder=calibration.embedder.name,
            calibration=calibration.digest,
            calibrated_for=calibration.domain,
            origin=calibration.origin,
            made_on=calibration.made_on,
        )
