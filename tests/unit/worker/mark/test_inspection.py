"""What an image says of itself, and each way in which it can have been tampered with."""

import random
from collections import Counter
from io import BytesIO
from pathlib import Path

import pytest
from c2pa import Reader
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from models.errors import InvalidInput, InvalidSettings
from models.source_type import SourceType
from tests.support.pictures.marked import pixels
from tests.support.pictures.png import edit, replaced, without
from worker.base.pictures import EncodedImage
from worker.mark.inspection import inspect_image, is_intact


def test_an_image_tells_who_signed_it_and_what_it_is(signed: bytes, encoded: EncodedImage) -> None:
    found = inspect_image(signed)
    assert (found.verdict, found.problems) == ("valid", ())
    assert found.source_type == found.xmp_source_type == SourceType.GENERATED
    assert found.signed_by
    assert (found.signed_by.name, found.signed_by.trust) == ("development signer", "development")
    assert found.signed_by.valid_until
    assert found.software
    assert found.software.startswith("likeness ")
    assert found.render
    assert {k: found.render[k] for k in ("jobId", "shot", "seed", "profile")} == {
        "jobId": "job_1",
        "shot": "front",
        "seed": str(2**62 + 1),
        "profile": "embedded",
    }
    (ingredient,) = found.ingredients
    assert (ingredient.title, ingredient.has_mark) == ("med_reference", False)
    assert pixels(signed) == pixels(encoded.png)


def test_the_sdks_own_reader_with_its_own_settings_agrees(signed: bytes) -> None:
    assert Reader("image/png", BytesIO(signed)).get_validation_state() == "Valid"


def test_who_is_trusted_is_up_to_the_reader(signed: bytes, certificate: tuple[Path, Path]) -> None:
    found = inspect_image(signed, anchors=certificate[0].read_text())
    assert found.signed_by
    assert found.signed_by.trust == "trusted"
    with pytest.raises(InvalidSettings, match="LIKENESS_TRUST_ANCHORS"):
        inspect_image(signed, anchors="-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")


def test_a_flipped_pixel_is_a_changed_picture(signed: bytes) -> None:
    # Within the compressed pixels.
    at = signed.rindex(b"IDAT") + 40
    flipped = signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :]
    found = inspect_image(flipped)
    assert (found.verdict, found.problems) == ("content_changed", ("assertion.dataHash.mismatch",))
    assert not is_intact(flipped, "image/png")


def test_a_stripped_signature_is_none_and_the_xmp_still_speaks(signed: bytes) -> None:
    found = inspect_image(without(signed, b"caBX"))
    assert (found.verdict, found.signed_by) == ("unsigned", None)
    assert found.xmp_source_type == SourceType.GENERATED
    assert not is_intact(without(signed, b"caBX"), "image/png")


def test_a_stripped_xmp_is_a_changed_picture(signed: bytes) -> None:
    found = inspect_image(without(signed, b"iTXt"))
    assert (found.verdict, found.xmp_source_type) == ("content_changed", None)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"trainedAlgorithmicMedia", b"digitalCapture/////////"),
        (b"job_1", b"job_2"),
        (b"xmp:iid:", b"xmp:iid;"),
        (b"jumb", b"jumc"),
    ],
    ids=["an assertion", "our assertion", "the claim", "the box"],
)
def test_an_edited_manifest_is_told_apart(signed: bytes, old: bytes, new: bytes) -> None:
    edited = replaced(signed, b"caBX", old, new)
    assert inspect_image(edited).verdict == "manifest_changed"
    assert not is_intact(edited, "image/png")


def test_a_damaged_manifest_never_breaks_the_reader(signed: bytes) -> None:
    """Four in a hundred of these made the SDK name a manifest that its report didn't have."""
    rng = random.Random(3)

    def damaged(kind: bytes, data: bytes) -> bytes:
        changed = bytearray(data)
        for _ in range(rng.randint(1, 6) if kind == b"caBX" else 0):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        return bytes(changed)

    verdicts = Counter(inspect_image(edit(signed, damaged)).verdict for _ in range(300))
    # A part of it is padding, which isn't signed.
    assert set(verdicts) <= {"manifest_changed", "valid"}
    assert verdicts["manifest_changed"] > 200


def test_another_images_signature_does_not_fit(signed: bytes, encoded: EncodedImage) -> None:
    other = replaced(
        signed, b"IHDR", b"\x00\x00\x01\x00\x00\x00\x01\x00", b"\x00\x00\x01\x00\x00\x00\x00\xff"
    )
    assert inspect_image(other).verdict == "content_changed"


def test_what_is_no_picture_is_the_callers_mistake() -> None:
    with pytest.raises(InvalidInput, match="no picture"):
        inspect_image(b"c2pa")


@pytest.mark.parametrize("kind", ["BMP", "PPM", "ICO"])
def test_a_format_that_can_carry_no_signature_is_unsigned(kind: str) -> None:
    file = BytesIO()
    Image.new("RGB", (64, 64), "red").save(file, kind)
    assert inspect_image(file.getvalue()).verdict == "unsigned"


def test_a_statement_that_is_elsewhere_is_not_fetched_and_nothing_was_changed() -> None:
    xmp = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="http://example.com/x.c2pa"/></rdf:RDF>'
        "</x:xmpmeta>"
    )
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp)
    picture = BytesIO()
    Image.new("RGB", (64, 64)).save(picture, "PNG", pnginfo=info)
    found = inspect_image(picture.getvalue())
    assert (found.verdict, found.problems) == ("unsigned", ("remoteManifest",))


def test_a_damaged_picture_that_nobody_signed_has_no_changed_statement(encoded: EncodedImage) -> None:
    found = inspect_image(encoded.png[: len(encoded.png) // 2])
    assert found.verdict == "unsigned"
    assert found.problems, "what is wrong with the picture"
