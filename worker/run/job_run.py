"""One run of a job, step by step: take up what is stored, render the rest, judge, store, commit.

What a kind of job starts from stands in its own file: `clone.py`, `create.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import structlog

from models.derived import seed_of
from models.errors import LikenessNotReached
from models.job import Job
from models.likeness import Judgement, MissedImage
from models.manifest import Provenance, RenderInfo
from models.record import JobResult, NotedReference, StoredImage
from models.shot import shot_named
from worker.base.observers import tracing
from worker.mark.statement import Origin
from worker.references.fetch import FetchedReferences
from worker.render import RenderOrder, RenderProcess
from worker.render.messages import ImageDone, ReferenceNoted, StepDone
from worker.run.commit import commit, committed
from worker.run.held import HeldJob
from worker.run.imagestore import FoundImage, ImageStore
from worker.run.job_gate import JobGate, is_better
from worker.run.notes import sentence, with_note

log = structlog.get_logger()

T = TypeVar("T")
J = TypeVar("J", bound=Job)


@dataclass(frozen=True, slots=True)
class Made:
    """An image, and what it came from: a later order may know more, or less, of that."""

    done: ImageDone
    origin: Origin


@dataclass(frozen=True, slots=True)
class _Miss:
    told: MissedImage
    made: Made


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a worker has for all its runs. `judging` has one thread: images are judged one after another while the
    device goes on."""

    device: RenderProcess
    images: ImageStore
    executor: Executor
    judging: Executor


class JobRun(ABC, Generic[J]):
    """Holds what one attempt has got so far. Every step may raise what HeldJob.check raises, and errors of
    the tree; nothing of the job is in flight any more when `run` is over, however it ends.

    `gate` is null where nothing is judged.
    """

    advice: ClassVar[str]
    """What may help where shots missed the likeness: the end of a sentence."""

    def __init__(self, job: J, held: HeldJob, equipment: Equipment, gate: JobGate | None) -> None:
        self._job = job
        self._held = held
        self._device = equipment.device
        self._images = equipment.images
        self._executor = equipment.executor
        self._judging = equipment.judging
        self._gate = gate
        self._taken: set[str] = set()
        self._stored: dict[str, StoredImage] = {}
        self._best_misses: dict[str, _Miss] = {}
        self._rendered: dict[str, float] = {}
        self._ready = 0
        # Judgements add uploads.
        self._judgements: list[Future[None]] = []
        self._uploads: list[Future[None]] = []
        self._provenance = Provenance()
        self._origin = Origin()
        self._trace = tracing.current()

    def run(self) -> JobResult:
        try:
            if ended := committed(self._job, self._images):
                log.warning("job.was_committed", images=len(ended.images))
                self._held.enter("finishing")
                return ended
            self._make(self._found() if self._held.lease.attempt > 1 else [])
            self._held.enter("storing")
            missed = self._keep_evidence(self._missing())
            self._finish(self._uploads)
            if self._held.lease.attempt > 1:
                self._discard(missed)
            self._held.enter("finishing")
            return self._commit(missed)
        finally:
            # Those of a job that is handed back are of use; those of a canceled one must not come later.
            wait(self._judgements)
            wait(self._uploads)

    @abstractmethod
    def _make(self, found: list[FoundImage]) -> None:
        """Take up what earlier attempts left, if it is still good, and render the rest."""

    def _found(self) -> list[FoundImage]:
        """What earlier attempts left. What they stored is never rendered again."""
        self._provenance = self._held.noted()
        self._images.remove_evidence(self._job, confirm=self._held.confirm)
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

    def _judge_found(self, found: list[FoundImage]) -> None:
        """Take up what is stored, and judge it again: the set's other images are compared with it, too.

        It passed before. If it doesn't now, this worker's gate is another one, and the shot is rendered again.
        """
        for image in found:
            shot = image.stored.shot
            if self._gate is None:
                self._take_up(image, None)
                continue
            judgement, taken = self._result_of(self._judging.submit(self._gate.judge, shot, image.pixels()))
            if taken:
                self._take_up(image, judgement)
            else:
                log.warning("image.refused", shot=shot, reasons=judgement.verdict.reasons)

    def _render(self, references: FetchedReferences, shots: Sequence[str]) -> None:
        """Render those shots that are missing, and again with other seeds what missed the likeness."""
        for attempt in range(self._gate.tries if self._gate else 1):
            if not (missing := [shot for shot in shots if shot not in self._taken]):
                break
            if attempt:
                log.info("shots.rendered_again", shots=missing, attempt=attempt + 1)
                self._held.observer.shots_rendered_again(self._job.job_id, len(missing))
            self._render_once(references, missing, attempt)
            # The device is another job's meanwhile.
            self._finish(self._judgements)

    def _order(self, references: FetchedReferences, shots: Sequence[str], attempt: int) -> RenderOrder:
        return RenderOrder(
            references=references.images,
            appearance=self._job.appearance,
            shots=tuple((shot_named(shot), seed_of(self._job.job_id, shot, attempt)) for shot in shots),
        )

    def _render_once(self, references: FetchedReferences, shots: Sequence[str], attempt: int) -> None:
        order = self._order(references, shots, attempt)
        self._rendered.clear()
        self._ready = len(self._taken)
        with self._device.turn(self._held.check), tracing.span("render", shots=len(shots)):
            if self._held.stage != "rendering":
                self._held.enter("rendering")
            for done in self._device.render(order, self._held.check):
                match done:
                    case RenderInfo():
                        self._note(references, done)
                    case StepDone():
                        self._tell_step(done)
                    case ImageDone():
                        # If one failed, the device needn't go on.
                        self._raise_failures()
                        made = Made(done, self._origin)
                        if self._gate:
                            self._judgements.append(
                                self._judging.submit(self._judge, self._gate, made, attempt)
                            )
                        else:
                            self._take(made, None)
                    case ReferenceNoted():
                        self._note_reference(references, done)

    def _note(self, references: FetchedReferences, renderer: RenderInfo) -> None:
        used = dict.fromkeys((*self._provenance.references, *references.used))
        self._provenance = self._provenance.model_copy(update={"references": tuple(used), "render": renderer})
        self._origin = Origin(references.ingredients, renderer)
        self._held.note(self._provenance)

    def _note_reference(self, references: FetchedReferences, told: ReferenceNoted) -> None:
        about = references.ingredients[told.index]
        self._origin = self._origin.noted(about, told.code)
        note = NotedReference(
            index=about.index, asset_id=about.reference.asset_id, code=told.code, message=told.message
        )
        notes = with_note(self._provenance.reference_notes, note)
        if notes == self._provenance.reference_notes:
            return
        log.info("reference.noted", assetId=note.asset_id, code=note.code, why=note.message)
        self._provenance = self._provenance.model_copy(update={"reference_notes": notes})
        self._held.reference_noted(note, self._provenance)

    def _tell_step(self, done: StepDone) -> None:
        # Shots are rendered side by side, so each counts for itself.
        self._rendered[done.shot] = done.step / done.steps
        share = (self._ready + sum(self._rendered.values())) / len(self._job.shots)
        self._held.step_done(done.shot, done.step, done.steps, share)

    def _judge(self, gate: JobGate, made: Made, attempt: int) -> None:
        self._held.check()
        done = made.done
        judgement, taken = gate.judge(done.shot, done.image)
        if taken:
            self._take(made, judgement)
            return
        missed = MissedImage(
            shot=done.shot,
            seed=done.seed,
            attempt=attempt + 1,
            judgement=judgement,
            digital_source_type=done.source_type,
        )
        self._held.image_missed(missed)
        best = self._best_misses.get(done.shot)
        if best is None or is_better(missed, best.told):
            self._best_misses[done.shot] = _Miss(missed, made)

    def _take(self, made: Made, judgement: Judgement | None) -> None:
        self._taken.add(made.done.shot)
        self._uploads.append(self._executor.submit(self._store, made, judgement))

    def _store(self, made: Made, judgement: Judgement | None) -> None:
        shot = made.done.shot
        with tracing.span("store", self._trace, shot=shot):
            image = self._images.put(
                self._job, made.done, made.origin, confirm=self._held.confirm, judgement=judgement
            )
        self._stored[shot] = image
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

    def _keep_evidence(self, shots: Sequence[str]) -> tuple[MissedImage, ...]:
        """Keep the best try of each of these shots, which missed.

        Raises LikenessNotReached, if there is any, unless the job takes the rest.
        """
        if self._gate is None:
            return ()
        missed = []
        for shot in shots:
            miss = self._best_misses[shot]
            made = miss.made
            key = self._images.put_evidence(self._job, made.done, made.origin, confirm=self._held.confirm)
            missed.append(miss.told.model_copy(update={"evidence_key": key}))
        if missed and not (self._job.accept_partial and self._taken):
            notes = self._provenance.reference_notes
            raise LikenessNotReached(
                f"{len(missed)} of {len(self._job.shots)} shots missed the likeness in every try (of "
                f"{self._gate.tries}): {', '.join(one.shot for one in missed)}. The details say by how much; "
                f"{self.advice}.{sentence(notes)}",
                passed=[shot for shot in self._job.shots if shot in self._taken],
                referenceNotes=[note.to_data() for note in notes],
                **self._gate.summary(tuple(missed)).to_data(),
            )
        return tuple(missed)

    def _discard(self, missed: Sequence[MissedImage]) -> None:
        """Delete what an earlier attempt left of shots that aren't taken now.

        Not before all uploads are over: a server that keeps objects as files removes a folder with its last file,
        and rclone can then lose sight of one that is just being written there.
        """
        for one in missed:
            self._images.discard(self._job, one.shot, confirm=self._held.confirm)

    def _commit(self, missed: tuple[MissedImage, ...]) -> JobResult:
        without = {one.shot for one in missed}
        # A shot without its image is a KeyError here: no other is left out than those that were said to be.
        images = tuple(self._stored[shot] for shot in self._job.shots if shot not in without)
        likeness = self._gate.summary(missed) if self._gate else None
        with tracing.span("commit"):
            return commit(
                self._job, self._images, images, self._provenance, likeness, confirm=self._held.confirm
            )
