"""One run of a clone job, step by step: take up what is stored, fetch, render the rest, judge, store, commit."""

from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import structlog

from models.derived import seed_of
from models.errors import LikenessNotReached
from models.influencer import ReferenceImage
from models.job import CloneJob
from models.likeness import Judgement, MissedImage
from models.manifest import Manifest, Provenance, RenderInfo
from models.record import CloneResult, StoredImage
from models.shot import shot_named
from worker import tracing
from worker.gate import JobGate, is_better
from worker.held import HeldJob
from worker.imagestore import FoundImage, ImageStore
from worker.mark.statement import Origin
from worker.references.fetch import FetchedReferences, ReferenceFetcher, require_usable
from worker.render import RenderOrder, RenderProcess
from worker.render.messages import ImageDone, StepDone

log = structlog.get_logger()

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Miss:
    told: MissedImage
    done: ImageDone


class CloneRun:
    """Holds what one attempt has got so far. Every step may raise what HeldJob.check raises, and errors of
    the tree; nothing of the job is in flight any more when `run` is over, however it ends.

    `gate` is null where nothing is judged. `judging` has one thread: images are judged one after another while
    the device goes on.
    """

    def __init__(
        self,
        job: CloneJob,
        held: HeldJob,
        *,
        fetcher: ReferenceFetcher,
        device: RenderProcess,
        images: ImageStore,
        executor: Executor,
        gate: JobGate | None = None,
        judging: Executor | None = None,
    ) -> None:
        self._job = job
        self._held = held
        self._fetcher = fetcher
        self._device = device
        self._images = images
        self._executor = executor
        self._gate = gate
        self._judging = judging or executor
        self._taken: set[str] = set()
        self._stored: dict[str, StoredImage] = {}
        self._best_misses: dict[str, _Miss] = {}
        self._rendered: dict[str, float] = {}
        # Judgements add uploads.
        self._judgements: list[Future[None]] = []
        self._uploads: list[Future[None]] = []
        self._provenance = Provenance()
        self._origin = Origin()
        self._trace = tracing.current()

    def run(self) -> CloneResult:
        try:
            found = self._found() if self._held.lease.attempt > 1 else []
            if self._gate is None:
                for image in found:
                    self._take_up(image, None)
            if self._missing() or self._gate:
                with tracing.span("fetch"):
                    references = self._fetch()
                self._judge_found(found)
                self._render(references)
            self._held.enter("storing")
            missed = self._keep_evidence()
            self._finish(self._uploads)
            self._held.enter("finishing")
            return self._commit(missed)
        finally:
            # Those of a job that is handed back are of use; those of a canceled one must not come later.
            wait(self._judgements)
            wait(self._uploads)

    def _found(self) -> list[FoundImage]:
        """What earlier attempts left. What they stored is never rendered again."""
        self._provenance = self._held.noted()
        self._held.confirm()
        self._images.remove_evidence(self._job)
        found = []
        for shot in self._job.shots:
            self._held.check()
            if image := self._images.find(self._job, shot):
                found.append(image)
        return found

    def _take_up(self, image: FoundImage, judgement: Judgement | None) -> None:
        shot = image.stored.shot
        self._taken.add(shot)
        self._stored[shot] = image.stored.model_copy(update={"judgement": judgement})
        log.info("image.already_stored", shot=shot)

    def _missing(self) -> list[str]:
        return [shot for shot in self._job.shots if shot not in self._taken]

    def _fetch(self) -> FetchedReferences:
        references = self._fetcher.fetch(self._job, self._held.check)
        self._held.references_checked(references.rejected)
        require_usable(references)
        log.info("references.fetched", used=len(references.images), rejected=len(references.rejected))
        if self._gate:
            others = self._result_of(self._judging.submit(self._gate.check, references))
            self._held.references_checked(others)
            references = references.without(others)
        return references

    def _judge_found(self, found: list[FoundImage]) -> None:
        """Judge again what is stored: the set's other images are compared with it, too.

        It passed before. If it doesn't now, this worker's gate is another one, and the shot is rendered again.
        """
        if self._gate is None:
            return
        for image in found:
            shot = image.stored.shot
            judgement, taken = self._result_of(self._judging.submit(self._gate.judge, shot, image.pixels()))
            if taken:
                self._take_up(image, judgement)
            else:
                log.warning("image.refused", shot=shot, reasons=judgement.verdict.reasons)

    def _render(self, references: FetchedReferences) -> None:
        """Render what is missing, and again with other seeds what missed the likeness."""
        for attempt in range(self._gate.tries if self._gate else 1):
            if not (missing := self._missing()):
                break
            if attempt:
                log.info("shots.rendered_again", shots=missing, attempt=attempt + 1)
                self._held.metrics.shots_rendered_again(len(missing))
            self._render_once(references, missing, attempt)
            # The device is another job's meanwhile.
            self._finish(self._judgements)

    def _render_once(self, references: FetchedReferences, missing: list[str], attempt: int) -> None:
        order = RenderOrder(
            references=references.images,
            appearance=self._job.overrides.apply_to(self._job.source).appearance,
            shots=tuple((shot_named(shot), seed_of(self._job.job_id, shot, attempt)) for shot in missing),
        )
        self._rendered.clear()
        with self._device.turn(self._held.check), tracing.span("render", shots=len(missing)):
            if not attempt:
                self._held.enter("rendering")
            for done in self._device.render(order, self._held.check):
                match done:
                    case RenderInfo():
                        self._note(references, done)
                    case StepDone():
                        self._tell_step(done, missing)
                    case ImageDone():
                        # If one failed, the device needn't go on.
                        self._raise_failures()
                        if self._gate:
                            self._judgements.append(
                                self._judging.submit(self._judge, self._gate, done, attempt)
                            )
                        else:
                            self._take(done, None)

    def _note(self, references: FetchedReferences, renderer: RenderInfo) -> None:
        used = dict.fromkeys((*self._provenance.references, *references.used))
        self._provenance = Provenance(references=tuple(used), render=renderer)
        self._origin = Origin(references.ingredients, renderer)
        self._held.note(self._provenance)

    def _tell_step(self, done: StepDone, missing: list[str]) -> None:
        # Shots are rendered side by side, so each counts for itself.
        self._rendered[done.shot] = done.step / done.steps
        ready = len(self._job.shots) - len(missing)
        share = (ready + sum(self._rendered.values())) / len(self._job.shots)
        self._held.step_done(done.shot, done.step, done.steps, share)

    def _judge(self, gate: JobGate, done: ImageDone, attempt: int) -> None:
        self._held.check()
        judgement, taken = gate.judge(done.shot, done.image)
        if taken:
            self._take(done, judgement)
            return
        missed = MissedImage(shot=done.shot, seed=done.seed, attempt=attempt + 1, judgement=judgement)
        self._held.image_missed(missed)
        best = self._best_misses.get(done.shot)
        if best is None or is_better(missed, best.told):
            self._best_misses[done.shot] = _Miss(missed, done)

    def _take(self, done: ImageDone, judgement: Judgement | None) -> None:
        self._taken.add(done.shot)
        self._uploads.append(self._executor.submit(self._store, done, judgement))

    def _store(self, done: ImageDone, judgement: Judgement | None) -> None:
        with tracing.span("store", self._trace, shot=done.shot):
            image = self._images.put(
                self._job, done, self._origin, confirm=self._held.confirm, judgement=judgement
            )
        self._stored[done.shot] = image
        self._held.image_stored(image)

    def _result_of(self, future: Future[T]) -> T:
        try:
            while wait([future], timeout=0.2).not_done:
                self._held.check()
        finally:
            future.cancel()
        return future.result()

    def _finish(self, work: list[Future[None]]) -> None:
        while wait(work, timeout=0.2).not_done:
            self._held.check()
        self._raise_failures()

    def _raise_failures(self) -> None:
        for work in (*self._judgements, *self._uploads):
            if work.done():
                work.result()

    def _keep_evidence(self) -> tuple[MissedImage, ...]:
        """Keep the best try of each shot that missed. Raises LikenessNotReached unless the job takes the rest."""
        if self._gate is None:
            return ()
        missed = []
        for shot in self._missing():
            miss = self._best_misses[shot]
            key = self._images.put_evidence(self._job, miss.done, self._origin, confirm=self._held.confirm)
            missed.append(miss.told.model_copy(update={"evidence_key": key}))
        if missed and not (self._job.accept_partial and self._taken):
            raise LikenessNotReached(
                f"{len(missed)} of {len(self._job.shots)} shots missed the likeness in every try (of "
                f"{self._gate.tries}): {', '.join(one.shot for one in missed)}. The details say by how much; "
                "clearer references may help.",
                passed=[shot for shot in self._job.shots if shot in self._taken],
                **self._gate.summary(tuple(missed)).to_data(),
            )
        for one in missed:
            # An earlier attempt may have left one that isn't taken now.
            self._held.confirm()
            self._images.discard(self._job, one.shot)
        return tuple(missed)

    def _commit(self, missed: tuple[MissedImage, ...]) -> CloneResult:
        now = datetime.now(UTC)
        without = {one.shot for one in missed}
        # A shot without its image is a KeyError here: no other is left out than those that were said to be.
        images = tuple(self._stored[shot] for shot in self._job.shots if shot not in without)
        new_references = tuple(
            ReferenceImage(asset_id=i.asset_id, url=i.url, thumbnail_url=i.thumbnail_url, added_at=now)
            for i in images
        )
        row = self._job.finished_row(new_references, now)
        likeness = self._gate.summary(missed) if self._gate else None
        manifest = Manifest(
            job_id=self._job.job_id,
            influencer_id=self._job.influencer_id,
            project_id=self._job.project_id,
            source_influencer_id=self._job.source.influencer_id,
            created_at=now,
            references=self._provenance.references,
            render=self._provenance.render,
            images=images,
            likeness=likeness,
        )
        self._held.confirm()
        with tracing.span("commit"):
            key, url = self._images.put_manifest(self._job, manifest)
        return CloneResult(
            influencer=row, images=images, likeness=likeness, manifest_key=key, manifest_url=url
        )
