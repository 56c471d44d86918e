"""The measurements of one image, taken once. They are small, picklable, and compare with any other image's."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from models.likeness import FaceScores
from pipelines.identity.chips import Chip, face_chip, whole_chip
from pipelines.identity.faces import Face, FaceEmbedder, Luma, Vector
from pipelines.identity.picture_hash import Hashes, picture_hashes
from pipelines.identity.pictures import as_picture, sharpness, whole_vector


@dataclass(frozen=True, slots=True)
class Portrait:
    """The measurements of an image. The largest face is the one that counts."""

    width: int
    height: int
    faces: int
    face: FaceScores | None
    vector: Vector | None
    """The face's descriptor."""
    whole: Vector
    """The whole picture's descriptor."""
    hashes: Hashes
    chip: Chip | None
    """The face's pixels, small. None: there is no face, or its eyes are too close together."""
    sight: Chip
    """The whole picture's pixels, small."""


def take_portrait(image: Image.Image, embedder: FaceEmbedder) -> Portrait:
    """Measures an image of any mode and size. It costs as much as finding and describing its face."""
    picture = as_picture(image)
    luma = np.asarray(Image.fromarray(picture).convert("L"))
    faces = embedder.find(picture)
    height, width = picture.shape[:2]
    return Portrait(
        width=width,
        height=height,
        faces=len(faces),
        face=_scores(luma, faces[0]) if faces else None,
        vector=embedder.describe(picture, faces[0]) if faces else None,
        whole=whole_vector(picture),
        hashes=picture_hashes(Image.fromarray(luma)),
        chip=face_chip(luma, faces[0].eyes) if faces else None,
        sight=whole_chip(luma),
    )


def _scores(luma: Luma, face: Face) -> FaceScores:
    height, width = luma.shape
    box = face.box
    across = min(box.right, width) - max(box.left, 0)
    down = min(box.bottom, height) - max(box.top, 0)
    return FaceScores(
        box=box,
        confidence=round(face.confidence, 4),
        share=round(max(0, across) * max(0, down) / (width * height), 5),
        sharpness=round(sharpness(luma, box), 2),
    )
