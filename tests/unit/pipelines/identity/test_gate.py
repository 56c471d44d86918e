"""The gate on real pictures, each made to be refused for one reason."""

import pickle
from collections.abc import Callable
from io import BytesIO
from typing import get_args

import pytest
from PIL import Image, ImageOps

from models.calibration import CopyKind
from models.likeness import Judgement, Reason
from pipelines.identity.altered import copies_of
from pipelines.identity.gate import LikenessGate
from pipelines.identity.portrait import Portrait
from pipelines.identity.references import ReferenceSet
from tests.support.pictures.samples import Sample

Change = Callable[[Image.Image], Image.Image]


def as_jpeg(image: Image.Image) -> Image.Image:
    file = BytesIO()
    image.save(file, "JPEG", quality=60)
    return Image.open(file)


def smaller(image: Image.Image) -> Image.Image:
    return image.resize((300, 300), Image.Resampling.LANCZOS)


def with_a_second_face(image: Image.Image) -> Image.Image:
    both = Image.new("RGB", (1024, 512), (128, 128, 128))
    both.paste(image, (0, 0))
    both.paste(ImageOps.mirror(image), (512, 0))
    return both


@pytest.fixture(scope="module")
def references(gate: LikenessGate, sample: Sample) -> ReferenceSet:
    """Jonas's first three pictures."""
    return gate.check_references([sample("jonas", number) for number in range(3)])


def test_a_fresh_picture_of_the_same_person_passes(
    gate: LikenessGate, references: ReferenceSet, portraits: dict[str, list[Portrait]]
) -> None:
    for portrait in portraits["jonas"][3:]:
        judgement = gate.judge(portrait, references)
        assert judgement.verdict.reasons == ()
        assert judgement.scores.compared == "face"
        assert len(judgement.scores.references) == 3


@pytest.mark.parametrize("name", ["maya", "robin"])
def test_another_person_is_refused(
    name: str, gate: LikenessGate, references: ReferenceSet, portraits: dict[str, list[Portrait]]
) -> None:
    for portrait in portraits[name]:
        assert gate.judge(portrait, references).verdict.reasons == (Reason.NOT_THE_SAME_FACE,)


@pytest.mark.parametrize(
    "change",
    [lambda image: image, as_jpeg, smaller, ImageOps.mirror],
    ids=["same", "jpeg", "smaller", "mirrored"],
)
def test_a_copy_of_a_reference_is_refused(
    change: Change, gate: LikenessGate, references: ReferenceSet, sample: Sample
) -> None:
    judgement = gate.judge(gate.portrait(change(sample("jonas", 1))), references)
    assert judgement.verdict.reasons == (Reason.COPY_OF_REFERENCE,)
    nearest = judgement.scores.nearest_reference
    assert nearest is not None
    assert (nearest.by_hash, nearest.by_pixels) == ("reference 2", "reference 2")
    assert nearest.mirrored == (change is ImageOps.mirror)


@pytest.mark.parametrize("change", [lambda image: image, ImageOps.mirror], ids=["same", "mirrored"])
def test_a_references_face_in_another_frame_is_a_copy_too(
    change: Change, gate: LikenessGate, references: ReferenceSet, sample: Sample
) -> None:
    frame = Image.new("RGB", (800, 700), (40, 90, 60))
    frame.paste(change(sample("jonas", 1)), (250, 150))
    judgement = gate.judge(gate.portrait(frame), references)
    assert judgement.verdict.reasons == (Reason.COPY_OF_REFERENCE,)
    nearest = judgement.scores.nearest_reference
    assert nearest is not None
    assert nearest.hash_bits > 10
    assert nearest.by_pixels == "reference 2"


@pytest.mark.parametrize("kind", get_args(CopyKind))
def test_a_copy_of_each_kind_is_refused(
    kind: CopyKind,
    gate: LikenessGate,
    references: ReferenceSet,
    portraits: dict[str, list[Portrait]],
    sample: Sample,
) -> None:
    face = portraits["jonas"][0].face
    assert face is not None
    image = dict(copies_of(sample("jonas", 0), face.box))[kind]
    assert Reason.COPY_OF_REFERENCE in gate.judge(gate.portrait(image), references).verdict.reasons


def test_a_copy_of_a_reference_that_is_left_out_is_a_copy_too(gate: LikenessGate, sample: Sample) -> None:
    references = gate.check_references([sample("jonas", 0), sample("jonas", 1), sample("maya", 0)])
    reasons = gate.judge(gate.portrait(sample("maya", 0)), references).verdict.reasons
    assert reasons == (Reason.NOT_THE_SAME_FACE, Reason.COPY_OF_REFERENCE)


def test_the_same_image_for_two_shots_is_a_twin(
    gate: LikenessGate, references: ReferenceSet, portraits: dict[str, list[Portrait]], sample: Sample
) -> None:
    others = {"front": portraits["jonas"][3], "smile": portraits["jonas"][4]}
    assert gate.judge(portraits["jonas"][5], references, others=others).verdict.reasons == ()
    judgement = gate.judge(gate.portrait(as_jpeg(sample("jonas", 4))), references, others=others)
    assert judgement.verdict.reasons == (Reason.TWIN,)
    assert judgement.scores.nearest_shot is not None
    assert judgement.scores.nearest_shot.by_hash == "smile"


def test_the_other_side_of_a_face_is_no_twin(
    gate: LikenessGate, references: ReferenceSet, portraits: dict[str, list[Portrait]], sample: Sample
) -> None:
    """Shots to the left and to the right are each other's mirror images, if the pipeline is a good one."""
    others = {"three-quarter-left": portraits["jonas"][4]}
    judgement = gate.judge(gate.portrait(ImageOps.mirror(sample("jonas", 4))), references, others=others)
    assert Reason.TWIN not in judgement.verdict.reasons


def test_a_picture_without_a_face_is_refused(gate: LikenessGate, references: ReferenceSet) -> None:
    portrait = gate.portrait(Image.radial_gradient("L"))
    judgement = gate.judge(portrait, references)
    assert judgement.verdict.reasons == (Reason.NO_FACE,)
    assert (judgement.scores.centroid, judgement.scores.compared) == (None, None)
    turned = gate.judge(portrait, references, yaw=80)
    assert (turned.verdict.outcome, turned.verdict.not_judged, turned.yaw) == ("pass", (Reason.NO_FACE,), 80)


def test_two_faces_are_refused(gate: LikenessGate, references: ReferenceSet, sample: Sample) -> None:
    judgement = gate.judge(gate.portrait(with_a_second_face(sample("jonas", 4))), references)
    assert judgement.verdict.reasons == (Reason.SEVERAL_FACES,)
    assert judgement.scores.faces == 2


def test_a_tiny_face_is_refused(gate: LikenessGate, references: ReferenceSet, sample: Sample) -> None:
    judgement = gate.judge(gate.portrait(sample("jonas", 4).resize((24, 24))), references)
    assert set(judgement.verdict.reasons) & {Reason.TOO_SMALL, Reason.NO_FACE}


def test_subjects_without_a_face_are_compared_as_pictures(gate: LikenessGate, sample: Sample) -> None:
    car = sample("jonas", 0).crop((0, 0, 512, 60)).resize((256, 64))
    references = gate.check_references([car], "any")
    same = gate.judge(gate.portrait(ImageOps.expand(car, 20, (127, 127, 127))), references)
    assert (same.scores.compared, same.scores.faces) == ("whole-image", 0)
    assert Reason.NO_FACE not in same.verdict.reasons
    copy = gate.judge(gate.portrait(as_jpeg(car)), references)
    assert copy.verdict.reasons == (Reason.COPY_OF_REFERENCE,)
    other = gate.judge(gate.portrait(Image.new("RGB", (256, 256), (250, 20, 20))), references)
    assert other.verdict.reasons == (Reason.NOT_THE_SAME_SUBJECT,)


@pytest.mark.parametrize("mode", ["RGBA", "L", "P", "1", "LA", "CMYK", "I;16"])
@pytest.mark.parametrize("size", [(1, 1), (1, 3000)])
def test_odd_pictures_are_refused_and_not_fatal(
    mode: str, size: tuple[int, int], gate: LikenessGate, references: ReferenceSet
) -> None:
    assert gate.judge(gate.portrait(Image.new(mode, size)), references).verdict.reasons == (Reason.NO_FACE,)


def test_the_record_says_what_measured_and_by_what_thresholds(
    gate: LikenessGate, references: ReferenceSet, portraits: dict[str, list[Portrait]]
) -> None:
    judgement = gate.judge(portraits["jonas"][3], references)
    assert judgement.embedder.name == "dlib"
    assert len(judgement.embedder.files) == 3
    assert judgement == Judgement.parse(judgement.to_json())


def test_references_and_portraits_cross_a_process_border(
    gate: LikenessGate, references: ReferenceSet, portraits: dict[str, list[Portrait]]
) -> None:
    there = pickle.loads(pickle.dumps((references, portraits["jonas"][3])))
    assert gate.judge(there[1], there[0]) == gate.judge(portraits["jonas"][3], references)
    assert len(pickle.dumps(portraits["jonas"][3])) < 16_000
