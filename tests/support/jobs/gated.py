"""A job, a device and a judge that do what a test says."""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from models.derived import seed_of
from models.errors import NoUsableReference, RenderProcessDied
from models.job import CloneJob, CloneRequest, Job, ReferenceSource
from models.likeness import (
    CheckedReference,
    Embedder,
    ImageScores,
    Judgement,
    Reason,
    ReferenceFault,
    Subject,
    Verdict,
)
from models.manifest import RenderInfo, UsedReference
from models.record import JobResult
from models.rules import Rules
from tests.support.jobs.stored import SOURCE
from worker.base.observers.observer import Observer
from worker.base.raw_image import RawImage
from worker.base.settings import Settings
from worker.client import plan_clone
from worker.mark.statement import Ingredient
from worker.queue.jobs import JobStore
from worker.references.fetch import FetchedReference, FetchedReferences
from worker.render import RenderOrder
from worker.render.messages import ImageDone, ReferenceNoted, StepDone
from worker.render.previews import PreviewWriter
from worker.run.drain import Drain
from worker.run.held import HeldJob
from worker.run.imagestore import ImageStore
from worker.run.judging.job_gate import JobGate
from worker.run.judging.job_screen import JobScreen
from worker.run.marking.marker import Marker
from worker.run.run import run_job
from worker.run.steps import Equipment
from worker.storage import Storage
from worker.verify import ImageJudged, JudgeImage, ReferencesChecked, VerifyProcess

MB = 1024 * 1024

FACE = Reason.NOT_THE_SAME_FACE

INFO = RenderInfo(profile="double", pipeline="Double", steps=1, dtype="none", device="none", versions={})


def drawn(seed: int) -> RawImage:
    return RawImage(8, 1, seed.to_bytes(24))


def judgement(reasons: Sequence[Reason], similarity: float) -> Judgement:
    return Judgement(
        embedder=Embedder(name="double", metric="cosine", files={}),
        calibration="0" * 64,
        yaw=0,
        scores=ImageScores(width=8, height=1, faces=1, references=(similarity,), centroid=similarity),
        verdict=Verdict(outcome="miss" if reasons else "pass", reasons=tuple(reasons)),
    )


@dataclass
class Device:
    orders: list[dict[str, int]] = field(default_factory=list)
    got: list[RenderOrder] = field(default_factory=list)
    lives: int = 99
    """How many images it makes before it dies."""

    @contextmanager
    def turn(self, check: Any) -> Iterator[None]:
        yield

    def render(
        self, order: RenderOrder, check: Any
    ) -> Iterator[RenderInfo | StepDone | ImageDone | ReferenceNoted]:
        self.orders.append({shot.name: seed for shot, seed in order.shots})
        self.got.append(order)
        yield INFO
        for shot, seed in order.shots:
            if not self.lives:
                raise RenderProcessDied("Killed.")
            self.lives -= 1
            yield StepDone(shot.name, 1, 1)
            yield ImageDone(shot.name, seed, drawn(seed))


@dataclass
class Judge:
    """`misses` has, by shot and try, the similarity of those images that miss."""

    job: Job
    misses: Mapping[tuple[str, int], float] = field(default_factory=dict)
    faults: Mapping[int, ReferenceFault] = field(default_factory=dict)
    asked: list[JudgeImage] = field(default_factory=list)
    subjects: list[Subject] = field(default_factory=list)
    checked: list[tuple[RawImage, ...]] = field(default_factory=list)
    has_faces: bool = True

    def check_references(self, images: Sequence[RawImage], subject: Subject, go_on: Any) -> ReferencesChecked:
        self.subjects.append(subject)
        self.checked.append(tuple(images))
        if not self.has_faces and subject == "person":
            raise NoUsableReference("No face.")
        checked = []
        for index in range(len(images)):
            faults = (self.faults[index],) if index in self.faults else ()
            checked.append(CheckedReference(index=index, faces=1, faults=faults, used=not faults))
        return ReferencesChecked(b"references" if images else b"none", tuple(checked))

    def judge(self, request: JudgeImage, go_on: Any) -> ImageJudged:
        self.asked.append(request)
        seed = int.from_bytes(request.image.data)
        key = next(
            (shot, attempt)
            for shot in self.job.shots
            for attempt in range(9)
            if seed_of(self.job.job_id, shot, attempt) == seed
        )
        missed = key in self.misses
        return ImageJudged(str(key).encode(), judgement([FACE] if missed else [], self.misses.get(key, 0.9)))


@dataclass
class Fetcher:
    """References at these places of the job's list; the others couldn't be read."""

    places: Sequence[int] = (0,)

    def fetch(self, job: CloneJob, check: Any) -> FetchedReferences:
        used = [UsedReference(asset_id=job.references[n].asset_id, sha256=f"{n}" * 64) for n in self.places]
        return FetchedReferences(
            tuple(
                FetchedReference(drawn(n), Ingredient(n, one))
                for n, one in zip(self.places, used, strict=True)
            )
        )


def make_job(*shots: str, overrides: Any = None, **options: Any) -> CloneJob:
    request = CloneRequest.parse({"name": "Nova B", "overrides": overrides or {}})
    references = [ReferenceSource(asset_id=f"med_{number}") for number in range(4)]
    return plan_clone(SOURCE, request, references, shots or ("front", "smile"), **options)


@dataclass
class Place:
    """All that a run needs; `run` is one attempt."""

    settings: Settings
    storage: Storage

    def run(
        self,
        judge: Judge,
        device: Device | None = None,
        fetcher: Fetcher | None = None,
        *,
        rules: Rules | None = None,
        screening: VerifyProcess | None = None,
        previews: PreviewWriter | None = None,
        observer: Observer | None = None,
        marker: Marker | None = None,
        **changes: Any,
    ) -> JobResult:
        settings = self.settings.model_copy(update={"gate": "required"} | changes)
        store, job = JobStore(settings), judge.job
        lease = store.claim(job, "me").lease
        assert lease
        held = HeldJob(store, lease, Drain(60), time.monotonic() + 60, observer)
        double: Any = (judge, device or Device(), fetcher or Fetcher())
        with ThreadPoolExecutor(4) as executor, ThreadPoolExecutor(1) as judging:
            try:
                images = ImageStore(settings, self.storage)
                equipment = Equipment(
                    double[1], images, double[2], executor, judging, previews, rules or Rules(), marker
                )
                gate = (
                    None
                    if settings.gate == "off"
                    else JobGate(job, settings, double[0], held.raise_if_unwanted)
                )
                screen = None
                if screening and (info := screening.start().safety):
                    screen = JobScreen(settings, screening, info, held.raise_if_unwanted)
                return run_job(job, held, equipment, gate, screen)
            finally:
                store.release(lease, "TEST")

    def stored(self, job: Job) -> set[str]:
        prefix = self.storage.keys.job_prefix(job)
        return {found.key.removeprefix(f"{prefix}/") for found in self.storage.list(prefix)}
