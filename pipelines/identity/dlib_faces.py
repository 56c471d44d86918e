"""Finds and describes faces with dlib, which pip installs and which works offline on a CPU.

The models are those that `face_recognition_models` carries: the CNN detector, the 5-point landmarks and the ResNet
descriptor, all by Davis King and in the public domain (https://github.com/davisking/dlib-models).
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from models.errors import FaceModelMissing
from models.likeness import Embedder, FaceBox
from pipelines.identity.dlib_network import SIDE, DescriptorNetwork
from pipelines.identity.faces import Face, FaceEmbedder, Picture, Vector, from_the_left, hashes

_DETECTOR = "mmod_human_face_detector.dat"
_LANDMARKS = "shape_predictor_5_face_landmarks.dat"
_DESCRIPTOR = "dlib_face_recognition_resnet_model_v1.dat"
# A picture's longer side is scaled to this length before faces are looked for. Time and the smallest face that is
# found then depend only on the face's share of the picture.
_SIDE = 512
# Doubled once, so that HOG's window of 80 pixels fits faces down to a twelfth of that side.
_DOUBLINGS = 1
# How much of a face's surroundings belongs to what is described, as dlib does it.
_PADDING = 0.25
# Least pixels of the shorter side, before and after scaling: a smaller picture has no place for a face, and the CNN
# can't take it.
_LEAST, _LEAST_SCALED = 20, 40


class DlibFaces(FaceEmbedder):
    """HOG finds upright faces quickly; where it finds none, the slower CNN looks, which sees turned ones too."""

    def __init__(self) -> None:
        """Raises FaceModelMissing where the extra `gate` isn't installed."""
        folder = _folder()
        try:
            import dlib
        except ImportError:
            raise FaceModelMissing("dlib isn't installed: pip install '.[gate]'.") from None
        self._dlib: Any = dlib
        self._quick = dlib.get_frontal_face_detector()
        self._thorough = dlib.cnn_face_detection_model_v1(str(folder / _DETECTOR))
        self._landmarks = dlib.shape_predictor(str(folder / _LANDMARKS))
        try:
            self._network = DescriptorNetwork(folder / _DESCRIPTOR)
        except (ValueError, IndexError) as error:
            raise FaceModelMissing(f"{_DESCRIPTOR} isn't dlib's face descriptor: {error}.") from None
        self.embedder = Embedder(
            name="dlib",
            metric="euclidean",
            files=hashes(*(folder / name for name in (_DETECTOR, _LANDMARKS, _DESCRIPTOR))),
        )

    def find(self, picture: Picture) -> list[Face]:
        height, width = picture.shape[:2]
        scale = _SIDE / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        if min(height, width) < _LEAST or min(size) < _LEAST_SCALED:
            return []
        scaled = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))
        boxes, confidences, _ = self._quick.run(scaled, _DOUBLINGS, 0.0)
        found = list(zip(boxes, confidences, strict=True))
        if not found:
            found = [(face.rect, face.confidence) for face in self._thorough(scaled, 0)]
        faces = [self._face(picture, box, float(confidence), scale) for box, confidence in found]
        return sorted(faces, key=lambda face: face.box.side, reverse=True)

    def describe(self, picture: Picture, face: Face) -> Vector:
        box = face.box
        shape = self._dlib.full_object_detection(
            self._dlib.rectangle(box.left, box.top, box.right - 1, box.bottom - 1),
            [self._dlib.point(round(float(x)), round(float(y))) for x, y in face.landmarks],
        )
        return self._network.describe(self._dlib.get_face_chip(picture, shape, SIDE, _PADDING))

    def _face(self, picture: Picture, found: Any, confidence: float, scale: float) -> Face:
        sides = [round(side / scale) for side in (found.left(), found.top(), found.right(), found.bottom())]
        shape = self._landmarks(picture, self._dlib.rectangle(*sides))
        landmarks = np.array([(point.x, point.y) for point in shape.parts()], dtype=np.float32)
        box = FaceBox(left=sides[0], top=sides[1], right=sides[2] + 1, bottom=sides[3] + 1)
        # Two corners of each eye, then the nose.
        return Face(box, confidence, landmarks, from_the_left(landmarks[:2].mean(0), landmarks[2:4].mean(0)))


def _folder() -> Path:
    # Importing the package would need setuptools, with which it finds its own files.
    spec = find_spec("face_recognition_models")
    if spec is None or not spec.submodule_search_locations:
        raise FaceModelMissing("dlib's models aren't installed: pip install '.[gate]'.")
    return Path(next(iter(spec.submodule_search_locations))) / "models"
