"""Commits a job: writes its manifest, and builds its result.

A manifest is final, whatever Redis knows. A job that comes again after Redis lost its data may have a manifest, and
its images may be published. It then ends with its first result, under the time, and so the webhook's id, of then.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from models.influencer import ReferenceImage
from models.job import Job
from models.likeness import SetLikeness
from models.manifest import Manifest, Provenance
from models.record import JobResult, StoredImage
from models.safety import SetSafety
from models.source_type import SourceType
from worker.run.imagestore import ImageStore


def commit(
    job: Job,
    store: ImageStore,
    images: tuple[StoredImage, ...],
    provenance: Provenance,
    *,
    likeness: SetLikeness | None,
    safety: SetSafety | None,
    confirm: Callable[[], None],
) -> JobResult:
    """Writes the manifest of these images, which are all stored. Raises StorageError, and what `confirm` raises."""
    at = datetime.now(UTC)
    manifest = Manifest(
        job_id=job.job_id,
        kind=job.kind,
        influencer_id=job.influencer_id,
        project_id=job.project_id,
        source_influencer_id=job.source_influencer_id,
        fingerprint=job.fingerprint,
        created_at=at,
        references=provenance.references,
        render=provenance.render,
        reference_notes=provenance.reference_notes,
        digital_source_type=SourceType.of_set(image.digital_source_type for image in images),
        reference_origin=job.reference_origin_at(at),
        images=images,
        likeness=likeness,
        safety=safety,
    )
    store.put_manifest(job, manifest, confirm)
    return _result(job, store, manifest)


def committed(job: Job, store: ImageStore) -> JobResult | None:
    """The result of a job that was committed before, with fresh URLs; None if it wasn't. Raises StorageError."""
    manifest = store.find_manifest(job)
    if manifest is None or not _is_of(manifest, job):
        return None
    images = tuple(store.linked(image) for image in manifest.images)
    return _result(job, store, manifest.model_copy(update={"images": images}))


def _is_of(manifest: Manifest, job: Job) -> bool:
    """Whether the manifest is this job's. A job id may be reused, for other content, once its record expired."""
    if manifest.fingerprint is not None:
        return manifest.fingerprint == job.fingerprint
    told = (manifest.job_id, manifest.influencer_id, manifest.project_id, manifest.source_influencer_id)
    return told == (job.job_id, job.influencer_id, job.project_id, job.source_influencer_id)


def _result(job: Job, store: ImageStore, manifest: Manifest) -> JobResult:
    at = manifest.created_at
    new_references = tuple(
        ReferenceImage(asset_id=i.asset_id, url=i.url, thumbnail_url=i.thumbnail_url, added_at=at)
        for i in manifest.images
    )
    key, url = store.manifest_place(job)
    return JobResult(
        influencer=job.finished_row(new_references, at),
        images=manifest.images,
        digital_source_type=manifest.digital_source_type,
        profile=manifest.render.profile if manifest.render else None,
        likeness=manifest.likeness,
        safety=manifest.safety,
        manifest_key=key,
        manifest_url=url,
    )
