"""Makes a job to try things with: a clone of a sample persona, with its references put into the object store."""

import json
from contextlib import suppress
from pathlib import Path

from models.derived import asset_id_of
from models.job import CloneJob, CloneRequest, ReferenceSource
from models.shot import DEFAULT_SHOTS, REFERENCE_SHEET
from worker.base.settings import Settings
from worker.client import plan_clone
from worker.stack.samples import load_sample
from worker.storage import Storage


def sample_job(storage: Storage, persona: str, shot_count: int) -> CloneJob:
    """Upload the references of the sample `persona` and plan a clone with the first shots of the sheet."""
    source, files = load_sample(persona)
    references = []
    for number, data in enumerate(files):
        asset_id = asset_id_of(persona, str(number))
        storage.put_image(storage.keys.media_key(source.project_id, asset_id), data, "image/webp")
        references.append(ReferenceSource(asset_id=asset_id))
    order = (*DEFAULT_SHOTS, *(name for name in REFERENCE_SHEET if name not in DEFAULT_SHOTS))
    return plan_clone(source, CloneRequest(name=f"{source.name} (clone)"), references, order[:shot_count])


def write_sample_job(settings: Settings, folder: Path) -> Path:
    """Writes a sample job to a file that `likeness submit` can take any number of times, since it has no job id. An
    existing file stays as it is."""
    with Storage(settings) as storage:
        message = sample_job(storage, "maya", 4).to_data()
    del message["jobId"]
    file = folder / "sample-job.json"
    with suppress(FileExistsError), file.open("x") as written:
        written.write(json.dumps(message, indent=2) + "\n")
    return file
