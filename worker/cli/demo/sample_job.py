"""Makes a job to try things with: a clone of a persona, with its references put into the object store."""

import json
from contextlib import suppress
from pathlib import Path

from models.job import CloneJob, CloneRequest
from models.shot import DEFAULT_SHOTS, REFERENCE_SHEET
from worker.base.settings import Settings
from worker.cli.demo.personas import Persona, sample
from worker.client import plan_clone
from worker.storage import Storage


def sample_job(storage: Storage, persona: Persona, shot_count: int) -> CloneJob:
    """Uploads the persona's references and plans a clone with the first shots of the sheet."""
    references = persona.put_references(storage)
    order = (*DEFAULT_SHOTS, *(name for name in REFERENCE_SHEET if name not in DEFAULT_SHOTS))
    request = CloneRequest(name=f"{persona.row.name} (clone)")
    return plan_clone(persona.row, request, references, order[:shot_count])


def write_sample_job(settings: Settings, folder: Path) -> Path:
    """Writes a sample job to a file that `likeness submit` can take any number of times, since it has no job id. An
    existing file stays as it is. Beside it, `sample-row.json` is its persona's row, with URLs that work now."""
    persona = sample("maya")
    with Storage(settings) as storage:
        message = sample_job(storage, persona, 4).to_data()
        (folder / "sample-row.json").write_text(
            json.dumps(persona.linked_row(storage).to_data(), indent=2) + "\n"
        )
    del message["jobId"]
    file = folder / "sample-job.json"
    with suppress(FileExistsError), file.open("x") as written:
        written.write(json.dumps(message, indent=2) + "\n")
    return file
