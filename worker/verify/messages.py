"""Messages on the pipe between a worker and its verify process: plain data, pickled.

The parent keeps the measurements of a picture pickled, since it has no use for numpy. So the child keeps nothing of
a job, and another child that replaces it can go on.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from models.gate_options import GateInfo, GateOptions
from models.likeness import CheckedReference, Judgement, Subject
from models.safety import SafetyInfo, SafetyOptions, SafetyReading
from worker.base.raw_image import RawImage

Measured = bytes
"""A `ReferenceSet` or a `Portrait` of pipelines.identity, pickled by the child."""


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """The gates to load. Null: without that one."""

    gate: GateOptions | None
    safety: SafetyOptions | None


@dataclass(frozen=True, slots=True)
class VerifyInfo:
    """What the loaded gates judge with."""

    gate: GateInfo | None
    safety: SafetyInfo | None


@dataclass(frozen=True, slots=True)
class CheckReferences:
    """To the child: measure a job's references, and compare them with each other."""

    images: tuple[RawImage, ...]
    subject: Subject


@dataclass(frozen=True, slots=True)
class ReferencesChecked:
    """From the child: the answer to CheckReferences."""

    measured: Measured
    checked: tuple[CheckedReference, ...]


@dataclass(frozen=True, slots=True)
class JudgeImage:
    """To the child: judge an image by its references and by the set's `others`, which are keyed by shot."""

    image: RawImage
    references: Measured
    yaw: float
    others: Mapping[str, Measured]
    changed: bool


@dataclass(frozen=True, slots=True)
class ImageJudged:
    """From the child: the answer to JudgeImage."""

    portrait: Measured
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class ScreenImage:
    """To the child: look whether an image may be stored."""

    image: RawImage


@dataclass(frozen=True, slots=True)
class ImageScreened:
    """From the child: the answer to ScreenImage."""

    reading: SafetyReading


ToChild = CheckReferences | JudgeImage | ScreenImage
