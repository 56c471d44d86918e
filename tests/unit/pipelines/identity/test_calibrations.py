"""A calibration is for one embedder, and its text says which."""

import json
from pathlib import Path
from typing import get_args

import pytest

from models.calibration import Calibration, CopyKind, comparison_for
from models.errors import CalibrationRefused
from pipelines.identity.calibrations import read, shipped
from pipelines.identity.dlib_faces import DlibFaces
from pipelines.identity.gate import LikenessGate
from tests.support.doubles.colour_faces import ColourFaces


def test_the_shipped_one_fits_and_says_what_it_was_made_on(dlib_faces: DlibFaces) -> None:
    calibration = shipped(dlib_faces.embedder)
    assert "24" in calibration.made_on
    assert calibration.personas == 24
    one = calibration.faces[0]
    assert one.references == 1
    assert one.widened.similarity < one.at_fmr_1_percent.similarity < one.at_fmr_01_percent.similarity
    ceiling = calibration.copy_ceiling
    assert ceiling.copies.quantiles["0.95"] < ceiling.difference < ceiling.fresh.quantiles["0.01"]
    assert ceiling.fresh_refused <= 0.01
    assert {each.kind for each in ceiling.caught} == set(get_args(CopyKind))
    # A face that is cut out of a turned head may have lost an eye.
    assert all(each.caught == 1 for each in ceiling.caught if each.kind != "moved")
    assert all(each.caught > 0.85 for each in ceiling.caught)


def test_one_of_an_earlier_version_is_refused_with_what_to_do(tmp_path: Path, dlib_faces: DlibFaces) -> None:
    earlier = shipped(dlib_faces.embedder).to_data() | {"schemaVersion": 1}
    file = tmp_path / "earlier.json"
    file.write_text(json.dumps(earlier))
    with pytest.raises(CalibrationRefused, match=r"schemaVersion.*Make one anew with `likeness calibrate`"):
        read(file, dlib_faces.embedder)


def test_another_embedders_is_refused(dlib_faces: DlibFaces) -> None:
    with pytest.raises(CalibrationRefused, match="made for dlib, and faces are described by colours"):
        LikenessGate(ColourFaces(), shipped(dlib_faces.embedder))


def test_other_bytes_of_the_same_models_are_refused(tmp_path: Path, dlib_faces: DlibFaces) -> None:
    ours = shipped(dlib_faces.embedder)
    files = dict(ours.embedder.files) | {"mmod_human_face_detector.dat": "0" * 64}
    file = tmp_path / "other.json"
    file.write_text(
        ours.model_copy(update={"embedder": ours.embedder.model_copy(update={"files": files})}).to_json()
    )
    with pytest.raises(CalibrationRefused, match=r"other model files \(mmod_human_face_detector.dat\)"):
        read(file, dlib_faces.embedder)


def test_no_calibration_ships_for_what_nobody_calibrated() -> None:
    with pytest.raises(CalibrationRefused, match="No calibration ships for colours"):
        shipped(ColourFaces().embedder)


@pytest.mark.parametrize("text", ["", "{}", "[1]", "\0"])
def test_what_is_no_calibration_is_refused(text: str, tmp_path: Path, dlib_faces: DlibFaces) -> None:
    file = tmp_path / "none.json"
    file.write_text(text)
    with pytest.raises(CalibrationRefused, match="no calibration that can be read"):
        read(file, dlib_faces.embedder)


def test_a_file_comes_back_as_it_was_written(dlib_faces: DlibFaces) -> None:
    calibration = shipped(dlib_faces.embedder)
    again = Calibration.parse(calibration.to_json())
    assert (again, again.digest) == (calibration, calibration.digest)


def test_the_comparison_with_as_many_references_as_there_are_is_chosen(dlib_faces: DlibFaces) -> None:
    faces = shipped(dlib_faces.embedder).faces
    assert [comparison_for(faces, count).references for count in (1, 2, 3, 5, 20)] == [1, 2, 2, 4, 4]
