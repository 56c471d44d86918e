"""From scores to reasons: each threshold at its edge, and what yaw and overrides change."""

from typing import Any

import pytest
from pydantic import ValidationError

from models.calibration import Calibration
from models.likeness import FaceBox, FaceScores, ImageScores, Nearest, Reason, Verdict
from pipelines.identity.calibrations import shipped
from pipelines.identity.dlib_faces import DlibFaces
from pipelines.identity.verdict import verdict_of

FAR = Nearest(
    by_hash="reference 1",
    hash_bits=30,
    mirrored=False,
    by_face="reference 1",
    similarity=0.5,
    by_pixels="reference 1",
    difference=0.4,
)


@pytest.fixture
def calibration(dlib_faces: DlibFaces) -> Calibration:
    return shipped(dlib_faces.embedder, "rendered")


def scores(centroid: float | None = 0.99, side: int = 300, **changed: Any) -> ImageScores:
    """Of an image that passes, but for what is changed."""
    box = FaceBox(left=100, top=100, right=100 + side, bottom=100 + side)
    fine = ImageScores(
        width=1024,
        height=1024,
        faces=1,
        face=FaceScores(box=box, confidence=1, share=0.1, sharpness=100),
        compared="face",
        references=(centroid,),
        centroid=centroid,
        nearest_reference=FAR,
    )
    return fine.model_copy(update=changed)


FACELESS: dict[str, Any] = {
    "centroid": None,
    "faces": 0,
    "face": None,
    "compared": None,
    "references": (None,),
}


def judged(calibration: Calibration, image: ImageScores, yaw: float = 0, changed: bool = False) -> Verdict:
    return verdict_of(image, calibration, yaw=yaw, references=1, changed=changed)


def test_what_is_alike_passes(calibration: Calibration) -> None:
    assert judged(calibration, scores()) == Verdict(
        outcome="pass", floor=calibration.faces[0].at_fmr_1_percent.similarity
    )


def test_the_floor_is_the_threshold_at_an_fmr_of_1_percent(calibration: Calibration) -> None:
    floor = calibration.faces[0].at_fmr_1_percent.similarity
    assert judged(calibration, scores(floor)).reasons == ()
    assert judged(calibration, scores(floor - 0.0001)).reasons == (Reason.NOT_THE_SAME_FACE,)


def test_a_face_that_is_changed_on_purpose_has_a_wider_floor_and_the_verdict_says_so(
    calibration: Calibration,
) -> None:
    usual, wider = calibration.faces[0].at_fmr_1_percent, calibration.faces[0].widened
    between = scores((usual.similarity + wider.similarity) / 2)
    assert judged(calibration, between).outcome == "miss"
    verdict = judged(calibration, between, changed=True)
    assert (verdict.outcome, verdict.floor, verdict.floor_widened) == ("pass", wider.similarity, True)
    assert judged(calibration, scores(wider.similarity - 0.0001), changed=True).outcome == "miss"


def test_the_floor_is_that_for_so_many_references(calibration: Calibration) -> None:
    floors = [
        verdict_of(scores(), calibration, yaw=0, references=n, changed=False).floor or 0 for n in (1, 2, 9)
    ]
    assert floors == sorted(floors)
    assert len(set(floors)) == 3


@pytest.mark.parametrize(
    ("image", "reasons"),
    [
        (scores(**FACELESS), (Reason.NO_FACE,)),
        (scores(side=10), (Reason.TOO_SMALL,)),
        (scores(-0.5), (Reason.NOT_THE_SAME_FACE,)),
    ],
)
def test_beyond_the_calibrated_yaw_the_face_is_recorded_but_not_judged(
    image: ImageScores, reasons: tuple[Reason, ...], calibration: Calibration
) -> None:
    for yaw in (calibration.max_yaw, -calibration.max_yaw):
        assert judged(calibration, image, yaw=yaw).reasons == reasons
    for yaw in (calibration.max_yaw + 1, -80):
        verdict = judged(calibration, image, yaw=yaw)
        assert (verdict.outcome, verdict.reasons, verdict.not_judged) == ("pass", (), reasons)


@pytest.mark.parametrize("yaw", [0, 80])
@pytest.mark.parametrize(
    ("field", "reason"), [("nearest_reference", Reason.COPY_OF_REFERENCE), ("nearest_shot", Reason.TWIN)]
)
def test_copies_and_twins_are_told_by_their_pixels_at_any_yaw(
    field: str, reason: Reason, yaw: float, calibration: Calibration
) -> None:
    limit = calibration.copy_ceiling.difference
    copy = FAR.model_copy(update={"difference": limit})
    assert judged(calibration, scores().model_copy(update={field: copy}), yaw=yaw).reasons == (reason,)
    for difference in (limit + 1e-4, None):
        just_not = FAR.model_copy(update={"difference": difference})
        assert judged(calibration, scores().model_copy(update={field: just_not}), yaw=yaw).outcome == "pass"


def test_neither_the_hash_nor_the_face_makes_a_copy(calibration: Calibration) -> None:
    """Two shots of one person in one pose before one backdrop have both in common."""
    alike = FAR.model_copy(update={"hash_bits": 0, "similarity": 0.95})
    assert judged(calibration, scores(nearest_reference=alike, nearest_shot=alike)).outcome == "pass"


def test_every_reason_is_given_at_once(calibration: Calibration) -> None:
    copy = FAR.model_copy(update={"difference": 0.0})
    verdict = judged(calibration, scores(-1, side=5, faces=2, nearest_reference=copy, nearest_shot=copy))
    assert set(verdict.reasons) == set(Reason) - {Reason.NO_FACE, Reason.NOT_THE_SAME_SUBJECT}


def test_a_whole_picture_is_refused_only_where_it_has_hardly_anything_in_common(
    calibration: Calibration,
) -> None:
    floor = calibration.whole_images[0].genuine.quantiles["0.01"]
    whole = FACELESS | {"compared": "whole-image"}
    assert judged(calibration, scores(**whole | {"centroid": floor}), changed=True).model_dump() == (
        Verdict(outcome="pass", floor=floor).model_dump()
    )
    assert judged(calibration, scores(**whole | {"centroid": floor - 0.01})).reasons == (
        Reason.NOT_THE_SAME_SUBJECT,
    )


def test_a_pass_has_no_reasons_and_a_miss_some() -> None:
    for outcome, reasons in (("pass", (Reason.TWIN,)), ("miss", ())):
        with pytest.raises(ValidationError):
            Verdict.model_validate({"outcome": outcome, "reasons": reasons})
