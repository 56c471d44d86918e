"""JSON Schemas for producers in other languages. `python -m models.schemas` writes them to `schemas/`."""

import json
from pathlib import Path

from models.base import Document
from models.event import JobEvent
from models.job import CloneJob, CreateJob
from models.manifest import Manifest
from models.record import JobRecord
from models.webhook import Webhook

# Documents that others write are described as they are read, documents that we write as they are written.
_READ: dict[str, type[Document]] = {"clone-job": CloneJob, "create-job": CreateJob}
_WRITTEN: dict[str, type[Document]] = {
    "job-record": JobRecord,
    "job-event": JobEvent,
    "manifest": Manifest,
    "webhook": Webhook,
}


def schema_files() -> dict[str, str]:
    """The text of every schema file, by file name."""
    schemas = {name: model.model_json_schema(mode="validation") for name, model in _READ.items()}
    schemas |= {name: model.model_json_schema(mode="serialization") for name, model in _WRITTEN.items()}
    return {
        f"{name}.schema.json": json.dumps(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}, indent=2
        )
        + "\n"
        for name, schema in schemas.items()
    }


def main() -> None:
    """Writes every schema file to `schemas/`."""
    folder = Path(__file__).parent.parent / "schemas"
    folder.mkdir(exist_ok=True)
    for name, text in schema_files().items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main()
