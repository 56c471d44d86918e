"""dlib on real pictures: faces are found once, and descriptors tell people apart."""

from importlib.util import find_spec
from pathlib import Path

import dlib
import numpy as np
import pytest
from PIL import Image

from pipelines.identity.dlib_faces import DlibFaces
from pipelines.identity.dlib_network import DescriptorNetwork
from pipelines.identity.pictures import as_picture
from pipelines.identity.portrait import Portrait
from pipelines.identity.similarity import similarity
from tests.support.pictures.samples import Sample

# Importing the package would need setuptools.
PACKAGE = find_spec("face_recognition_models")
assert PACKAGE
assert PACKAGE.submodule_search_locations
MODELS = Path(PACKAGE.submodule_search_locations[0]) / "models"


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


def test_a_descriptor_is_dlibs_own(dlib_faces: DlibFaces, sample: Sample) -> None:
    picture = as_picture(sample("jonas", 1))
    (face,) = dlib_faces.find(picture)
    theirs = dlib.face_recognition_model_v1(str(MODELS / "dlib_face_recognition_resnet_model_v1.dat"))
    left, top, right, bottom = (getattr(face.box, side) for side in ("left", "top", "right", "bottom"))
    points = [dlib.point(round(float(x)), round(float(y))) for x, y in face.landmarks]
    shape = dlib.full_object_detection(dlib.rectangle(left, top, right - 1, bottom - 1), points)
    described = np.array(theirs.compute_face_descriptor(picture, shape))
    assert np.abs(dlib_faces.describe(picture, face) - described).max() < 1e-5


def test_a_file_that_holds_another_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.dat").write_bytes(b"\1\5con_4\1\2\1\3\1\1\1\1\1\1" + bytes(12))
    with pytest.raises(ValueError, match="con_4 has"):
        DescriptorNetwork(tmp_path / "other.dat")


@pytest.mark.parametrize("share", [0.09, 0.12, 0.25])
def test_a_second_face_is_found_down_to_an_eleventh_of_the_longer_side(
    share: float, dlib_faces: DlibFaces, sample: Sample
) -> None:
    image, other = (sample(name, 0).resize((1024, 1024)) for name in ("jonas", "robin"))
    (face,) = dlib_faces.find(as_picture(other))
    scale = share * 1024 / face.box.side
    image.paste(other.resize((round(1024 * scale),) * 2, Image.Resampling.LANCZOS))
    found = dlib_faces.find(as_picture(image))
    assert len(found) == 2
    assert found[1].box.side == pytest.approx(share * 1024, rel=0.15)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (3000, 2), (19, 19), (40, 512), (900, 71)])
def test_no_size_is_too_odd_to_look_at(size: tuple[int, int], dlib_faces: DlibFaces) -> None:
    assert dlib_faces.find(as_picture(Image.new("RGB", size, (90, 120, 60)))) == []


def test_what_is_transparent_lies_on_white() -> None:
    assert as_picture(Image.new("RGBA", (2, 2), (0, 0, 0, 0))).min() == 255
    assert as_picture(Image.new("L", (2, 2), 7)).tolist() == [[[7, 7, 7]] * 2] * 2
