"""A run with the safety gate: real Redis and S3, a real verify process with a tiny ONNX model or an operator's own
function, and a device that paints what a test says."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from models.derived import seed_of
from models.errors import (
    ContentRefused,
    LikenessNotReached,
    RenderProcessDied,
    SafetyModelMissing,
    VerifyError,
    VerifyProcessDied,
    VerifyProcessHung,
)
from models.job import Job
from models.manifest import Manifest
from models.safety import RefusedImage, SafetyRule
from models.source_type import SourceType
from tests.support.doubles import own_classifier
from tests.support.jobs.gated import MB, Device, Judge, Place, make_job
from tests.support.processes import eventually
from tests.support.weights.tiny_safety import write_nudity
from worker.base.observers.prometheus import PrometheusMetrics
from worker.base.raw_image import RawImage
from worker.base.settings import Settings
from worker.queue.jobs import JobStore
from worker.queue.jobs.previews import PreviewStore
from worker.render.messages import ImageDone, PreviewMade, StepDone
from worker.render.previews import PreviewWriter
from worker.storage import Storage
from worker.verify import ImageJudged, JudgeImage, VerifyProcess

OWN = "tests.support.doubles.own_classifier:by_colour"


@pytest.fixture
def place(settings: Settings, storage: Storage) -> Place:
    return Place(settings.model_copy(update={"gate": "off"}), storage)


def screening(**changes: Any) -> VerifyProcess:
    return VerifyProcess(Settings(gate="off", **changes), "rendered", screens=True)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VerifyProcess]:
    """One process for all tests, with the tiny model; its red is explicit."""
    process = screening(safety_models_dir=write_nudity(tmp_path_factory.mktemp("safety")))
    yield process
    process.stop()


@pytest.fixture(scope="module")
def own() -> Iterator[VerifyProcess]:
    process = screening(safety_classifier=OWN)
    yield process
    process.stop()


@dataclass
class Painter(Device):
    """Paints each try of a shot in a colour; what isn't named is blue. Each shot has a preview."""

    job: Job | None = None
    colours: Mapping[tuple[str, int], str] = field(default_factory=dict)

    def render(self, order: Any, check: Any) -> Iterator[Any]:
        seeds = {shot.name: seed for shot, seed in order.shots}
        for done in super().render(order, check):
            if isinstance(done, StepDone):
                preview = PreviewMade(painted("red"), SourceType.GENERATED)
                yield StepDone(done.shot, 1, 1, preview)
            elif isinstance(done, ImageDone):
                assert self.job
                tries = [seed_of(self.job.job_id, done.shot, number) for number in range(9)]
                colour = self.colours.get((done.shot, tries.index(seeds[done.shot])), "blue")
                yield ImageDone(done.shot, done.seed, painted(colour, done.seed))
            else:
                yield done


def painted(colour: str, seed: int = 0) -> RawImage:
    """The colour, with the seed in its last eight pixels."""
    pixels = Image.new("RGB", (32, 32), colour).tobytes()
    return RawImage(32, 32, pixels[:-24] + seed.to_bytes(24))


class JudgeOfPaintings(Judge):
    def judge(self, request: JudgeImage, go_on: Any) -> ImageJudged:
        return super().judge(replace(request, image=RawImage(8, 1, request.image.data[-24:])), go_on)


def every_try(shot: str, colour: str = "red") -> dict[tuple[str, int], str]:
    return {(shot, number): colour for number in range(9)}


def run(
    place: Place, job: Job, colours: Mapping[tuple[str, int], str], by: VerifyProcess, **more: Any
) -> Any:
    judge = more.pop("judge", None) or JudgeOfPaintings(job)
    return place.run(judge, Painter(job=job, colours=colours), screening=by, **{"gate": "off"} | more)


def events_of(place: Place, job: Job) -> list[RefusedImage]:
    told = JobStore(place.settings).events_of({job.job_id: 0})[job.job_id]
    return [event.refused for event in told if event.refused]


def test_what_is_explicit_is_rendered_again_with_the_next_seed(place: Place, model: VerifyProcess) -> None:
    job, metrics = make_job("front", "smile"), PrometheusMetrics()
    result = run(place, job, {("smile", 0): "red"}, model, observer=metrics)
    front, smile = result.images
    assert (front.seed, smile.seed) == (seed_of(job.job_id, "front"), seed_of(job.job_id, "smile", 1))
    assert (smile.safety.nudity, smile.safety.apparent_minor) == ("none", "unknown")
    assert result.safety.refused == ()
    manifest = Manifest.parse(place.storage.get(result.manifest_key, max_bytes=MB))
    assert manifest.safety == result.safety
    assert place.stored(job) == {
        "front.png",
        "smile.png",
        "thumbs/front.webp",
        "thumbs/smile.webp",
        "manifest.json",
    }
    (told,) = events_of(place, job)
    assert (told.shot, told.seed, told.number) == ("smile", seed_of(job.job_id, "smile"), 1)
    assert told.rule is SafetyRule.EXPLICIT
    assert told.score > 0.85
    assert b'likeness_safety_refusals_total{rule="explicit"} 1.0' in metrics.exposition("")[0]


@pytest.mark.parametrize("gate", ["off", "required", "report"])
def test_what_is_explicit_in_every_try_fails_the_job_and_nothing_is_stored_of_it(
    gate: str, place: Place, model: VerifyProcess
) -> None:
    job = make_job("front", "smile")
    with pytest.raises(ContentRefused) as caught:
        run(place, job, every_try("smile"), model, gate=gate)
    details = caught.value.details
    assert (details["rule"], details["shot"]) == ("explicit", "smile")
    (refused,) = [RefusedImage.parse(one) for one in details["refused"]]
    assert (refused.number, refused.score) == (3, details["score"])
    assert len(events_of(place, job)) == 3
    assert place.stored(job) == {"front.png", "thumbs/front.webp"}, "which the attempt's end removes"


def test_what_looks_like_a_minor_fails_the_job_at_once(place: Place, own: VerifyProcess) -> None:
    job = make_job("front")
    with pytest.raises(ContentRefused, match="looks like a minor") as caught:
        run(place, job, {("front", 0): "magenta"}, own)
    assert (caught.value.details["rule"], caught.value.details["score"]) == ("apparent-minor", 0.6)
    assert [one.number for one in events_of(place, job)] == [1]
    assert place.stored(job) == set()


@pytest.mark.parametrize("colour", ["green", "orange", "blue"])
def test_what_is_suggestive_or_shows_a_minor_alone_is_taken(
    colour: str, place: Place, own: VerifyProcess
) -> None:
    (image,) = run(place, make_job("front"), every_try("front", colour), own).images
    assert image.safety.to_data() == {"apparentMinor": "unknown"} | own_classifier.READINGS.get(
        colour, {"nudity": "none", "score": 0.99}
    )


def test_a_partial_set_is_without_what_was_refused_and_has_no_evidence_of_it(
    place: Place, model: VerifyProcess
) -> None:
    job = make_job("front", "smile", "serious", accept_partial=True)
    judge = JudgeOfPaintings(job, {("serious", number): 0.3 for number in range(3)})
    result = run(place, job, every_try("smile"), model, gate="required", judge=judge)
    assert [image.shot for image in result.images] == ["front"]
    assert [one.shot for one in result.safety.refused] == ["smile"]
    assert [one.shot for one in result.likeness.missed] == ["serious"]
    assert place.stored(job) == {
        "front.png",
        "thumbs/front.webp",
        "evidence/serious.png",
        "manifest.json",
    }


def test_a_shot_that_was_refused_once_and_then_missed_leaves_evidence_of_the_miss_alone(
    place: Place, model: VerifyProcess
) -> None:
    job = make_job("front")
    judge = JudgeOfPaintings(job, {("front", 1): 0.3, ("front", 2): 0.2})
    with pytest.raises(LikenessNotReached) as caught:
        run(place, job, {("front", 0): "red"}, model, gate="required", judge=judge)
    (missed,) = caught.value.details["missed"]
    assert missed["attempt"] == 2
    head = place.storage.head(missed["evidenceKey"])
    assert head
    assert head.metadata["seed"] == str(seed_of(job.job_id, "front", 1))
    assert place.stored(job) == {"evidence/front.png"}


def test_what_an_earlier_attempt_stored_is_looked_at_again_and_deleted_if_it_is_refused(
    place: Place, own: VerifyProcess
) -> None:
    job = make_job("front", "smile", accept_partial=True)
    place.run(JudgeOfPaintings(job), Painter(job=job, colours=every_try("front")), gate="off")
    place.storage.delete(place.storage.keys.manifest_key(job))
    assert "front.png" in place.stored(job)
    result = run(place, job, every_try("front"), own)
    assert [image.shot for image in result.images] == ["smile"]
    assert place.stored(job) == {"smile.png", "thumbs/smile.webp", "manifest.json"}
    assert [one.number for one in events_of(place, job)] == [0, 1, 2, 3]


def test_it_is_deleted_before_anything_else_is_done(place: Place, own: VerifyProcess) -> None:
    job = make_job("front", "smile")
    with pytest.raises(RenderProcessDied):
        place.run(JudgeOfPaintings(job), Painter(job=job, colours=every_try("front"), lives=1), gate="off")
    assert place.stored(job) == {"front.png", "thumbs/front.webp"}
    with pytest.raises(RenderProcessDied):
        place.run(JudgeOfPaintings(job), Painter(job=job, lives=0), screening=own, gate="off")
    assert place.stored(job) == set()


def test_a_refused_shots_preview_is_deleted(place: Place, own: VerifyProcess) -> None:
    job, store = make_job("front", "smile"), PreviewStore(place.settings)
    writer = PreviewWriter(store)
    writer.start()
    deleted: list[tuple[str, ...]] = []
    delete = store.delete

    def noted(job_id: str, shots: Any) -> None:
        deleted.append(tuple(shots))
        delete(job_id, shots)

    store.delete = noted  # type: ignore[method-assign]
    with pytest.raises(ContentRefused):
        run(place, job, every_try("smile"), own, previews=writer)
    eventually(lambda: ("front", "smile") in deleted)
    writer.stop()
    assert ("smile",) in deleted, "before the attempt ended"
    assert store.get(job.job_id, "smile") is None


@pytest.mark.parametrize("is_screened", [True, False])
def test_previews_are_coarse_where_images_are_screened(
    is_screened: bool, place: Place, own: VerifyProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can judge an image that isn't finished, and a preview of its last step is nearly that."""
    job, coarse, writer = make_job("front"), list[bool](), PreviewWriter(PreviewStore(place.settings))
    monkeypatch.setattr(writer, "show", lambda *_, **how: coarse.append(how["coarse"]))
    judge, device = JudgeOfPaintings(job), Painter(job=job)
    place.run(judge, device, screening=own if is_screened else None, previews=writer, gate="off")
    assert coarse == [is_screened]


def test_what_can_not_be_read_is_no_pass(place: Place, own: VerifyProcess, tmp_path: Path) -> None:
    not_finite = screening(safety_models_dir=write_nudity(tmp_path, nan=True))
    for process, colour in ((not_finite, "lime"), (own, "gray"), (own, "silver")):
        job = make_job("front")
        with pytest.raises(VerifyError):
            run(place, job, every_try("front", colour), process)
        assert place.stored(job) == set()
    not_finite.stop()


def test_a_model_that_hangs_or_crashes_costs_its_process_and_the_image_is_not_stored(place: Place) -> None:
    process = screening(safety_classifier=OWN, judge_timeout=2)
    for colour, error in (
        (own_classifier.HANGS, VerifyProcessHung),
        (own_classifier.CRASHES, VerifyProcessDied),
    ):
        job = make_job("front")
        with pytest.raises(error):
            run(place, job, every_try("front", colour), process)
        assert place.stored(job) == set()
    assert run(place, make_job("front"), {}, process).images, "another process goes on"
    process.stop()


def test_a_model_that_is_missing_keeps_the_process_from_starting(tmp_path: Path) -> None:
    process = screening(weights_dir=tmp_path)
    with pytest.raises(SafetyModelMissing, match="likeness models fetch safety"):
        process.start()
    assert process.pid is None
