"""What an engine's profile says of its images and references reaches the sink, and nothing is said unasked."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from models.record import NOT_CARRIED, NOT_USED
from models.source_type import SourceType
from pipelines.diffusion import DiffusionEngine
from pipelines.protocol import ReferenceNote
from tests.support.weights.engines import BuildEngine, FaultyDevice, references_of, render

SHOTS = ("front", "smile", "serious")


def carrying(engine: DiffusionEngine, monkeypatch: pytest.MonkeyPatch) -> DiffusionEngine:
    """The engine, as though it carried pixels into the first image from all references but the third."""

    def source_type(encoded: Any, row: int) -> SourceType:
        return SourceType.GENERATED if row else SourceType.COMPOSITE

    def reference_notes(encoded: Any) -> Sequence[ReferenceNote]:
        return [ReferenceNote(2, NOT_CARRIED, "turned too far")]

    monkeypatch.setattr(engine, "source_type", source_type)
    monkeypatch.setattr(engine, "reference_notes", reference_notes)
    return engine


def test_images_are_generated_and_references_unremarkable_unless_a_profile_says_so(
    build_engine: BuildEngine,
) -> None:
    kept = render(build_engine("sdxl-ip-adapter"), references_of("maya"), "front")
    assert kept.source_types == {"front": SourceType.GENERATED}
    assert kept.notes == []


@pytest.mark.parametrize("max_batch", [1, 2])
def test_each_image_has_its_own_type_in_every_batch(
    build_engine: BuildEngine, monkeypatch: pytest.MonkeyPatch, max_batch: int
) -> None:
    engine = carrying(build_engine("sdxl-ip-adapter", max_batch=max_batch), monkeypatch)
    kept = render(engine, references_of("maya", 3), *SHOTS)
    assert kept.source_types == {
        "front": SourceType.COMPOSITE,
        "smile": SourceType.GENERATED,
        "serious": SourceType.GENERATED,
    }
    assert kept.notes == [ReferenceNote(2, NOT_CARRIED, "turned too far")]


def test_an_image_that_is_decoded_late_keeps_its_type(
    build_engine: BuildEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = FaultyDevice({("decode", 1): torch.OutOfMemoryError("no room")})
    engine = carrying(build_engine("sdxl-ip-adapter", device), monkeypatch)
    kept = render(engine, references_of("maya", 3), "front")
    assert kept.source_types == {"front": SourceType.COMPOSITE}


def test_notes_go_by_the_list_that_was_given_and_name_what_was_thinned_out(
    build_engine: BuildEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = carrying(build_engine("sdxl-ip-adapter"), monkeypatch)
    notes = render(engine, references_of("maya", 6), "front").notes
    # Of six, the third and the last are left out, so the fourth is the third that is used.
    assert [(note.index, note.code) for note in notes] == [(2, NOT_USED), (5, NOT_USED), (3, NOT_CARRIED)]
    assert notes[0].message == "the profile takes 4 at most"
