"""Whose face is it? dlib's descriptor, which has never seen a render of ours, as the judge."""

from functools import cache
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

NOBODY = np.full(128, np.nan)


@cache
def _models() -> tuple[Any, Any, Any, Any]:
    import dlib  # type: ignore[import-not-found,import-untyped,unused-ignore]

    spec = find_spec("face_recognition_models")
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError("The evaluation needs dlib-bin and face_recognition_models.")
    folder = Path(next(iter(spec.submodule_search_locations))) / "models"
    return (
        dlib.get_frontal_face_detector(),
        dlib.cnn_face_detection_model_v1(str(folder / "mmod_human_face_detector.dat")),
        dlib.shape_predictor(str(folder / "shape_predictor_5_face_landmarks.dat")),
        dlib.face_recognition_model_v1(str(folder / "dlib_face_recognition_resnet_model_v1.dat")),
    )


def describe(picture: np.ndarray) -> tuple[bool, np.ndarray]:
    """Whether the plain detector finds a face, and the face's descriptor (128,); NaN if no detector does."""
    simple, thorough, landmarks, recognise = _models()
    picture = np.ascontiguousarray(picture)
    found = max(simple(picture, 1), key=lambda box: box.area(), default=None)
    plainly = found is not None
    if found is None:
        best = max(thorough(picture, 0), key=lambda face: face.confidence, default=None)
        if best is None:
            return False, NOBODY
        found = best.rect
    return plainly, np.array(recognise.compute_face_descriptor(picture, landmarks(picture, found)))


def describe_all(pictures: np.ndarray, processes: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Of pictures (N, S, S, 3): found (N,) and descriptors (N, 128)."""
    with get_context("spawn").Pool(processes) as pool:
        faces = pool.map(describe, list(pictures), chunksize=8)
    return np.array([found for found, _ in faces]), np.stack([descriptor for _, descriptor in faces])


def auc(same: np.ndarray, other: np.ndarray) -> float:
    """The chance that a pair of one person is closer than a pair of two."""
    values = np.concatenate([same, other])
    ranks = values.argsort(kind="stable").argsort(kind="stable") + 1.0
    of_same = ranks[: len(same)].sum() - len(same) * (len(same) + 1) / 2
    return float(1 - of_same / (len(same) * len(other)))
