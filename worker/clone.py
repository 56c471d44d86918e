"""One run of a clone job, step by step: take up what is stored, fetch, render the rest, store, commit."""

from concurrent.futures import Executor, Future, wait
from datetime import UTC, datetime

import structlog

from models.derived import seed_of
from models.influencer import ReferenceImage
from models.job import CloneJob
from models.manifest import Manifest, Provenance, RenderInfo
from models.record import CloneResult, StoredImage
from models.shot import shot_named
from worker.held import HeldJob
from worker.imagestore import ImageStore
from worker.mark.statement import Origin
from worker.references.fetch import FetchedReferences, ReferenceFetcher, require_usable
from worker.render import RenderOrder, RenderProcess
from worker.render.messages import ImageDone, StepDone

log = structlog.get_logger()


class CloneRun:
    """Holds what one attempt has got so far. Every step may raise what HeldJob.check raises, and errors of
    the tree; nothing of the job is in flight any more when `run` is over, however it ends."""

    def __init__(
        self,
        job: CloneJob,
        held: HeldJob,
        *,
        fetcher: ReferenceFetcher,
        device: RenderProcess,
        images: ImageStore,
        executor: Executor,
    ) -> None:
        self._job = job
        self._held = held
        self._fetcher = fetcher
        self._device = device
        self._images = images
        self._executor = executor
        self._stored: dict[str, StoredImage] = {}
        self._rendered: dict[str, float] = {}
        self._uploads: list[Future[None]] = []
        self._provenance = Provenance()
        self._origin = Origin()

    def run(self) -> CloneResult:
        try:
            if self._held.lease.attempt > 1:
                self._resume()
            if self._missing():
                self._render(self._fetch())
            self._held.enter("storing")
            self._finish_uploads()
            self._held.enter("finishing")
            return self._commit()
        finally:
            # Those of a job that is handed back are of use; those of a canceled one must not come later.
            wait(self._uploads)

    def _resume(self) -> None:
        """Take up what earlier attempts left. What they stored is never rendered again."""
        self._provenance = self._held.noted()
        for shot in self._job.shots:
            self._held.check()
            image = self._images.find(self._job, shot)
            if image:
                self._stored[shot] = image
                log.info("image.already_stored", shot=shot)

    def _missing(self) -> list[str]:
        return [shot for shot in self._job.shots if shot not in self._stored]

    def _fetch(self) -> FetchedReferences:
        references = self._fetcher.fetch(self._job, self._held.check)
        self._held.references_checked(references.rejected)
        require_usable(references)
        return references

    def _render(self, references: FetchedReferences) -> None:
        missing = self._missing()
        order = RenderOrder(
            references=references.images,
            appearance=self._job.overrides.apply_to(self._job.source).appearance,
            shots=tuple((shot_named(shot), seed_of(self._job.job_id, shot)) for shot in missing),
        )
        with self._device.turn(self._held.check):
            self._held.enter("rendering")
            for done in self._device.render(order, self._held.check):
                match done:
                    case RenderInfo():
                        self._note(references, done)
                    case StepDone():
                        self._tell_step(done, missing)
                    case ImageDone():
                        # If one failed, the device needn't go on.
                        self._raise_failed_upload()
                        self._uploads.append(self._executor.submit(self._store, done))

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

    def _store(self, done: ImageDone) -> None:
        image = self._images.put(self._job, done, self._origin, confirm=self._held.confirm)
        self._stored[done.shot] = image
        self._held.image_stored(image)

    def _finish_uploads(self) -> None:
        while wait(self._uploads, timeout=0.2).not_done:
            self._held.check()
        self._raise_failed_upload()

    def _raise_failed_upload(self) -> None:
        for upload in self._uploads:
            if upload.done():
                upload.result()

    def _commit(self) -> CloneResult:
        now = datetime.now(UTC)
        # A shot without its image is a KeyError here: a job never completes with fewer than were asked for.
        images = tuple(self._stored[shot] for shot in self._job.shots)
        new_references = tuple(
            ReferenceImage(asset_id=i.asset_id, url=i.url, thumbnail_url=i.thumbnail_url, added_at=now)
            for i in images
        )
        row = self._job.finished_row(new_references, now)
        manifest = Manifest(
            job_id=self._job.job_id,
            influencer_id=self._job.influencer_id,
            project_id=self._job.project_id,
            source_influencer_id=self._job.source.influencer_id,
            created_at=now,
            references=self._provenance.references,
            render=self._provenance.render,
            images=images,
        )
        self._held.confirm()
        key, url = self._images.put_manifest(self._job, manifest)
        return CloneResult(influencer=row, images=images, manifest_key=key, manifest_url=url)
