"""Turns scores into a verdict. This is the only place where thresholds are applied."""

from models.calibration import Calibration, comparison_for
from models.likeness import ImageScores, Nearest, Reason, Verdict

# Not judged where a head is turned further than the calibration's: it may hide its face, or look like nobody.
_BOUND_TO_THE_FRONT = (
    Reason.NO_FACE,
    Reason.TOO_SMALL,
    Reason.NOT_THE_SAME_FACE,
    Reason.NOT_THE_SAME_SUBJECT,
)


def verdict_of(
    scores: ImageScores, calibration: Calibration, *, yaw: float, references: int, changed: bool
) -> Verdict:
    """Judges an image's scores.

    `yaw` is the shot's, in degrees; `references` is how many went into the centroid; `changed` says that the
    clone's face differs from its references on purpose. The floor is the threshold at an FMR of 1 %, or of 10 %
    where the face is changed. For whole pictures, which say too little for more, it only refuses images that have
    less in common with the references than 99 of 100 pictures of one person have.
    """
    whole = scores.compared == "whole-image"
    comparison = comparison_for(calibration.whole_images if whole else calibration.faces, references)
    widened = changed and not whole
    if whole:
        floor = comparison.genuine.quantiles["0.01"]
    else:
        floor = (comparison.widened if widened else comparison.at_fmr_1_percent).similarity
    reasons = _reasons(scores, calibration, floor, whole=whole)
    not_judged: tuple[Reason, ...] = ()
    if abs(yaw) > calibration.max_yaw:
        not_judged = tuple(reason for reason in reasons if reason in _BOUND_TO_THE_FRONT)
        reasons = [reason for reason in reasons if reason not in not_judged]
    return Verdict(
        outcome="miss" if reasons else "pass",
        reasons=tuple(reasons),
        floor=floor,
        floor_widened=widened,
        not_judged=not_judged,
    )


def _reasons(scores: ImageScores, calibration: Calibration, floor: float, *, whole: bool) -> list[Reason]:
    reasons = []
    if not scores.faces and not whole:
        reasons.append(Reason.NO_FACE)
    if scores.faces > 1:
        reasons.append(Reason.SEVERAL_FACES)
    if scores.face is not None and scores.face.box.side < calibration.min_face_side:
        reasons.append(Reason.TOO_SMALL)
    if scores.centroid is not None and scores.centroid < floor:
        reasons.append(Reason.NOT_THE_SAME_SUBJECT if whole else Reason.NOT_THE_SAME_FACE)
    if _is_copy(scores.nearest_reference, calibration):
        reasons.append(Reason.COPY_OF_REFERENCE)
    if _is_copy(scores.nearest_shot, calibration):
        reasons.append(Reason.TWIN)
    return reasons


def _is_copy(nearest: Nearest | None, calibration: Calibration) -> bool:
    # Neither a hash nor a similarity can decide: both are as close for another view on the same plain backdrop.
    return (
        nearest is not None
        and nearest.difference is not None
        and nearest.difference <= calibration.copy_ceiling.difference
    )
