"""Classifies pictures with an ONNX model in OpenCV."""

from hashlib import file_digest
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from models.errors import SafetyModelMissing, VerifyError
from pipelines.safety.config import ClassifierConfig

# How far probabilities may be from adding up to 1: models compute in 32 bits, or 16.
_ROUNDING = 0.01


class OnnxClassifier:
    """The model that `config` describes, from its folder. One instance serves one thread.

    Raises SafetyModelMissing if OpenCV can't read it, or if what it says of a grey picture can't be read.
    """

    def __init__(self, folder: Path, config: ClassifierConfig) -> None:
        import cv2

        self._cv2: Any = cv2
        self._config = config
        path = folder / config.model
        if not path.is_file():
            raise SafetyModelMissing(f"{config.model} is not in {folder}.", file=config.model)
        with path.open("rb") as file:
            self.sha256 = file_digest(file, "sha256").hexdigest()
        try:
            # The classic engine can't read models whose axes are dynamic, as those of published transformers are.
            self._net = cv2.dnn.readNetFromONNX(str(path), engine=cv2.dnn.ENGINE_NEW)
            self.probabilities(Image.new("RGB", (config.size, config.size), (127, 127, 127)))
        except cv2.error as error:
            raise SafetyModelMissing(f"OpenCV can't read {path}: {error.err}", file=config.model) from None
        except VerifyError as error:
            raise SafetyModelMissing(f"{path} can't be used: {error.message}", file=config.model) from None

    def probabilities(self, image: Image.Image) -> dict[str, float]:
        """The probability of each label for an RGB image of any size.

        Raises VerifyError if the model's output isn't one finite number for each label.
        """
        config = self._config
        pixels = np.asarray(
            image.resize((config.size, config.size), Image.Resampling.BILINEAR), dtype=np.float32
        )
        blob = (pixels / 255 - np.asarray(config.mean, np.float32)) / np.asarray(config.std, np.float32)
        self._net.setInput(np.ascontiguousarray(blob.transpose(2, 0, 1)[None]))
        said = np.asarray(self._net.forward(), dtype=np.float64)
        if said.shape not in {(1, len(config.labels)), (len(config.labels),)}:
            raise VerifyError(
                f"The safety model's output has the shape {said.shape}, and there are {len(config.labels)} labels. "
                "Its JSON doesn't fit it."
            )
        if not np.isfinite(said).all():
            raise VerifyError("The safety model's output has numbers that aren't finite.")
        return dict(zip(config.labels, self._normed(said.ravel()).tolist(), strict=True))

    def found(self, name: str, probabilities: dict[str, float]) -> tuple[bool, float]:
        """Whether the finding that this threshold is for holds, and its probability. False without a threshold."""
        threshold = self._config.thresholds.get(name)
        if threshold is None:
            return False, 0.0
        score = min(1.0, sum(probabilities[label] for label in dict.fromkeys(threshold.labels)))
        return score >= threshold.at_least, score

    def _normed(self, said: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        probabilities: npt.NDArray[np.float64]
        if self._config.output == "logits":
            powers = np.exp(said - said.max())
            probabilities = powers / powers.sum()
            return probabilities
        if said.min() < -_ROUNDING or abs(said.sum() - 1) > _ROUNDING:
            raise VerifyError(
                "The safety model's output isn't probabilities, as its JSON says: they don't add up to 1. Perhaps "
                '"output" must be "logits".'
            )
        probabilities = said.clip(0, 1)
        return probabilities
