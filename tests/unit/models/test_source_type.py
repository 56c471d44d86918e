"""The term of a set, and a manifest that may not say another one."""

import json
from typing import Any

import pytest

from models.errors import InvalidInput
from models.manifest import Manifest
from models.source_type import SourceType

GENERATED, COMPOSITE, ALGORITHMIC = SourceType.GENERATED, SourceType.COMPOSITE, SourceType.ALGORITHMIC


def image(shot: str, **term: str) -> dict[str, Any]:
    return {
        "shot": shot,
        "assetId": f"med_{shot}",
        "key": shot,
        "thumbnailKey": shot,
        "url": "https://a",
        "thumbnailUrl": "https://a",
        "sha256": "0" * 64,
        "thumbnailSha256": "0" * 64,
        "bytes": 1,
        "width": 1,
        "height": 1,
        "seed": 1,
    } | term


def manifest(*images: dict[str, Any], **term: str) -> Manifest:
    return Manifest.parse(
        {
            "jobId": "job_1",
            "influencerId": "inf_1",
            "projectId": "p",
            "createdAt": "2026-11-24T10:58:00.125Z",
            "images": images,
        }
        | term
    )


@pytest.mark.parametrize(
    ("images", "whole"),
    [
        ((), GENERATED),
        ((GENERATED, GENERATED), GENERATED),
        ((GENERATED, COMPOSITE), COMPOSITE),
        ((COMPOSITE, GENERATED), COMPOSITE),
        ((ALGORITHMIC, ALGORITHMIC), ALGORITHMIC),
        ((ALGORITHMIC, GENERATED), GENERATED),
    ],
)
def test_a_set_is_a_composite_as_soon_as_one_image_is(
    images: tuple[SourceType, ...], whole: SourceType
) -> None:
    assert SourceType.of_set(iter(images)) is whole


def test_a_manifest_from_before_composites_reads_as_generated() -> None:
    old = manifest(image("front"), digitalSourceType=GENERATED.value)
    assert [one.digital_source_type for one in old.images] == [GENERATED]


def test_a_manifest_says_it_of_each_image_and_of_the_set() -> None:
    mixed = manifest(
        image("front", digitalSourceType=COMPOSITE.value), image("smile"), digitalSourceType=COMPOSITE.value
    )
    written = json.loads(mixed.to_json())
    assert written["digitalSourceType"] == COMPOSITE.value
    assert [one["digitalSourceType"] for one in written["images"]] == [COMPOSITE.value, GENERATED.value]


@pytest.mark.parametrize(("whole", "one"), [(GENERATED, COMPOSITE), (COMPOSITE, GENERATED)])
def test_a_manifest_that_says_another_term_than_its_images_is_refused(
    whole: SourceType, one: SourceType
) -> None:
    with pytest.raises(InvalidInput, match="digitalSourceType must be that of the set"):
        manifest(image("front", digitalSourceType=one.value), digitalSourceType=whole.value)


def test_another_term_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"images\.0\.digitalSourceType"):
        manifest(image("front", digitalSourceType="digitalCapture"))
