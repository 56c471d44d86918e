"""What goes over the pipe between a worker and its verify process. Plain data, pickled.

What is measured on a picture stays pickled on the parent's side, which has no use for numpy. So the child keeps
nothing of a job, and one that replaces it can go on.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from models.gate_options import GateInfo
from models.likeness import CheckedReference, Judgement, Subject
from worker.base.raw_image import RawImage
from worker.base.spawned import Failed, Ready

Measured = bytes
"""A `ReferenceSet` or a `Portrait` of pipelines.identity, pickled by the child."""


@dataclass(frozen=True, slots=True)
class CheckReferences:
    """To the child: measure a job's references, and compare them with each other."""

    images: tuple[RawImage, ...]
    subject: Subject


@dataclass(frozen=True, slots=True)
class ReferencesChecked:
    """From the child."""

    measured: Measured
    checked: tuple[CheckedReference, ...]


@dataclass(frozen=True, slots=True)
class JudgeImage:
    """To the child: judge an image by its references and by the set's `others`, which go by their shots."""

    image: RawImage
    references: Measured
    yaw: float
    others: Mapping[str, Measured]
    changed: bool


@dataclass(frozen=True, slots=True)
class ImageJudged:
    """From the child."""

    portrait: Measured
    judgement: Judgement


FromChild = Ready[GateInfo] | ReferencesChecked | ImageJudged | Failed
