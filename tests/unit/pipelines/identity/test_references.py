"""References among themselves: whoever is another person than the rest is named, and so is what shows nobody."""

import pytest
from PIL import Image

from models.errors import NoUsableReference
from models.likeness import CheckedReference, ReferenceFault
from pipelines.identity.gate import LikenessGate
from tests.support.pictures.samples import Sample

GREY = Image.new("RGB", (128, 18), (120, 130, 125))


def faults(checked: tuple[CheckedReference, ...]) -> dict[int, tuple[ReferenceFault, ...]]:
    return {each.index: each.faults for each in checked if each.faults}


@pytest.mark.parametrize("name", ["jonas", "robin"])
def test_six_of_one_person_agree(name: str, gate: LikenessGate, sample: Sample) -> None:
    references = gate.check_references([sample(name, number) for number in range(6)])
    assert faults(references.checked) == {}
    assert all(each.used and each.similarity is not None for each in references.checked)


@pytest.mark.parametrize("place", [0, 2])
def test_another_person_is_named_wherever_it_stands(place: int, gate: LikenessGate, sample: Sample) -> None:
    images = [sample("maya", number) for number in range(3)]
    images.insert(place, sample("jonas", 0))
    references = gate.check_references(images)
    assert faults(references.checked) == {place: (ReferenceFault.ANOTHER_PERSON,)}
    assert [each.index for each in references.checked if not each.used] == [place]
    assert len(references.vectors(whole=False)) == 3


def test_of_two_that_disagree_the_first_counts(gate: LikenessGate, sample: Sample) -> None:
    references = gate.check_references([sample("maya", 0), sample("jonas", 0)])
    assert faults(references.checked) == {1: (ReferenceFault.ANOTHER_PERSON,)}


def test_one_alone_has_nothing_to_disagree_with(gate: LikenessGate, sample: Sample) -> None:
    (alone,) = gate.check_references([sample("maya", 0)]).checked
    assert (alone.faults, alone.similarity, alone.used) == ((), None, True)


def test_one_without_a_face_is_named_and_left_out(gate: LikenessGate, sample: Sample) -> None:
    references = gate.check_references([GREY, sample("maya", 0), sample("maya", 1)])
    assert faults(references.checked) == {0: (ReferenceFault.NO_FACE,)}
    assert not references.checked[0].used


def test_faces_in_none_of_them_end_it_unless_the_subject_is_any(gate: LikenessGate) -> None:
    with pytest.raises(NoUsableReference, match="No face was found"):
        gate.check_references([GREY, GREY])
    references = gate.check_references([GREY, GREY], "any")
    assert faults(references.checked) == {}
    assert references.vectors(whole=False).shape[0] == 0
    assert references.vectors(whole=True).shape == (2, 1152)


def test_two_faces_in_one_are_named_and_the_larger_counts(gate: LikenessGate, sample: Sample) -> None:
    both = Image.new("RGB", (1024, 512), "white")
    both.paste(sample("maya", 0), (0, 0))
    both.paste(sample("jonas", 0).resize((300, 300)), (600, 100))
    references = gate.check_references([both, sample("maya", 1)])
    assert faults(references.checked) == {0: (ReferenceFault.SEVERAL_FACES,)}
    assert references.checked[0].used
