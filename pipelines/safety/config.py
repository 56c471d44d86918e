"""The small JSON beside a classifier's ONNX file: what goes in, what comes out, and from where on it counts."""

from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, PositiveInt, model_validator

from models.base import Document
from models.errors import InvalidInput, SafetyModelMissing

_Channels = tuple[float, float, float]
_C = TypeVar("_C", bound="ClassifierConfig")


class Threshold(Document):
    """A finding, and the probability from which on it holds."""

    labels: Annotated[tuple[str, ...], Field(min_length=1)]
    """Their probabilities are added up."""
    at_least: Annotated[float, Field(gt=0, le=1)]


class ClassifierConfig(Document):
    """An image classifier. Pictures are scaled to a square, and reach it as RGB of shape (1, 3, size, size)."""

    model: Annotated[
        str, Field(pattern=r"^([A-Za-z0-9_][A-Za-z0-9._-]*/)*[A-Za-z0-9_][A-Za-z0-9._-]*\.onnx$")
    ]
    """The ONNX file, relative to the folder."""
    size: Annotated[PositiveInt, Field(le=1024)]
    """In pixels."""
    mean: _Channels
    std: Annotated[_Channels, Field(description="None is 0.")]
    """Of the channels, from 0 to 1."""
    labels: Annotated[tuple[str, ...], Field(min_length=2)]
    """In the order of the outputs."""
    output: Literal["logits", "probabilities"] = "logits"
    """Logits get a softmax; probabilities must add up to 1."""
    thresholds: dict[str, Threshold]

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if 0 in self.std:
            raise ValueError("std: a channel can't be divided by 0")
        named = {label for threshold in self.thresholds.values() for label in threshold.labels}
        if unknown := sorted(named - set(self.labels)):
            raise ValueError(f"thresholds: {', '.join(unknown)} is none of the labels")
        return self


class NudityConfig(ClassifierConfig):
    """A classifier of nudity. Its thresholds are `explicit` and, if it can tell, `suggestive`."""

    called = "classifier's JSON"

    @model_validator(mode="after")
    def _has_its_own(self) -> Self:
        if not {"explicit"} <= self.thresholds.keys() <= {"explicit", "suggestive"}:
            raise ValueError("thresholds: name `explicit`, perhaps `suggestive`, and no others")
        return self


class AgeConfig(ClassifierConfig):
    """A classifier of apparent age, for faces. Its threshold is `minor`."""

    called = "classifier's JSON"
    face_room: Annotated[float, Field(ge=1, le=4)] = 1.5
    """It gets squares of so many times a face's side."""

    @model_validator(mode="after")
    def _has_its_own(self) -> Self:
        if self.thresholds.keys() != {"minor"}:
            raise ValueError("thresholds: name `minor`, and no others")
        return self


def read_nudity(path: Path) -> NudityConfig:
    """Raises SafetyModelMissing."""
    return _read(NudityConfig, path)


def read_age(path: Path) -> AgeConfig:
    """Raises SafetyModelMissing."""
    return _read(AgeConfig, path)


def _read(kind: type[_C], path: Path) -> _C:
    try:
        return kind.parse(path.read_bytes())
    except OSError as error:
        reason = f"can't be read: {error.strerror}."
    except InvalidInput as error:
        reason = f"isn't valid. {error.message}"
    raise SafetyModelMissing(f"{path} {reason} docs/operating.md says what it must have.", file=path.name)
