"""dlib on real pictures: faces are found once, and descriptors tell people apart."""

import numpy as np
import pytest
from PIL import Image

from pipelines.identity.dlib_faces import DlibFaces
from pipelines.identity.pictures import as_picture
from pipelines.identity.portrait import Portrait
from pipelines.identity.similarity import similarity
from tests.support.pictures.samples import Sample


def test_each_sample_has_one_face_in_its_middle(portraits: dict[str, list[Portrait]]) -> None:
    for portrait in (each for person in portraits.values() for each in person):
        assert portrait.faces == 1
        assert portrait.face is not None
        box = portrait.face.box
        assert box.left < 256 < box.right
        assert box.top < 256 < box.bottom
        assert 0.1 < portrait.face.share < 0.6
        assert portrait.face.sharpness > 0


def test_people_are_more_like_themselves_than_like_others(portraits: dict[str, list[Portrait]]) -> None:
    same: list[float] = []
    other: list[float] = []
    for person, own in portraits.items():
        for name, theirs in portraits.items():
            rows = [
                similarity("euclidean", each.vector, np.array([t.vector for t in theirs]))
                for each in own
                if each.vector is not None
            ]
            (same if person == name else other).extend(np.concatenate(rows).tolist())
    assert np.median([value for value in same if value < 0.999]) > np.quantile(other, 0.99)


def test_the_box_is_the_same_face_at_any_size(dlib_faces: DlibFaces, sample: Sample) -> None:
    large = sample("robin", 0)
    small = large.resize((128, 128), Image.Resampling.LANCZOS)
    (one,), (other,) = (dlib_faces.find(as_picture(image)) for image in (large, small))
    assert other.box.left * 4 == pytest.approx(one.box.left, abs=30)
    assert other.box.side * 4 == pytest.approx(one.box.side, rel=0.15)


def test_the_models_are_named_by_their_hashes(dlib_faces: DlibFaces) -> None:
    files = dlib_faces.embedder.files
    # The files that dlib.net publishes, as face-recognition-models 0.3.0 carries them.
    assert sorted(files) == [
        "dlib_face_recognition_resnet_model_v1.dat",
        "mmod_human_face_detector.dat",
        "shape_predictor_5_face_landmarks.dat",
    ]
    assert len(set(files.values())) == 3


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (3000, 2), (19, 19)])
def test_no_size_is_too_odd_to_look_at(size: tuple[int, int], dlib_faces: DlibFaces) -> None:
    assert dlib_faces.find(as_picture(Image.new("RGB", size, (90, 120, 60)))) == []


def test_what_is_transparent_lies_on_white() -> None:
    assert as_picture(Image.new("RGBA", (2, 2), (0, 0, 0, 0))).min() == 255
    assert as_picture(Image.new("L", (2, 2), 7)).tolist() == [[[7, 7, 7]] * 2] * 2
