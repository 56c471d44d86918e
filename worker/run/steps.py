"""The steps that a kind's script calls: take up stored images, render, judge, store, keep evidence."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from models.derived import seed_of
from models.errors import LikenessNotReached
from models.job import Job
from models.likeness import Judgement, MissedImage
from models.manifest import RenderInfo
from models.shot import shot_named
from worker.base.observers import tracing
from worker.references.fetch import FetchedReferences, ReferenceFetcher
from worker.render import RenderOrder, RenderProcess
from worker.render.messages import ImageDone, ReferenceNoted, StepDone
from worker.run.beside import BesideWork
from worker.run.held import HeldJob
from worker.run.imagestore import FoundImage, ImageStore
from worker.run.job_gate import JobGate
from worker.run.notes import sentence
from worker.run.shots import Made, Miss, ShotSet
from worker.run.sources import Sources

log = structlog.get_logger()

J = TypeVar("J", bound=Job)


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a worker has for all its attempts. `judging` has one thread: images are judged one after another while
    the device goes on."""

    device: RenderProcess
    images: ImageStore
    fetcher: ReferenceFetcher
    executor: Executor
    judging: Executor


def nobody(attempt: int) -> None:
    """The seed of the person, where references say who it is."""


class Steps(Generic[J]):
    """What a kind's script calls. Every step may raise what `HeldJob.raise_if_unwanted` raises, and errors of the
    tree. `gate` is null where nothing is judged."""

    def __init__(self, job: J, held: HeldJob, equipment: Equipment, gate: JobGate | None) -> None:
        self.job = job
        self.held = held
        self.gate = gate
        self.fetcher = equipment.fetcher
        self.shots = ShotSet(job.shots)
        self.sources = Sources(held)
        self.beside = BesideWork(equipment.judging, equipment.executor, held.raise_if_unwanted)
        self._device = equipment.device
        self._images = equipment.images
        self._rendered: dict[str, float] = {}
        self._ready = 0
        self._trace = tracing.current()

    def found(self) -> list[FoundImage]:
        """What earlier attempts left. What they stored is never rendered again."""
        self.sources.take_up()
        self._images.remove_evidence(self.job, confirm=self.held.confirm)
        found = []
        for shot in self.job.shots:
            self.held.raise_if_unwanted()
            if image := self._images.find(self.job, shot):
                found.append(image)
        return found

    def take_up(self, found: Sequence[FoundImage]) -> None:
        """Take what is stored, once it is judged again: the set's other images are compared with it, too.

        It passed before. If it doesn't now, this worker's gate is another one, and the shot is rendered again.
        """
        for image in found:
            shot, judgement = image.stored.shot, None
            if self.gate:
                judgement, taken = self.beside.ask_gate(self.gate.judge, shot, image.pixels())
                if not taken:
                    log.warning("image.refused", shot=shot, reasons=judgement.verdict.reasons)
                    continue
            self.shots.store(image.stored.model_copy(update={"judgement": judgement}))
            self.shots.take(shot, image.pixels)
            log.info("image.already_stored", shot=shot)

    def render(
        self,
        references: FetchedReferences,
        shots: Sequence[str],
        person_seed: Callable[[int], int | None] = nobody,
    ) -> None:
        """Render those shots that are missing, and with other seeds once more what misses the likeness.

        `person_seed`: by try, from 0 on, who is made up. None: the references say it.
        """
        for number in range(self.gate.tries if self.gate else 1):
            if not (missing := self.shots.missing(shots)):
                break
            if number:
                log.info("shots.rendered_again", shots=missing, attempt=number + 1)
                self.held.observer.shots_rendered_again(self.job.job_id, len(missing))
            order = RenderOrder(
                references=references.images,
                appearance=self.job.appearance,
                shots=tuple((shot_named(shot), seed_of(self.job.job_id, shot, number)) for shot in missing),
                person_seed=person_seed(number),
            )
            self._render(references, order, number)
            # The device is another job's meanwhile.
            self.beside.finish_judgements()

    def keep_evidence(self, shots: Sequence[str], advice: str) -> tuple[MissedImage, ...]:
        """Keep the best try of each of these shots, which missed.

        Raises LikenessNotReached, if there is any, unless the job takes the rest. `advice` is the end of a sentence
        of its message.
        """
        if self.gate is None:
            return ()
        missed = []
        for shot in shots:
            miss = self.shots.best_miss(shot)
            key = self._images.put_evidence(
                self.job, miss.made.done, miss.made.origin, confirm=self.held.confirm
            )
            missed.append(miss.told.model_copy(update={"evidence_key": key}))
        if missed and not (self.job.accept_partial and self.shots.taken):
            notes = self.sources.provenance.reference_notes
            raise LikenessNotReached(
                f"{len(missed)} of {len(self.job.shots)} shots missed the likeness in every try (of "
                f"{self.gate.tries}): {', '.join(one.shot for one in missed)}. The details say by how much; "
                f"{advice}.{sentence(notes)}",
                passed=self.shots.taken,
                referenceNotes=[note.to_data() for note in notes],
                **self.gate.summary(tuple(missed)).to_data(),
            )
        return tuple(missed)

    def _render(self, references: FetchedReferences, order: RenderOrder, number: int) -> None:
        self._rendered.clear()
        self._ready = len(self.shots.taken)
        unwanted = self.held.raise_if_unwanted
        with self._device.turn(unwanted), tracing.span("render", shots=len(order.shots)):
            if self.held.stage != "rendering":
                self.held.enter("rendering")
            for done in self._device.render(order, unwanted):
                match done:
                    case RenderInfo():
                        self.sources.note_order(references, done)
                    case StepDone():
                        self._report_step(done)
                    case ImageDone():
                        self._pass_on(Made(done, self.sources.origin), number)
                    case ReferenceNoted():
                        self.sources.note_reference(references, done)

    def _report_step(self, done: StepDone) -> None:
        # Shots are rendered side by side, so each counts for itself.
        self._rendered[done.shot] = done.step / done.steps
        share = (self._ready + sum(self._rendered.values())) / len(self.job.shots)
        self.held.step_done(done.shot, done.step, done.steps, share)

    def _pass_on(self, made: Made, number: int) -> None:
        # If one failed, the device needn't go on.
        self.beside.raise_failures()
        if self.gate:
            self.beside.judge(self._judge, self.gate, made, number)
        else:
            self._take(made, None)

    def _judge(self, gate: JobGate, made: Made, number: int) -> None:
        self.held.raise_if_unwanted()
        done = made.done
        judgement, taken = gate.judge(done.shot, done.image)
        if taken:
            self._take(made, judgement)
            return
        missed = MissedImage(
            shot=done.shot,
            seed=done.seed,
            attempt=number + 1,
            judgement=judgement,
            digital_source_type=done.source_type,
        )
        self.held.image_missed(missed)
        self.shots.miss(Miss(missed, made))

    def _take(self, made: Made, judgement: Judgement | None) -> None:
        self.shots.take(made.done.shot, lambda: made.done.image)
        self.beside.upload(self._store, made, judgement)

    def _store(self, made: Made, judgement: Judgement | None) -> None:
        with tracing.span("store", self._trace, shot=made.done.shot):
            image = self._images.put(
                self.job, made.done, made.origin, confirm=self.held.confirm, judgement=judgement
            )
        self.shots.store(image)
        self.held.image_stored(image)
