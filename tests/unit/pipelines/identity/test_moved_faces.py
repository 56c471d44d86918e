"""A face that is only moved is a copy; one in another light, pose or expression, or seen again, is none.

One person is rendered in one view before a plain backdrop, which is the reference, and then again with one thing
changed at a time. The shipped calibration decides.
"""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from models.likeness import ImageScores, Reason
from models.shot import Shot
from pipelines.embedded.people.view import View, sample_view
from pipelines.identity.gate import LikenessGate
from pipelines.identity.references import ReferenceSet
from tests.support.pictures.rendered_people import picture

PERSON = 12
SHOT = Shot(name="front", yaw=6, pitch=0, expression="neutral", light="soft", background="plain")


def view(seed: int, shot: Shot = SHOT) -> View:
    return sample_view(np.random.default_rng(seed), shot)


REFERENCE = view(1)
ELSEWHERE = view(2, SHOT.model_copy(update={"background": "outdoor"}))
MOVED = {
    "another backdrop": replace(REFERENCE, backdrop=ELSEWHERE.backdrop),
    "other clothes": replace(REFERENCE, outfit=ELSEWHERE.outfit),
    "all of it, smaller and moved": replace(
        REFERENCE,
        backdrop=ELSEWHERE.backdrop,
        outfit=ELSEWHERE.outfit,
        zoom=REFERENCE.zoom * 0.8,
        shift_x=REFERENCE.shift_x + 0.15,
    ),
}
FRESH = {
    "another light": replace(REFERENCE, lamp=view(3, SHOT.model_copy(update={"light": "side"})).lamp),
    "another expression": replace(
        REFERENCE, expression=view(4, SHOT.model_copy(update={"expression": "smile"})).expression
    ),
    "another pose": replace(REFERENCE, yaw=-12.0, pitch=4.0),
    "the same shot again": replace(view(5), backdrop=REFERENCE.backdrop, outfit=REFERENCE.outfit),
}


@pytest.fixture(scope="module")
def references(gate: LikenessGate) -> ReferenceSet:
    return gate.check_references([picture(PERSON, REFERENCE)])


def judged(
    gate: LikenessGate, references: ReferenceSet, image: Image.Image
) -> tuple[tuple[Reason, ...], ImageScores]:
    judgement = gate.judge(gate.portrait(image), references)
    return judgement.verdict.reasons, judgement.scores


@pytest.mark.parametrize("name", MOVED)
def test_a_face_that_is_only_moved_is_a_copy(name: str, gate: LikenessGate, references: ReferenceSet) -> None:
    reasons, scores = judged(gate, references, picture(PERSON, MOVED[name]))
    assert reasons == (Reason.COPY_OF_REFERENCE,)
    assert scores.nearest_reference is not None
    assert scores.nearest_reference.by_pixels == "reference 1"


@pytest.mark.parametrize("name", FRESH)
def test_another_light_pose_or_expression_makes_a_fresh_picture(
    name: str, gate: LikenessGate, references: ReferenceSet
) -> None:
    """Although clothes, backdrop and most of the face are the reference's own."""
    reasons, _ = judged(gate, references, picture(PERSON, FRESH[name]))
    assert Reason.COPY_OF_REFERENCE not in reasons


def test_pasting_the_face_into_another_picture_makes_a_copy(
    gate: LikenessGate, references: ReferenceSet
) -> None:
    """The head and body of another view, the reference's face."""
    face = references.portraits[0].face
    assert face is not None
    box = face.box
    oval = Image.new("L", (400, 400))
    ImageDraw.Draw(oval).ellipse((box.left, box.top - box.side // 5, box.right, box.bottom + 8), 255)
    oval = oval.filter(ImageFilter.GaussianBlur(4))
    other = picture(PERSON, FRESH["the same shot again"])
    other.paste(picture(PERSON, REFERENCE), (20, 10), oval)
    reasons, _ = judged(gate, references, other)
    assert Reason.COPY_OF_REFERENCE in reasons
