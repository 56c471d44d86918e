"""`LIKENESS_REFERENCES=marked`: which pictures may be references. Real S3, and marks made by the real signer."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from models.errors import NoUsableReference
from models.job import CloneJob, ReferenceSource
from models.source_type import SourceType
from tests.support.jobs.stored import make_job
from tests.support.pictures.marked import sign
from tests.support.pictures.png import edit, replaced, without
from worker.base.pictures import encode
from worker.base.settings import Settings
from worker.mark.certificates.development import make_development_certificate
from worker.mark.signer import ImageSigner
from worker.mark.statement import Statement
from worker.references.fetch import FetchedReferences, ReferenceFetcher, require_usable
from worker.storage import Storage

CODE = "REFERENCE_NOT_MARKED"


@pytest.fixture
def signer(settings: Settings) -> ImageSigner:
    signer = ImageSigner.from_settings(settings)
    assert signer
    return signer


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def png(source_type: SourceType = SourceType.GENERATED) -> bytes:
    """A picture whose XMP alone has IPTC's term."""
    return encode(Image.linear_gradient("L").convert("RGB"), 64, source_type).png


def by_camera(signer: ImageSigner) -> bytes:
    """Signed, and said to be a photograph."""
    captured = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
    action = {"action": "c2pa.created", "digitalSourceType": captured}
    buffer = BytesIO()
    Image.new("RGB", (96, 96), "teal").save(buffer, "PNG")
    statement = Statement(
        {
            "claim_generator_info": [{"name": "camera"}],
            "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}, "created": True}],
        }
    )
    return signer.sign(buffer.getvalue(), "image/png", statement)


def transplanted(marked: bytes) -> bytes:
    """Another picture with the mark of this one."""
    other = encode(Image.linear_gradient("L").transpose(Image.Transpose.ROTATE_90).convert("RGB"), 64).png
    found: dict[bytes, bytes] = {}
    edit(other, found.setdefault)
    return edit(marked, lambda kind, data: found[kind] if kind == b"IDAT" else data)


def fetched(
    settings: Settings, storage: Storage, threads: ThreadPoolExecutor, *pictures: bytes
) -> FetchedReferences:
    job = make_job()
    sources = []
    for number, data in enumerate(pictures):
        source = ReferenceSource(asset_id=f"med_{number}")
        storage.put_image(storage.keys.media_key(job.project_id, source.asset_id), data, "image/png", {})
        sources.append(source)
    asked: CloneJob = job.model_copy(update={"references": tuple(sources)})
    return ReferenceFetcher(settings, storage, threads).fetch(asked, lambda: None)


@pytest.mark.timeout(300)
def test_only_pictures_that_say_they_are_made_by_a_model_are_taken(
    settings: Settings, storage: Storage, signer: ImageSigner, threads: ThreadPoolExecutor
) -> None:
    job = make_job()
    whole = sign(signer, job, png())
    composite = sign(signer, job, png(SourceType.COMPOSITE), source_type=SourceType.COMPOSITE)
    others = (
        png(),
        without(whole, b"caBX"),
        transplanted(whole),
        replaced(whole, b"caBX", job.job_id.encode(), b"x" * len(job.job_id)),
        by_camera(signer),
    )
    marked = settings.model_copy(update={"references": "marked"})
    found = fetched(marked, storage, threads, whole, *others, composite)
    assert [one.index for one in found.used] == [0, 6]
    assert [(one.index, one.code) for one in found.rejected] == [(n, CODE) for n in range(1, 6)]
    for one, why in zip(
        found.rejected,
        ("no mark", "no mark", "content_changed", "manifest_changed", "says something else"),
        strict=True,
    ):
        assert why in one.message


def test_a_job_with_none_left_has_no_usable_reference(
    settings: Settings, storage: Storage, threads: ThreadPoolExecutor
) -> None:
    marked = settings.model_copy(update={"references": "marked"})
    found = fetched(marked, storage, threads, png())
    with pytest.raises(NoUsableReference, match=CODE):
        require_usable(found)


@pytest.mark.timeout(300)
def test_with_trust_anchors_their_signers_alone_are_believed(
    settings: Settings, storage: Storage, signer: ImageSigner, threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    certificate, key = make_development_certificate(tmp_path)
    self_made = ImageSigner.from_settings(
        settings.model_copy(update={"sign_certificate": certificate, "sign_key": key})
    )
    assert self_made
    job = make_job()
    pictures = sign(signer, job, png()), sign(self_made, job, png())
    marked = settings.model_copy(update={"references": "marked"})
    assert len(fetched(marked, storage, threads, *pictures).used) == 2, "anyone can make a certificate"
    trusting = marked.model_copy(update={"trust_anchors": settings.sign_certificate})
    found = fetched(trusting, storage, threads, *pictures)
    assert [one.index for one in found.used] == [0]
    assert "LIKENESS_TRUST_ANCHORS" in found.rejected[0].message


@pytest.mark.parametrize("policy", ["any", "stated"])
def test_other_policies_take_any_picture(
    settings: Settings, storage: Storage, threads: ThreadPoolExecutor, policy: str
) -> None:
    other = settings.model_copy(update={"references": policy})
    assert len(fetched(other, storage, threads, png()).used) == 1
