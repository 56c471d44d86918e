"""The safety gate's classifiers, with tiny ONNX models: what they read, and what they refuse to be loaded with."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from models.errors import SafetyModelMissing, VerifyError
from models.likeness import FaceBox
from models.safety import SafetyOptions, SafetyReading, SafetyRule, rule_of
from pipelines.safety.classifiers import SafetyClassifier
from pipelines.safety.loading import load_safety
from tests.support.weights.tiny_safety import AGE, NUDITY, write_age, write_fetched, write_nudity


def loaded(folder: Path, faces: Any = None) -> SafetyClassifier:
    return load_safety(SafetyOptions(models=str(folder)), faces)


def plain(colour: str, size: tuple[int, int] = (32, 20)) -> Image.Image:
    return Image.new("RGB", size, colour)


class Faces:
    """Finds faces at these places, whatever the picture."""

    def __init__(self, *boxes: FaceBox) -> None:
        self.boxes = boxes
        self.asked = 0

    def find(self, picture: Any) -> Any:
        self.asked += 1
        return [type("Found", (), {"box": box}) for box in self.boxes]


@pytest.mark.parametrize(
    ("colour", "nudity", "least"),
    [("red", "explicit", 0.85), ("lime", "suggestive", 0.5), ("blue", "none", 0.9), ("gray", "none", 0.5)],
)
def test_a_threshold_decides(colour: str, nudity: str, least: float, tmp_path: Path) -> None:
    reading = loaded(write_nudity(tmp_path)).read(plain(colour))
    assert (reading.nudity, reading.apparent_minor) == (nudity, "unknown")
    assert least <= reading.score <= 1


def test_what_is_just_below_the_threshold_is_only_suggestive(tmp_path: Path) -> None:
    thresholds = {
        "explicit": {"labels": ["porn"], "atLeast": 1},
        "suggestive": NUDITY["thresholds"]["suggestive"],
    }
    reading = loaded(write_nudity(tmp_path, thresholds=thresholds)).read(plain("red"))
    assert reading.nudity == "suggestive"


def test_age_is_read_on_every_face_and_only_where_there_is_nudity(tmp_path: Path) -> None:
    write_age(write_nudity(tmp_path))
    image = plain("red", (200, 100))
    image.paste((0, 0, 255), (120, 20, 160, 60))
    adult = FaceBox(left=10, top=10, right=50, bottom=50)
    child = FaceBox(left=120, top=20, right=160, bottom=60)

    def read(picture: Image.Image, *boxes: FaceBox) -> tuple[SafetyReading, int]:
        faces = Faces(*boxes)
        return loaded(tmp_path, faces).read(picture), faces.asked

    reading, asked = read(image, adult, child)
    assert (reading.nudity, reading.apparent_minor, asked) == ("explicit", "yes", 1)
    assert rule_of(reading) is SafetyRule.APPARENT_MINOR
    assert read(image, adult)[0].apparent_minor == "no"
    assert read(image)[0].apparent_minor == "unknown"
    harmless, asked = read(plain("blue"), child)
    assert (harmless.nudity, harmless.apparent_minor, asked) == ("none", "unknown", 0)


@pytest.mark.parametrize(
    ("nudity", "minor", "rule"),
    [
        ("explicit", "no", SafetyRule.EXPLICIT),
        ("explicit", "unknown", SafetyRule.EXPLICIT),
        ("explicit", "yes", SafetyRule.APPARENT_MINOR),
        ("suggestive", "yes", SafetyRule.APPARENT_MINOR),
        ("suggestive", "unknown", None),
        ("suggestive", "no", None),
        ("none", "yes", None),
        ("none", "unknown", None),
    ],
)
def test_the_rules(nudity: Any, minor: Any, rule: SafetyRule | None) -> None:
    assert rule_of(SafetyReading(nudity=nudity, score=0.5, apparent_minor=minor)) is rule


def test_numbers_that_are_not_finite_are_an_error_and_no_pass(tmp_path: Path) -> None:
    classifier = loaded(write_nudity(tmp_path, nan=True))
    assert classifier.read(plain("gray")).nudity == "none"
    with pytest.raises(VerifyError, match="aren't finite"):
        classifier.read(plain("lime"))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"labels": ["normal", "porn"]}, "none of the labels"),
        ({"labels": ["normal", "sexy", "porn", "drawing"]}, r"shape \(1, 3\), and there are 4 labels"),
        ({"output": "probabilities"}, "isn't probabilities"),
        ({"thresholds": {"suggestive": {"labels": ["sexy"], "atLeast": 0.5}}}, "name `explicit`"),
        ({"thresholds": {"explicit": {"labels": [], "atLeast": 0.5}}}, "labels"),
        ({"thresholds": {"explicit": {"labels": ["porn"], "atLeast": 0}}}, "atLeast"),
        ({"std": [0.5, 0.5, 0]}, "divided by 0"),
        ({"size": 8192}, "size"),
        ({"model": "../nudity.onnx"}, "model"),
        ({"model": "other.onnx"}, "other.onnx is not in"),
        ({"more": 1}, "more"),
    ],
)
def test_a_json_that_does_not_fit_its_model_keeps_it_from_loading(
    changes: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(SafetyModelMissing, match=reason):
        loaded(write_nudity(tmp_path, **changes))


def test_what_is_no_model_keeps_it_from_loading(tmp_path: Path) -> None:
    with pytest.raises(SafetyModelMissing, match=r"nudity\.json can't be read"):
        loaded(tmp_path)
    write_nudity(tmp_path)
    (tmp_path / "nudity.json").write_text("{")
    with pytest.raises(SafetyModelMissing, match="isn't valid"):
        loaded(tmp_path)
    write_nudity(tmp_path)
    (tmp_path / "nudity.onnx").write_bytes(b"no model")
    with pytest.raises(SafetyModelMissing, match="OpenCV can't read"):
        loaded(tmp_path)


def test_a_model_of_age_that_can_not_be_used_is_not_left_out(tmp_path: Path) -> None:
    write_age(write_nudity(tmp_path), thresholds=NUDITY["thresholds"])
    with pytest.raises(SafetyModelMissing, match=r"age\.json"):
        loaded(tmp_path, Faces())


def test_the_record_names_the_files(tmp_path: Path) -> None:
    info = loaded(write_age(write_nudity(tmp_path)), Faces()).info
    assert info.files == {
        name: sha256((tmp_path / name).read_bytes()).hexdigest() for name in (NUDITY["model"], AGE["model"])
    }
    assert info.judges_age
    (tmp_path / "age.json").unlink()
    assert not loaded(tmp_path).info.judges_age


def test_what_was_fetched_is_used_and_compared_with_its_lock(tmp_path: Path) -> None:
    options = SafetyOptions(weights=str(tmp_path))
    with pytest.raises(SafetyModelMissing, match=r"models fetch safety.*LIKENESS_SAFETY=off"):
        load_safety(options, None)
    path = write_fetched(tmp_path)
    classifier = load_safety(options, None)
    assert classifier.info.classifier == "onnx-community/nsfw_image_detection-ONNX"
    assert [classifier.read(plain(colour)).nudity for colour in ("red", "blue")] == ["explicit", "none"]
    path.write_bytes(b"other bytes")
    with pytest.raises(SafetyModelMissing, match="the lock says"):
        load_safety(options, None)


OWN = "tests.support.doubles.own_classifier:"


def test_an_operators_own_function_is_asked() -> None:
    classifier = load_safety(SafetyOptions(classifier=f"{OWN}by_colour"), None)
    assert classifier.read(plain("magenta")) == SafetyReading(
        nudity="suggestive", score=0.6, apparent_minor="yes"
    )
    for colour in ("gray", "silver"):
        with pytest.raises(VerifyError, match="no safety reading"):
            classifier.read(plain(colour))


@pytest.mark.parametrize("name", ["nothing:here", f"{OWN}nothing", f"{OWN}HANGS", "no-colon", ""])
def test_a_function_that_is_not_there_keeps_it_from_loading(name: str, tmp_path: Path) -> None:
    with pytest.raises(SafetyModelMissing):
        load_safety(SafetyOptions(classifier=name, weights=str(tmp_path)), None)
