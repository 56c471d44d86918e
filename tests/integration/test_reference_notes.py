"""Notes about references, and source types, through tries and attempts: real Redis and S3, doubles around them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from models.errors import LikenessNotReached, RenderProcessDied
from models.likeness import MissedImage
from models.manifest import Manifest, RenderInfo
from models.record import NOT_CARRIED, NOT_USED
from models.source_type import SourceType
from tests.support.jobs.gated import MB, Device, Fetcher, Judge, Place, make_job
from worker.base.settings import Settings
from worker.mark.inspection import inspect_image
from worker.queue.jobs import JobStore
from worker.render import RenderOrder
from worker.render.messages import ImageDone, ReferenceNoted, StepDone
from worker.storage import Storage

TURNED = ReferenceNoted(1, NOT_CARRIED, "turned too far: 52 degrees")
COVERED = ReferenceNoted(1, "GLASSES", "glasses hide the eyes")


@pytest.fixture
def place(settings: Settings, storage: Storage) -> Place:
    return Place(settings, storage)


@dataclass
class Composing(Device):
    """Every image is a composite. `notes` has those of each order; the last ones go on."""

    notes: Sequence[Sequence[ReferenceNoted]] = field(default=((),))

    def render(
        self, order: RenderOrder, check: Any
    ) -> Iterator[RenderInfo | StepDone | ImageDone | ReferenceNoted]:
        for done in super().render(order, check):
            match done:
                case RenderInfo():
                    yield done
                    yield from self.notes[min(len(self.orders), len(self.notes)) - 1]
                case ImageDone():
                    yield replace(done, source_type=SourceType.COMPOSITE)
                case _:
                    yield done


def related(place: Place, key: str) -> dict[str | None, str | None]:
    return {
        one.title: one.relationship for one in inspect_image(place.storage.get(key, max_bytes=MB)).ingredients
    }


def test_a_set_that_misses_names_the_references_that_gave_less(place: Place) -> None:
    job, device = make_job("front", "smile"), Composing(notes=((TURNED, COVERED),))
    with pytest.raises(LikenessNotReached) as caught:
        place.run(Judge(job, {("smile", n): 0.3 for n in range(3)}), device, Fetcher((0, 2)))
    assert len(device.orders) == 3, "each of which gave the notes"
    assert "clearer references may help. Less than usual could be taken from some" in caught.value.message
    assert "med_2 (turned too far: 52 degrees), med_2 (glasses hide the eyes)." in caught.value.message
    notes = JobStore(place.settings).get(job.job_id).reference_notes
    assert [(note.index, note.asset_id, note.code) for note in notes] == [
        (2, "med_2", NOT_CARRIED),
        (2, "med_2", "GLASSES"),
    ]
    assert caught.value.details["referenceNotes"] == [note.to_data() for note in notes]
    (missed,) = [MissedImage.parse(one) for one in caught.value.details["missed"]]
    assert missed.digital_source_type == SourceType.COMPOSITE
    assert missed.evidence_key
    found = inspect_image(place.storage.get(missed.evidence_key, max_bytes=MB))
    assert found.source_type == found.xmp_source_type == SourceType.COMPOSITE
    assert related(place, missed.evidence_key) == {"med_0": "componentOf", "med_2": "inputTo"}


def test_without_notes_the_error_says_nothing_of_them(place: Place) -> None:
    job = make_job("front")
    with pytest.raises(LikenessNotReached) as caught:
        place.run(Judge(job, {("front", n): 0.3 for n in range(3)}), Composing())
    assert caught.value.message.endswith("clearer references may help.")
    assert caught.value.details["referenceNotes"] == []


def test_attempts_keep_notes_and_do_not_repeat_them(place: Place) -> None:
    job, fetcher = make_job("front", "smile"), Fetcher((0, 2))
    with pytest.raises(RenderProcessDied):
        place.run(Judge(job), Composing(notes=((TURNED,),), lives=1), fetcher)
    result = place.run(Judge(job), Composing(notes=((TURNED, COVERED),)), fetcher)
    store = JobStore(place.settings)
    notes = store.get(job.job_id).reference_notes
    assert [note.code for note in notes] == [NOT_CARRIED, "GLASSES"]
    told = [event.noted for event in store.events(job.job_id) if event.type == "job.reference_noted"]
    assert told == list(notes)
    manifest = Manifest.parse(place.storage.get(result.manifest_key, max_bytes=MB))
    assert manifest.reference_notes == notes


@pytest.mark.parametrize("signing", ["required", "off"])
def test_an_image_that_is_taken_up_keeps_its_type(place: Place, signing: str) -> None:
    """Though the later attempt's pipeline makes no composites."""
    job = make_job("front", "smile")
    with pytest.raises(RenderProcessDied):
        place.run(Judge(job), Composing(lives=1), signing=signing)
    result = place.run(Judge(job), Device(), signing=signing)
    assert [image.digital_source_type for image in result.images] == [
        SourceType.COMPOSITE,
        SourceType.GENERATED,
    ]
    assert result.digital_source_type == SourceType.COMPOSITE


def test_what_a_later_order_says_is_not_said_of_earlier_images(place: Place) -> None:
    job, device = make_job("front", "smile"), Composing(notes=((), (TURNED,)))
    front, smile = place.run(Judge(job, {("smile", 0): 0.3}), device, Fetcher((0, 2))).images
    assert related(place, front.key) == {"med_0": "componentOf", "med_2": "componentOf"}
    assert related(place, smile.key) == {"med_0": "componentOf", "med_2": "inputTo"}


def test_a_reference_that_was_not_used_is_no_ingredient(place: Place) -> None:
    unused = ReferenceNoted(1, NOT_USED, "the profile takes 1 at most")
    job = make_job("front")
    (front,) = place.run(Judge(job), Composing(notes=((unused,),)), Fetcher((0, 2))).images
    assert related(place, front.key) == {"med_0": "componentOf"}
