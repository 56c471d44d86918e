"""Marks that references carry are passed on; nothing else of a reference is."""

from io import BytesIO

import pytest
from PIL import Image

from models.job import CloneJob
from tests.support.pictures.marked import REFERENCE, sign
from tests.support.pictures.png import replaced
from worker.base.pictures import EncodedImage
from worker.mark.inspection import inspect_image
from worker.mark.kept import with_mark
from worker.mark.signer import ImageSigner
from worker.mark.statement import Ingredient


def test_a_marked_reference_is_an_ingredient_with_its_mark(
    signer: ImageSigner, job: CloneJob, encoded: EncodedImage, signed: bytes
) -> None:
    kept = with_mark(Ingredient(0, REFERENCE), signed)
    assert set(kept.marks) == {"inputTo", "componentOf"}
    assert max(map(len, kept.marks.values())) < 20_000, "manifests, no pixels"
    bare = Ingredient(1, REFERENCE.model_copy(update={"asset_id": "med_bare"}))
    image = sign(signer, job, encoded.png, kept, bare)
    found = inspect_image(image)
    assert found.verdict == "valid"
    marks = {i.title: (i.has_mark, i.mark_is_intact, i.description) for i in found.ingredients}
    assert marks == {
        "med_reference": (True, True, f"SHA-256 {'ab' * 32}"),
        "med_bare": (False, None, f"SHA-256 {'ab' * 32}"),
    }
    assert image.count(b"org.likeness.render") > signed.count(b"org.likeness.render"), (
        "its statement is in it"
    )


def test_a_mark_that_does_not_hold_is_kept_and_said_not_to(
    signer: ImageSigner, job: CloneJob, encoded: EncodedImage, signed: bytes
) -> None:
    kept = with_mark(Ingredient(0, REFERENCE), replaced(signed, b"caBX", b"job_1", b"job_2"))
    found = inspect_image(sign(signer, job, encoded.png, kept))
    assert found.verdict == "valid", "the image itself is as it was signed"
    assert [(i.has_mark, i.mark_is_intact) for i in found.ingredients] == [(True, False)]


def test_a_reference_without_a_mark_costs_nothing(
    encoded: EncodedImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.mark.kept.Builder", None)
    bare = Ingredient(0, REFERENCE)
    assert with_mark(bare, encoded.png) is bare


def test_a_mark_that_can_not_be_read_stops_nothing(signed: bytes) -> None:
    bare = Ingredient(0, REFERENCE)
    assert with_mark(bare, replaced(signed, b"caBX", b"jumb", b"jumc")) is bare
    assert with_mark(bare, b"c2pa, but no picture") is bare


def test_a_remote_manifest_is_not_fetched(encoded: EncodedImage) -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    xmp += b'<rdf:Description rdf:about="" xmlns:dcterms="http://purl.org/dc/terms/" '
    xmp += b'dcterms:provenance="http://127.0.0.1:9/c2pa"/></rdf:RDF></x:xmpmeta>'
    buffer = BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, "WEBP", xmp=xmp)
    assert with_mark(Ingredient(0, REFERENCE), buffer.getvalue()).marks == {}
