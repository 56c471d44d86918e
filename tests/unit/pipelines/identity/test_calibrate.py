"""The calibration follows from the pictures, not from constants; with a double whose descriptors are colours."""

import pytest
from PIL import Image

from models.errors import InvalidInput
from pipelines.identity.calibrate import MAX_YAW, View, calibrate
from pipelines.identity.plot import plot
from tests.support.doubles.colour_faces import ColourFaces, patch

COLOURS = {"ada": (200, 60, 60), "ben": (60, 200, 60), "cleo": (60, 60, 200)}


def views(count: int = 4, yaw: float | None = None, side: int = 64) -> list[View]:
    return [
        View(person, patch(colour, 10 * number + seed, side), yaw)
        for seed, (person, colour) in enumerate(COLOURS.items())
        for number in range(count)
    ]


def test_people_of_different_colours_are_told_apart() -> None:
    calibration, pairs = calibrate(views(), ColourFaces(), "Colours.", "rendered")
    one = calibration.faces[0]
    assert (calibration.personas, calibration.images, calibration.detected) == (3, 12, 1)
    assert (one.genuine.count, one.impostor.count) == (3 * 6, 66 - 18)
    assert (one.auc, one.eer) == (1, 0)
    assert [each.references for each in calibration.faces] == [1, 2]
    assert pairs.impostor.max() < one.at_fmr_1_percent.similarity <= pairs.genuine.min()


def test_people_of_one_colour_are_not() -> None:
    same = [View(view.person, patch((120, 120, 120), seed)) for seed, view in enumerate(views())]
    calibration, _ = calibrate(same, ColourFaces(), "Greys.", "rendered")
    eer = calibration.faces[0].eer
    assert eer is not None
    assert eer > 0.2


def test_the_copy_ceiling_lies_between_copies_and_fresh_pictures() -> None:
    ceiling = calibrate(views(side=128), ColourFaces(), "Colours.", "rendered")[0].copy_ceiling
    assert ceiling.copies.quantiles["0.5"] < ceiling.difference < ceiling.fresh.quantiles["0"]
    assert (ceiling.fresh.count, ceiling.fresh_refused) == (3 * 6, 0)
    assert {each.count for each in ceiling.caught} == {12}
    # The double's eyes are where the picture has them, so that it is lost where a copy shows less or more around.
    caught = {each.kind: each.caught for each in ceiling.caught}
    assert min(caught.values()) > 0.9
    assert {kind for kind, share in caught.items() if share == 1} >= {"mirrored", "toned"}


def test_pictures_that_a_folder_has_twice_are_no_reason_to_let_copies_pass() -> None:
    """One pair of many; calling it a copy is right."""
    many = [View(view.person, patch((90, 90, 90), 100 + seed, 128)) for seed, view in enumerate(views(16))]
    ceiling = calibrate([*many, many[0]], ColourFaces(), "Once more.", "rendered")[0].copy_ceiling
    assert ceiling.fresh.quantiles["0"] == pytest.approx(0, abs=1e-6)
    assert 0 < ceiling.fresh_refused < 0.01
    assert all(each.caught > 0.9 for each in ceiling.caught)


@pytest.mark.parametrize(("least", "side"), [(1, 24), (40, 48), (60, 64)])
def test_the_least_face_follows_from_what_the_embedder_can_still_see(least: int, side: int) -> None:
    calibration, _ = calibrate(views(side=128), ColourFaces(least=least), "Colours.", "rendered")
    assert calibration.min_face_side == side


def test_pictures_that_are_too_small_to_be_copied_are_refused() -> None:
    with pytest.raises(InvalidInput, match="larger ones"):
        calibrate(views(side=64), ColourFaces(least=40), "Small.", "rendered")


def test_heads_that_are_turned_too_far_are_left_out() -> None:
    turned = [View(view.person, Image.new("RGB", (64, 64)), MAX_YAW + 1) for view in views()]
    calibration, _ = calibrate([*views(yaw=-MAX_YAW), *turned], ColourFaces(), "Colours.", "rendered")
    assert (calibration.images, calibration.detected) == (12, 1)


def test_pictures_without_a_face_count_against_detection() -> None:
    faceless = View("ada", Image.new("RGB", (64, 64)))
    calibration, _ = calibrate([*views(), faceless], ColourFaces(), "Colours.", "rendered")
    assert calibration.detected == pytest.approx(12 / 13)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_pictures_are_refused(count: int) -> None:
    with pytest.raises(InvalidInput, match="at least two people"):
        calibrate(views(count), ColourFaces(), "Too few.", "rendered")


def test_one_person_alone_is_refused() -> None:
    with pytest.raises(InvalidInput, match="at least two people"):
        calibrate([view for view in views() if view.person == "ada"], ColourFaces(), "Alone.", "rendered")


def test_the_plot_shows_what_was_measured() -> None:
    clear = plot(*calibrate(views(), ColourFaces(), "Colours.", "rendered"))
    vague = plot(
        *calibrate(
            [View(v.person, patch((120, 120, 120), n)) for n, v in enumerate(views())],
            ColourFaces(),
            "",
            "rendered",
        )
    )
    assert clear.size == vague.size
    assert clear.tobytes() != vague.tobytes()
    assert clear.getpixel((0, 0)) == (255, 255, 255)
