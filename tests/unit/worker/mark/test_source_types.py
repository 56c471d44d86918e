"""Both terms in an image's signature and XMP, and what each makes of the references."""

import json
from io import BytesIO
from pathlib import Path

import pytest
from c2pa import Reader
from PIL import Image

from models.job import CloneJob
from models.source_type import SourceType
from tests.support.pictures.marked import REFERENCE, sign
from worker.base.endings import ExitCode
from worker.base.pictures import encode
from worker.cli.inspect import run
from worker.mark.inspection import inspect_image
from worker.mark.kept import with_mark
from worker.mark.signer import ImageSigner
from worker.mark.statement import Ingredient

GENERATED, COMPOSITE = SourceType.GENERATED, SourceType.COMPOSITE
PICTURE = Image.linear_gradient("L").convert("RGB")


def png(source_type: SourceType) -> bytes:
    return encode(PICTURE, 64, source_type).png


def actions(data: bytes) -> list[dict[str, object]]:
    with Reader("image/png", BytesIO(data)) as reader:
        assert reader.get_validation_state() == "Valid"
        report = json.loads(reader.json())
    said = report["manifests"][report["active_manifest"]]
    (found,) = [one["data"]["actions"] for one in said["assertions"] if one["label"] == "c2pa.actions.v2"]
    return list(found)


@pytest.mark.parametrize("source_type", list(SourceType))
def test_signature_and_xmp_say_the_same(signer: ImageSigner, job: CloneJob, source_type: SourceType) -> None:
    found = inspect_image(
        sign(signer, job, png(source_type), Ingredient(0, REFERENCE), source_type=source_type)
    )
    assert found.verdict == "valid"
    assert found.source_type == found.xmp_source_type == source_type
    assert found.source_types_agree


@pytest.mark.parametrize("source_type", list(SourceType))
def test_image_and_thumbnail_have_it_in_their_xmp(source_type: SourceType) -> None:
    encoded = encode(PICTURE, 64, source_type)
    for data in (encoded.png, encoded.thumbnail):
        found = inspect_image(data)
        assert (found.xmp_source_type, found.source_types_agree) == (source_type, None)


def test_references_are_inputs_of_a_generated_image_and_parts_of_a_composite(
    signer: ImageSigner, job: CloneJob, signed: bytes
) -> None:
    bare = Ingredient(0, REFERENCE)
    kept = with_mark(Ingredient(1, REFERENCE.model_copy(update={"asset_id": "med_kept"})), signed)
    left = Ingredient(2, REFERENCE.model_copy(update={"asset_id": "med_left"}))
    related = {}
    for source_type in SourceType:
        data = sign(
            signer,
            job,
            png(source_type),
            bare,
            kept,
            left,
            source_type=source_type,
            not_carried=frozenset({2}),
        )
        found = inspect_image(data)
        assert found.verdict == "valid"
        assert [one.mark_is_intact for one in found.ingredients if one.title == "med_kept"] == [True]
        related[source_type] = {one.title: one.relationship for one in found.ingredients}
        placed = [one for one in actions(data) if one["action"] == "c2pa.placed"]
        assert len(placed) == (source_type is COMPOSITE)
    assert related == {
        GENERATED: dict.fromkeys(("med_reference", "med_kept", "med_left"), "inputTo"),
        SourceType.ALGORITHMIC: dict.fromkeys(("med_reference", "med_kept", "med_left"), "inputTo"),
        COMPOSITE: {"med_reference": "componentOf", "med_kept": "componentOf", "med_left": "inputTo"},
    }


def test_a_composite_without_anything_carried_is_valid_too(signer: ImageSigner, job: CloneJob) -> None:
    data = sign(
        signer,
        job,
        png(COMPOSITE),
        Ingredient(0, REFERENCE),
        source_type=COMPOSITE,
        not_carried=frozenset({0}),
    )
    assert [one["action"] for one in actions(data)] == ["c2pa.created"]


def test_inspect_shows_what_a_composite_is_made_of(
    signer: ImageSigner, job: CloneJob, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "image.png"
    file.write_bytes(sign(signer, job, png(COMPOSITE), Ingredient(0, REFERENCE), source_type=COMPOSITE))
    assert run(file, as_json=False) == 0
    text = capsys.readouterr().out
    assert text.count("compositeWithTrainedAlgorithmicMedia") == 2, "in the signature and in XMP"
    assert "med_reference, a part of the picture, SHA-256" in text


@pytest.mark.parametrize("source_type", list(SourceType))
def test_inspect_finds_an_xmp_that_says_otherwise(
    signer: ImageSigner,
    job: CloneJob,
    source_type: SourceType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = next(one for one in SourceType if one is not source_type)
    data = sign(signer, job, png(other), source_type=source_type)
    found = inspect_image(data)
    assert (found.source_type, found.xmp_source_type) == (source_type, other)
    assert found.source_types_agree is False
    file = tmp_path / "image.png"
    file.write_bytes(data)
    assert run(file, as_json=False) == ExitCode.MARKS_DISAGREE
    assert "Its XMP has another source type than the signed statement." in capsys.readouterr().out
