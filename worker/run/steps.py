"""The steps that a kind's script calls: take up stored images, render, judge, store, keep evidence."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

import structlog

from models.derived import asset_id_of, seed_of
from models.errors import LikenessNotReached
from models.job import Job
from models.likeness import Judgement, MissedImage
from models.manifest import RenderInfo
from models.rules import Rules
from models.safety import RefusedImage, SafetyReading, SafetyRule
from models.shot import shot_named
from worker.base.observers import tracing
from worker.references.fetch import FetchedReferences, ReferenceFetcher
from worker.render import RenderOrder, RenderProcess
from worker.render.messages import ImageDone, ReferenceNoted, StepDone
from worker.render.previews import PreviewWriter
from worker.run.background import BackgroundWork
from worker.run.held import HeldJob
from worker.run.imagestore import FoundImage, ImageStore
from worker.run.judging.job_gate import JobGate
from worker.run.judging.job_screen import JobScreen, content_refused
from worker.run.marking.marker import Marker
from worker.run.notes import sentence
from worker.run.shots import Made, Miss, ShotSet
from worker.run.sources import Sources

log = structlog.get_logger()

J = TypeVar("J", bound=Job)


@dataclass(frozen=True, slots=True)
class Equipment:
    """What all attempts of a worker share. `judging` has one thread: images are judged one after another while the
    device goes on."""

    device: RenderProcess
    images: ImageStore
    fetcher: ReferenceFetcher
    executor: Executor
    judging: Executor
    previews: PreviewWriter | None = None
    rules: Rules = field(default_factory=Rules)
    marker: Marker | None = None


def nobody(number: int) -> None:
    """A `person_seed` for when references say who the person is."""


class Steps(Generic[J]):
    """What a kind's script calls. Every step may raise what `HeldJob.raise_if_unwanted` raises, or any
    `LikenessError`. `gate` is None if no likeness is judged, `screen` if the safety gate is off."""

    def __init__(
        self,
        job: J,
        held: HeldJob,
        equipment: Equipment,
        gate: JobGate | None,
        screen: JobScreen | None = None,
    ) -> None:
        self.job = job
        self.held = held
        self.gate = gate
        self.screen = screen
        self.fetcher = equipment.fetcher
        self.shots = ShotSet(job.shots)
        self.sources = Sources(held)
        self.background = BackgroundWork(equipment.judging, equipment.executor, held.raise_if_unwanted)
        self._device = equipment.device
        self._images = equipment.images
        self._previews = equipment.previews
        self._marker = equipment.marker if equipment.marker and equipment.marker.is_on else None
        self._rendered: dict[str, float] = {}
        self._ready = 0
        self._trace = tracing.current()

    def found(self) -> list[FoundImage]:
        """Returns the images that earlier attempts stored, for a script to take up rather than render again. Those
        without a watermark aren't, if this worker has one.

        Also takes up their provenance, and deletes their evidence.
        """
        self.sources.take_up()
        self._images.remove_evidence(self.job, confirm=self.held.confirm)
        found = []
        for shot in self.job.shots:
            self.held.raise_if_unwanted()
            image = self._images.find(self.job, shot)
            if image and self._marker and not image.stored.watermark:
                # Its pixels are signed without one. A worker without the watermark made it, or an older version.
                log.info("image.has_no_watermark", shot=shot)
            elif image:
                found.append(image)
        return found

    def take_up(self, found: Sequence[FoundImage]) -> None:
        """Takes stored images, after judging them again: the set's other images are compared with them, too.

        Each passed before. If one doesn't now, this worker's gate is another one, and the shot is rendered again.
        What the safety gate refuses is deleted at once.
        """
        for image in found:
            shot, judgement, reading = image.stored.shot, None, None
            if self.screen:
                reading, rule = self.background.ask_gate(self.screen.look, image.pixels())
                if rule:
                    self._images.discard(self.job, shot, confirm=self.held.confirm)
                    self._refuse(shot, image.stored.seed, 0, reading, rule)
                    continue
            if self.gate:
                judgement, taken = self.background.ask_gate(self.gate.judge, shot, image.pixels())
                if not taken:
                    log.warning("image.refused", shot=shot, reasons=judgement.verdict.reasons)
                    continue
            self.shots.store(image.stored.model_copy(update={"judgement": judgement, "safety": reading}))
            self.shots.take(shot, image.pixels)
            log.info("image.already_stored", shot=shot)

    def render(
        self,
        references: FetchedReferences,
        shots: Sequence[str],
        person_seed: Callable[[int], int | None] = nobody,
    ) -> None:
        """Renders the shots that are missing, and tries those that a gate doesn't take again with other seeds.

        `person_seed` gives, by try from 0 on, the seed of the person to make up; None if references say who it is.
        """
        for number in range(max((one.tries for one in (self.gate, self.screen) if one), default=1)):
            if not (missing := self.shots.missing(shots)):
                break
            if number:
                log.info("shots.rendered_again", shots=missing, tries=number + 1)
                self.held.observer.shots_rendered_again(self.job.job_id, len(missing))
            order = RenderOrder(
                references=references.images,
                faces=tuple(one.face for one in references.used),
                appearance=self.job.appearance,
                shots=tuple((shot_named(shot), seed_of(self.job.job_id, shot, number)) for shot in missing),
                person_seed=person_seed(number),
            )
            self._render(references, order, number)
            # Meanwhile, another job has the device.
            self.background.finish_judgements()

    def keep_evidence(self, shots: Sequence[str], advice: str) -> tuple[MissedImage, ...]:
        """Stores the best try of each of these missed shots as evidence, and nothing of those that were refused.

        Raises ContentRefused or LikenessNotReached if there are any, unless the job accepts the rest. `advice` ends
        a sentence of the latter's message.
        """
        accepts = self.job.accept_partial and self.shots.taken
        refused = self.shots.refused(shots)
        if refused and not accepts:
            raise content_refused(refused, len(self.job.shots))
        without = {one.shot for one in refused}
        missed = []
        for shot in shots:
            if shot in without:
                continue
            miss = self.shots.best_miss(shot)
            kept = self._images.put_evidence(self.job, miss.made, confirm=self.held.confirm)
            missed.append(miss.told.model_copy(update={"evidence_key": kept.key, "evidence_url": kept.url}))
        if missed and not accepts:
            assert self.gate, "nothing else misses"
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
            for done in self._device.render(order, unwanted):
                match done:
                    case RenderInfo():
                        # The device has the order now: until here, it had nothing to do.
                        if self.held.stage != "rendering":
                            self.held.enter("rendering")
                        self.sources.note_order(references, done)
                    case StepDone():
                        self._report_step(done)
                    case ImageDone():
                        self._pass_on(Made(done, self.sources.origin), number)
                    case ReferenceNoted():
                        self.sources.note_reference(references, done)

    def _report_step(self, done: StepDone) -> None:
        # Shots are rendered side by side, so each one's share is counted separately. A profile may tell of the same
        # step again, to learn whether it was called off.
        rendered = done.step / done.steps
        if self._rendered.get(done.shot) != rendered:
            self._rendered[done.shot] = rendered
            share = (self._ready + sum(self._rendered.values())) / len(self.job.shots)
            self.held.step_done(done.shot, done.step, done.steps, share)
        if done.preview and self._previews:
            # The safety gate can't judge what isn't finished, so nothing can be made out in it.
            coarse = self.screen is not None
            self._previews.show(self.job.job_id, done.shot, done.preview, coarse=coarse)

    def _pass_on(self, made: Made, number: int) -> None:
        # If a judgement or an upload failed, the device needn't go on.
        self.background.raise_failures()
        if self.gate or self.screen or self._marker:
            marking = self.background.mark(self._mark, made)
            self.background.judge(self._judge, marking, number)
        else:
            self._take(made)

    def _mark(self, made: Made) -> Made:
        """Watermarks an image before it is judged: the gates judge what is stored."""
        if self._marker is None:
            return made
        # Those of a job that was canceled or lost would hold up other jobs' images.
        self.held.raise_if_unwanted()
        asset_id = asset_id_of(self.job.job_id, made.done.shot)
        return replace(made, marked=self._marker.mark(asset_id, made.done.image))

    def _judge(self, marking: Future[Made], number: int) -> None:
        made = marking.result()
        self.held.raise_if_unwanted()
        done = made.done
        if self.screen:
            reading, rule = self.screen.look(made.image)
            if rule:
                self._refuse(done.shot, done.seed, number + 1, reading, rule)
                return
            made = replace(made, safety=reading)
        if self.gate is None:
            self._take(made)
            return
        judgement, taken = self.gate.judge(done.shot, made.image)
        if taken:
            self._take(made, judgement)
            return
        missed = MissedImage(
            shot=done.shot,
            seed=done.seed,
            number=number + 1,
            judgement=judgement,
            digital_source_type=done.source_type,
        )
        self.held.image_missed(missed)
        self.shots.miss(Miss(missed, made))

    def _refuse(self, shot: str, seed: int, number: int, reading: SafetyReading, rule: SafetyRule) -> None:
        """Tells of an image that the safety gate refused, and lets go of it. Raises ContentRefused if the shot gets
        no further try."""
        if self._previews:
            self._previews.forget(self.job.job_id, [shot])
        refused = RefusedImage(shot=shot, seed=seed, number=number, rule=rule, score=reading.score)
        self.held.image_refused(refused)
        log.warning("image.refused_as_unsafe", shot=shot, rule=rule.value, score=reading.score)
        self.shots.refuse(refused)
        if rule is SafetyRule.APPARENT_MINOR:
            raise content_refused([refused], len(self.job.shots))

    def _take(self, made: Made, judgement: Judgement | None = None) -> None:
        self.shots.take(made.done.shot, lambda: made.image)
        self.background.upload(self._store, made, judgement)

    def _store(self, made: Made, judgement: Judgement | None) -> None:
        with tracing.span("store", self._trace, shot=made.done.shot):
            image = self._images.put(self.job, made, confirm=self.held.confirm, judgement=judgement)
        self.shots.store(image)
        self.held.image_stored(image)
