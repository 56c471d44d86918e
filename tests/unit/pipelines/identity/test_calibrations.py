"""A calibration is for one embedder, and its text says which."""

import json
from pathlib import Path
from statistics import NormalDist
from typing import get_args

import pytest

from models.calibration import Calibration, CopyKind, comparison_for
from models.domain import Domain
from models.errors import CalibrationRefused
from models.gate_options import GateOptions
from pipelines.identity.calibrations import read, shipped
from pipelines.identity.dlib_faces import DlibFaces
from pipelines.identity.gate import LikenessGate
from pipelines.identity.loading import load_gate
from tests.support.doubles.colour_faces import ColourFaces
from tests.support.pictures.samples import Sample


def test_the_shipped_one_fits_and_says_what_it_was_made_on(dlib_faces: DlibFaces) -> None:
    calibration = shipped(dlib_faces.embedder, "rendered")
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


def test_the_one_for_photographs_follows_from_what_was_published(dlib_faces: DlibFaces) -> None:
    calibration = shipped(dlib_faces.embedder, "photographs")
    assert (calibration.domain, calibration.origin) == ("photographs", "published")
    (comparison,) = calibration.faces
    # Precision and recall at distances, and the genuine ones of all pairs: see `made_on`.
    published = {0.60: (0.34, 0.99), 0.55: (0.71, 0.96), 0.50: (0.91, 0.84)}
    pairs, genuine = 81_875_206, 242_257 * (12_797 / 13_233) ** 2
    false_matches = {
        distance: genuine * recall * (1 / precision - 1) / (pairs - genuine)
        for distance, (precision, recall) in published.items()
    }
    floor, stricter, widened = comparison.at_fmr_1_percent, comparison.at_fmr_01_percent, comparison.widened
    assert floor.similarity == pytest.approx(1 - 0.6)
    assert floor.false_matches == pytest.approx(false_matches[0.60], rel=0.02)
    assert floor.false_misses == pytest.approx(1 - 0.99)
    assert 1 - 0.55 < stricter.similarity < 1 - 0.50
    assert false_matches[0.50] < stricter.false_matches < false_matches[0.55]
    slope = (_z(false_matches[0.55]) - _z(false_matches[0.60])) / 0.05
    assert widened.similarity == pytest.approx(
        1 - 0.6 - (_z(false_matches[0.60]) - _z(0.1)) / slope, abs=0.01
    )
    rendered = shipped(dlib_faces.embedder, "rendered")
    assert (calibration.copy_ceiling, calibration.max_yaw) == (rendered.copy_ceiling, rendered.max_yaw)


def _z(false_matches: float) -> float:
    return NormalDist().inv_cdf(1 - false_matches)


@pytest.mark.parametrize("domain", ["rendered", "photographs"])
def test_the_gate_takes_the_calibration_of_what_is_rendered(domain: Domain) -> None:
    calibration = load_gate(GateOptions(domain=domain)).calibration
    assert calibration.domain == domain


def test_one_of_another_domain_is_taken_on_request_alone(
    tmp_path: Path, dlib_faces: DlibFaces, sample: Sample
) -> None:
    file = tmp_path / "rendered.json"
    file.write_text(shipped(dlib_faces.embedder, "rendered").to_json())
    options = GateOptions(domain="photographs", calibration=str(file))
    with pytest.raises(
        CalibrationRefused, match="made for rendered heads, and the profile renders photographs"
    ):
        load_gate(options)
    gate = load_gate(options.model_copy(update={"any_domain": True}))
    face = sample("maya", 0)
    judgement = gate.judge(gate.portrait(face), gate.check_references([face]))
    assert judgement.verdict.floor_of == "rendered"
    ours = load_gate(options.model_copy(update={"domain": "rendered"}))
    assert ours.judge(ours.portrait(face), ours.check_references([face])).verdict.floor_of is None


def test_one_of_an_earlier_version_is_refused_with_what_to_do(tmp_path: Path, dlib_faces: DlibFaces) -> None:
    earlier = shipped(dlib_faces.embedder, "rendered").to_data() | {"schemaVersion": 1}
    file = tmp_path / "earlier.json"
    file.write_text(json.dumps(earlier))
    with pytest.raises(CalibrationRefused, match=r"schemaVersion.*Make one anew with `likeness calibrate`"):
        read(file, dlib_faces.embedder)


def test_another_embedders_is_refused(dlib_faces: DlibFaces) -> None:
    with pytest.raises(CalibrationRefused, match="made for dlib, and faces are described by colours"):
        LikenessGate(ColourFaces(), shipped(dlib_faces.embedder, "rendered"), "rendered")


def test_other_bytes_of_the_same_models_are_refused(tmp_path: Path, dlib_faces: DlibFaces) -> None:
    ours = shipped(dlib_faces.embedder, "rendered")
    files = dict(ours.embedder.files) | {"mmod_human_face_detector.dat": "0" * 64}
    file = tmp_path / "other.json"
    file.write_text(
        ours.model_copy(update={"embedder": ours.embedder.model_copy(update={"files": files})}).to_json()
    )
    with pytest.raises(CalibrationRefused, match=r"other model files \(mmod_human_face_detector.dat\)"):
        read(file, dlib_faces.embedder)


def test_no_calibration_ships_for_what_nobody_calibrated() -> None:
    with pytest.raises(CalibrationRefused, match="No calibration of colours for rendered heads ships"):
        shipped(ColourFaces().embedder, "rendered")


@pytest.mark.parametrize("text", ["", "{}", "[1]", "\0"])
def test_what_is_no_calibration_is_refused(text: str, tmp_path: Path, dlib_faces: DlibFaces) -> None:
    file = tmp_path / "none.json"
    file.write_text(text)
    with pytest.raises(CalibrationRefused, match="no calibration that can be read"):
        read(file, dlib_faces.embedder)


def test_a_file_comes_back_as_it_was_written(dlib_faces: DlibFaces) -> None:
    calibration = shipped(dlib_faces.embedder, "rendered")
    again = Calibration.parse(calibration.to_json())
    assert (again, again.digest) == (calibration, calibration.digest)


def test_the_comparison_with_as_many_references_as_there_are_is_chosen(dlib_faces: DlibFaces) -> None:
    faces = shipped(dlib_faces.embedder, "rendered").faces
    assert [comparison_for(faces, count).references for count in (1, 2, 3, 5, 20)] == [1, 2, 2, 4, 4]
