"""Documents that Likeness wrote are read by older versions of it: they ignore what they don't know, and keep it."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from models.base import Document
from models.errors import InvalidInput, UnreadableDocument
from models.event import JobEvent
from models.likeness import Embedder, ImageScores, Judgement, Reason, Verdict
from models.manifest import Manifest, Provenance, RenderInfo, UsedReference
from models.operations import WorkerJob, WorkerState
from models.record import Asked, JobError, JobRecord, StoredImage
from models.safety import SafetyReading
from models.tolerant import make_tolerant

NOW = "2026-11-29T12:00:00.000Z"
RECORD = JobRecord.parse(
    {
        "jobId": "job_1",
        "status": "failed",
        "stage": "done",
        "progress": 0.5,
        "sequence": 3,
        "influencerId": "inf_1",
        "projectId": "p",
        "locationUrl": "/v1/jobs/job_1",
        "submittedAt": NOW,
        "updatedAt": NOW,
        "asked": Asked(name="Nova", shots=("front",)).to_data(),
        "error": JobError(code="X", message="It failed.", details={"any": 1}).to_data(),
    }
)
IMAGE = StoredImage(
    shot="front",
    asset_id="med_1",
    key="k.png",
    thumbnail_key="k.webp",
    url="https://s3.example/k.png",
    thumbnail_url="https://s3.example/k.webp",
    sha256="0" * 64,
    thumbnail_sha256="0" * 64,
    bytes=1,
    width=1,
    height=1,
    seed=1,
    judgement=Judgement(
        embedder=Embedder(name="dlib", metric="euclidean", files={}),
        calibration="0" * 64,
        yaw=0,
        scores=ImageScores(width=1, height=1, faces=0, compared="face", references=(None,)),
        verdict=Verdict(outcome="miss", reasons=(Reason.NO_FACE, Reason.TWIN), floor_of="rendered"),
    ),
    safety=SafetyReading(nudity="none", score=1),
)
MANIFEST = Manifest.parse(
    {
        "jobId": "job_1",
        "influencerId": "inf_1",
        "projectId": "p",
        "createdAt": NOW,
        "images": [IMAGE.to_data()],
        "references": [UsedReference(asset_id="med_1", sha256="0" * 64).to_data()],
        "render": RenderInfo(
            profile="p", pipeline="P", steps=1, dtype="float32", device="cpu", versions={}
        ).to_data(),
    }
)
WORKER = WorkerState(node="n:1", jobs=(WorkerJob(job_id="job_1"),))

# Objects that may have any field.
FREE = ("details", "versions", "options", "files")


EVENT = JobEvent.parse(
    {
        "type": "job.image_stored",
        "jobId": "job_1",
        "sequence": 3,
        "at": NOW,
        "status": "running",
        "stage": "storing",
        "progress": 0.5,
        "image": IMAGE.to_data(),
    }
)


def enumerated(
    schema: Any, value: Any, root: Any = None, place: tuple[Any, ...] = ()
) -> Iterator[tuple[Any, ...]]:
    """The places in JSON data where its schema has an enumeration of words."""
    root = root or schema
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    for choice in schema.get("anyOf", ()):
        yield from enumerated(choice, value, root, place)
    if isinstance(value, str) and "enum" in schema:
        yield place
    elif isinstance(value, dict):
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                yield from enumerated(inner, value[name], root, (*place, name))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from enumerated(schema.get("items", {}), one, root, (*place, index))


def replaced(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    if not place:
        return new
    copy = list(value) if isinstance(value, list) else dict(value)
    copy[place[0]] = replaced(value[place[0]], place[1:], new)
    return copy


def newer(value: Any) -> Any:
    """The JSON data as a newer version might write it: with a field more in each object."""
    if isinstance(value, list):
        return [newer(one) for one in value]
    if isinstance(value, dict):
        grown = {name: one if name in FREE else newer(one) for name, one in value.items()}
        return grown | {"addedLater": {"by": "a newer version"}}
    return value


DOCUMENTS = pytest.mark.parametrize(
    "document", [RECORD, MANIFEST, WORKER, Provenance(), EVENT], ids=lambda one: type(one).__name__
)


@DOCUMENTS
def test_what_a_newer_version_adds_is_ignored_and_kept(document: Document) -> None:
    written = newer(document.to_data())
    read = type(document).read(written)
    assert read.to_data() == json.loads(read.to_json()) == written
    # A document that goes into a message doesn't have it.
    assert type(document).read(written, keep=False).to_data() == document.to_data()


@DOCUMENTS
def test_a_word_that_a_newer_version_adds_is_kept(document: Document) -> None:
    """In each enumeration at each place of the document, one after another."""
    data = document.to_data()
    places = list(enumerated(type(document).model_json_schema(mode="serialization"), data))
    for place in places:
        written = replaced(data, place, "added-later")
        read = type(document).read(written)
        assert read.to_data() == json.loads(read.to_json()) == written
        with pytest.raises(InvalidInput):
            type(document).parse(written)
        with pytest.raises(UnreadableDocument):
            type(document).read(replaced(data, place, ["no word"]))
    assert bool(places) == (document not in (WORKER, Provenance()))


def test_a_request_with_an_unknown_field_is_still_refused() -> None:
    with pytest.raises(InvalidInput, match="addedLater"):
        JobRecord.parse(newer(RECORD.to_data()))


def test_what_is_missing_or_wrong_is_refused_in_either_way() -> None:
    with pytest.raises(UnreadableDocument, match="jobId"):
        JobRecord.read(RECORD.to_data() | {"jobId": 7})


def test_a_schema_that_is_used_again_is_changed_once() -> None:
    """Pydantic asks for it whenever it makes a schema with the document in it, as each API does for each call."""
    field = {"type": "model-field", "schema": {"type": "literal", "expected": ["word"]}}
    schema: Any = {"type": "model", "schema": {"type": "model-fields", "fields": {"name": field}}}
    make_tolerant(schema, lambda one: one)
    once = deepcopy(schema)
    make_tolerant(schema, lambda one: one)
    assert schema == once
    assert once["schema"]["fields"]["name"]["schema"]["schema"] == {"type": "literal", "expected": ["word"]}
