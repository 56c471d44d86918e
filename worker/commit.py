"""The end of a job: its manifest, which commits the images, and the result that tells of it."""

from collections.abc import Callable
from datetime import UTC, datetime

from models.influencer import ReferenceImage
from models.job import Job
from models.likeness import SetLikeness
from models.manifest import Manifest, Provenance
from models.record import JobResult, StoredImage
from models.source_type import SourceType
from worker.imagestore import ImageStore


def commit(
    job: Job,
    store: ImageStore,
    images: tuple[StoredImage, ...],
    provenance: Provenance,
    likeness: SetLikeness | None,
    *,
    confirm: Callable[[], None],
) -> JobResult:
    """Write the manifest of these images, all of which are stored. Raises StorageError, and what `confirm` does."""
    now = datetime.now(UTC)
    new_references = tuple(
        ReferenceImage(asset_id=i.asset_id, url=i.url, thumbnail_url=i.thumbnail_url, added_at=now)
        for i in images
    )
    source_type = SourceType.of_set(image.digital_source_type for image in images)
    manifest = Manifest(
        job_id=job.job_id,
        kind=job.kind,
        influencer_id=job.influencer_id,
        project_id=job.project_id,
        source_influencer_id=job.source_influencer_id,
        created_at=now,
        references=provenance.references,
        render=provenance.render,
        reference_notes=provenance.reference_notes,
        digital_source_type=source_type,
        images=images,
        likeness=likeness,
    )
    key, url = store.put_manifest(job, manifest, confirm)
    return JobResult(
        influencer=job.finished_row(new_references, now),
        images=images,
        digital_source_type=source_type,
        likeness=likeness,
        manifest_key=key,
        manifest_url=url,
    )
