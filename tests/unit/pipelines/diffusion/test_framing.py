"""References that show a face small in a large picture reach models that were trained on faces as heads."""

from io import BytesIO

import pytest
from PIL import Image

from models.likeness import FaceBox
from pipelines.identity.dlib_faces import DlibFaces
from pipelines.identity.portrait import take_portrait
from pipelines.references import around
from pipelines.registry import PROFILES
from tests.support.weights.engines import BuildEngine
from worker.stack.samples import load_sample

PHOTOGRAPHS = [name for name, profile in PROFILES.items() if profile.domain == "photographs"]


def small_in_a_large_picture(name: str) -> Image.Image:
    """A sample persona's first reference, 300 pixels wide, in a corner of a wide picture."""
    picture = Image.new("RGB", (1800, 1200), (180, 190, 175))
    head = Image.open(BytesIO(load_sample(name)[1][0])).convert("RGB").resize((300, 300))
    picture.paste(head, (1350, 700))
    return picture


@pytest.fixture(scope="module")
def faces() -> DlibFaces:
    return DlibFaces()


@pytest.fixture(scope="module")
def seen(faces: DlibFaces) -> dict[str, tuple[Image.Image, FaceBox]]:
    """Pictures with the boxes that the gate finds."""
    found = {}
    for name in ("jonas", "maya", "robin"):
        picture = small_in_a_large_picture(name)
        face = take_portrait(picture, faces).face
        assert face
        assert face.box.side < 0.2 * picture.height
        found[name] = (picture, face.box)
    return found


@pytest.mark.parametrize("profile", PHOTOGRAPHS)
def test_a_small_face_fills_half_of_what_the_model_gets(
    profile: str,
    build_engine: BuildEngine,
    faces: DlibFaces,
    seen: dict[str, tuple[Image.Image, FaceBox]],
) -> None:
    engine = build_engine(profile)
    for picture, box in seen.values():
        framed = engine.framed(picture, box)
        face = take_portrait(framed, faces).face
        assert face
        assert face.box.side >= 0.49 * max(framed.size)
        assert engine.framed(picture, None) is picture


def test_the_embedded_profile_gets_whole_pictures() -> None:
    assert PROFILES["embedded"].face_room is None


def test_a_face_at_the_border_is_cropped_as_far_as_the_picture_reaches() -> None:
    picture = Image.new("RGB", (100, 200))
    assert around(picture, FaceBox(left=-10, top=150, right=50, bottom=210), 2).size == (80, 80)
