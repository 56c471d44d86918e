"""The classifiers of the safety gate: by models, or an operator's own."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from PIL import Image
from pydantic import ValidationError

from models.errors import VerifyError
from models.likeness import FaceBox
from models.safety import SafetyInfo, SafetyReading
from pipelines.safety.config import AgeConfig
from pipelines.safety.onnx_classifier import OnnxClassifier

FindFaces = Callable[[Image.Image], Sequence[FaceBox]]
"""Finds the faces in an RGB image."""


class SafetyClassifier(Protocol):
    """Looks at images. One instance serves one thread."""

    info: SafetyInfo

    def read(self, image: Image.Image) -> SafetyReading:
        """Looks at one RGB image. Raises VerifyError if nothing can be said of it: it isn't stored then."""


class ModelClassifier:
    """A model of nudity and, perhaps, one of apparent age, which is only asked where nudity isn't none."""

    def __init__(
        self,
        nudity: OnnxClassifier,
        age: tuple[OnnxClassifier, AgeConfig, FindFaces] | None,
        info: SafetyInfo,
    ) -> None:
        self.info = info
        self._nudity = nudity
        self._age = age

    def read(self, image: Image.Image) -> SafetyReading:
        probabilities = self._nudity.probabilities(image)
        explicit, sure = self._nudity.found("explicit", probabilities)
        if explicit:
            return self._with_age(SafetyReading(nudity="explicit", score=sure), image)
        suggestive, score = self._nudity.found("suggestive", probabilities)
        if suggestive:
            return self._with_age(SafetyReading(nudity="suggestive", score=score), image)
        return SafetyReading(nudity="none", score=1 - max(sure, score))

    def _with_age(self, reading: SafetyReading, image: Image.Image) -> SafetyReading:
        """Looks at every face. One that looks like a minor's decides."""
        if self._age is None:
            return reading
        classifier, config, find = self._age
        boxes = find(image)
        if not boxes:
            return reading
        minor = any(
            classifier.found("minor", classifier.probabilities(_face(image, box, config.face_room)))[0]
            for box in boxes
        )
        return reading.model_copy(update={"apparent_minor": "yes" if minor else "no"})


class OwnClassifier:
    """An operator's function. Takes an RGB image of Pillow, and returns a SafetyReading or a dict of its JSON."""

    def __init__(self, name: str, function: Callable[[Image.Image], Any]) -> None:
        self.info = SafetyInfo(classifier=name, judges_age=True)
        self._function = function

    def read(self, image: Image.Image) -> SafetyReading:
        said = self._function(image)
        try:
            if isinstance(said, SafetyReading):
                said = said.to_data()
            return SafetyReading.model_validate(said, by_alias=True, by_name=False)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise VerifyError(
                f"What {self.info.classifier} (LIKENESS_SAFETY_CLASSIFIER) returned is no safety reading: "
                f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}."
            ) from None


def _face(image: Image.Image, box: FaceBox, room: float) -> Image.Image:
    """A square round the face. What lies beyond the image is black."""
    half = box.side * room / 2
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    return image.crop((round(x - half), round(y - half), round(x + half), round(y + half)))
