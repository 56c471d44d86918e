"""The likeness gate of the profile `fake`: it takes all placeholders but those that are to miss."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from PIL import Image

from models.domain import Domain
from models.likeness import (
    CheckedReference,
    Embedder,
    ImageScores,
    Judgement,
    Reason,
    Subject,
    Verdict,
)
from pipelines.fake.profile import is_to_miss

_NO_CALIBRATION = "0" * 64
_NOBODY = Embedder(name="fake", metric="cosine", files={})


@dataclass(frozen=True, slots=True)
class FakeReferences:
    """References that nobody looked at."""

    checked: tuple[CheckedReference, ...]


@dataclass(frozen=True, slots=True)
class FakePortrait:
    """All that is known of an image."""

    width: int
    height: int
    misses: bool


@dataclass(frozen=True, slots=True)
class NoCalibration:
    """What stands where other gates have a calibration."""

    embedder: Embedder = _NOBODY
    digest: str = _NO_CALIBRATION
    domain: Domain = "rendered"
    origin: Literal["measured", "published"] = "measured"
    made_on: str = "nothing: this gate takes placeholders"


class FakeGate:
    """Answers as a `LikenessGate` does."""

    calibration = NoCalibration()
    faces: Any = None
    """It finds none."""

    def check_references(
        self,
        references: Sequence[Image.Image],
        subject: Subject = "person",  # noqa: ARG002
    ) -> FakeReferences:
        return FakeReferences(
            tuple(CheckedReference(index=index, faces=1, used=True) for index, _ in enumerate(references))
        )

    def portrait(self, image: Image.Image) -> FakePortrait:
        return FakePortrait(image.width, image.height, misses=is_to_miss(image))

    def judge(
        self,
        portrait: FakePortrait,
        references: FakeReferences,
        *,
        yaw: float = 0,
        others: Mapping[str, FakePortrait] | None = None,  # noqa: ARG002
        changed: bool = False,  # noqa: ARG002
    ) -> Judgement:
        return Judgement(
            embedder=self.calibration.embedder,
            calibration=self.calibration.digest,
            yaw=yaw,
            scores=ImageScores(
                width=portrait.width,
                height=portrait.height,
                faces=1,
                references=(None,) * len(references.checked),
            ),
            verdict=Verdict(
                outcome="miss" if portrait.misses else "pass",
                reasons=(Reason.NOT_THE_SAME_FACE,) if portrait.misses else (),
            ),
        )
