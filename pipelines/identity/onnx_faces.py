"""Finds and describes faces with ONNX models in OpenCV: YuNet finds, SFace or AuraFace describes."""

from pathlib import Path
from typing import Any, Literal

import numpy as np

from models.errors import FaceModelMissing
from models.likeness import Embedder, FaceBox
from pipelines.identity.faces import Face, FaceEmbedder, Picture, Vector, from_the_left, hashes

Recogniser = Literal["sface", "auraface"]
# YuNet finds faces of 10 to 300 pixels; a picture is scaled down to this side before it looks.
_SIDE = 640
_CONFIDENCE, _OVERLAP, _MOST = 0.6, 0.3, 64
# Where the eyes, the nose and the mouth's corners lie in a face of 112 x 112 pixels that ArcFace models take.
_PLACES = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
_CHIP = 112


class OnnxFaces(FaceEmbedder):
    """YuNet, from the file `detector`, with the recogniser in the file `describer`.

    Raises FaceModelMissing if OpenCV can't read one of them.
    """

    def __init__(self, detector: Path, describer: Path, recogniser: Recogniser) -> None:
        import cv2

        self._cv2: Any = cv2
        try:
            self._detector = cv2.FaceDetectorYN.create(
                str(detector), "", (_SIDE, _SIDE), _CONFIDENCE, _OVERLAP, _MOST
            )
            self._aligner = None
            if recogniser == "sface":
                self._aligner = cv2.FaceRecognizerSF.create(str(describer), "")
            else:
                # OpenCV's new engine takes a quarter more time for it, measured on a network of its shape.
                self._net = cv2.dnn.readNetFromONNX(str(describer), engine=cv2.dnn.ENGINE_CLASSIC)
        except cv2.error as error:
            raise FaceModelMissing(
                f"OpenCV can't read {detector.name} or {describer.name} in {describer.parent}: {error.err}"
            ) from None
        self.embedder = Embedder(
            name=f"yunet-{recogniser}", metric="cosine", files=hashes(detector, describer)
        )

    def find(self, picture: Picture) -> list[Face]:
        height, width = picture.shape[:2]
        scale = min(1.0, _SIDE / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = self._cv2.resize(picture, size, interpolation=self._cv2.INTER_AREA) if scale < 1 else picture
        self._detector.setInputSize(size)
        _, rows = self._detector.detect(self._bgr(small))
        faces = [_face(row, scale) for row in (() if rows is None else rows)]
        return sorted(faces, key=lambda face: face.box.side, reverse=True)

    def describe(self, picture: Picture, face: Face) -> Vector:
        bgr = self._bgr(picture)
        if self._aligner is not None:
            row = np.concatenate([np.zeros(4), face.landmarks.ravel(), [1]]).astype(np.float32)[None]
            feature = self._aligner.feature(self._aligner.alignCrop(bgr, row))
        else:
            chip = self._cv2.warpAffine(bgr, _to_places(face.landmarks), (_CHIP, _CHIP))
            self._net.setInput(
                self._cv2.dnn.blobFromImage(chip, 1 / 127.5, (_CHIP, _CHIP), (127.5,) * 3, swapRB=True)
            )
            feature = self._net.forward()
        return np.array(feature, dtype=np.float32).ravel()

    def _bgr(self, picture: Picture) -> Picture:
        swapped: Picture = self._cv2.cvtColor(picture, self._cv2.COLOR_RGB2BGR)
        return swapped


def _face(row: Vector, scale: float) -> Face:
    """Reads a face from YuNet's row: left, top, width, height, five points, confidence."""
    left, top, width, height = (float(value) / scale for value in row[:4])
    box = FaceBox(left=round(left), top=round(top), right=round(left + width), bottom=round(top + height))
    landmarks = (row[4:14].reshape(5, 2) / scale).astype(np.float32)
    return Face(box, float(row[14]), landmarks, from_the_left(landmarks[0], landmarks[1]))


def _to_places(landmarks: Vector) -> Vector:
    """The rotation, scaling and shift, shape (2, 3), that best maps the landmarks (5, 2) to their places."""
    x, y, one, nil = landmarks[:, 0], landmarks[:, 1], np.ones(5), np.zeros(5)
    rows = np.concatenate([np.stack([x, -y, one, nil], 1), np.stack([y, x, nil, one], 1)])
    (a, b, right, down), *_ = np.linalg.lstsq(rows, np.array(_PLACES).T.ravel(), rcond=None)
    return np.array([[a, -b, right], [b, a, down]], dtype=np.float32)
