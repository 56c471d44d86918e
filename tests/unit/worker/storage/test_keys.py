"""Keys: where each object of a job goes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from models.errors import InvalidInput
from models.influencer import Influencer
from models.job import CloneJob, ReferenceSource
from worker.base.settings import Settings
from worker.storage.keys import KeyLayout, is_plain_key

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JOB = CloneJob(
    job_id="job_1",
    source=Influencer(
        influencer_id="inf_source",
        project_id="p1",
        name="Ada",
        status="ready",
        created_at=NOW,
        updated_at=NOW,
    ),
    influencer_id="inf_new",
    name="Eve",
    references=(ReferenceSource(asset_id="med_1"),),
)
FOLDER = "p1/influencers/inf_new/references/job_1"


def layout(**values: Any) -> KeyLayout:
    return KeyLayout(Settings(**values))


def test_the_default_keys() -> None:
    keys = layout()
    assert keys.prefix == ""
    assert keys.job_prefix(JOB) == FOLDER
    assert keys.image_key(JOB, "front") == f"{FOLDER}/front.png"
    assert keys.thumbnail_key(JOB, "front") == f"{FOLDER}/thumbs/front.webp"
    assert keys.manifest_key(JOB) == f"{FOLDER}/manifest.json"
    assert keys.media_key("p1", "med_1") == "p1/media/med_1"
    assert keys.media_thumbnail_key("p1", "med_1") == "p1/media/med_1.thumbnail.webp"
    assert keys.upload_key("med_1") == "uploads/med_1.upload"


@pytest.mark.parametrize("prefix", ["prod/eu", "/prod/eu/"])
def test_the_prefix_goes_before_every_key(prefix: str) -> None:
    keys = layout(s3_prefix=prefix)
    assert keys.prefix == "prod/eu/"
    assert keys.job_prefix(JOB) == f"prod/eu/{FOLDER}"
    assert keys.media_key("p1", "med_1") == "prod/eu/p1/media/med_1"
    assert keys.upload_key("med_1") == "prod/eu/uploads/med_1.upload"


def test_braces_in_the_prefix_are_only_braces() -> None:
    assert layout(s3_prefix="{jobId}").manifest_key(JOB) == f"{{jobId}}/{FOLDER}/manifest.json"


def test_templates_can_be_set() -> None:
    keys = layout(job_key_template="jobs/{jobId}", media_key_template="library/{assetId}/original")
    assert keys.image_key(JOB, "front") == "jobs/job_1/front.png"
    assert keys.media_key("p1", "med_1") == "library/med_1/original"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"job_key_template": "{tenant}/{jobId}"}, r"JOB_KEY_TEMPLATE has the unknown placeholder {tenant}"),
        ({"job_key_template": "{jobId.__class__}"}, "unknown placeholder"),
        ({"job_key_template": "{jobId!r}"}, "as they are"),
        ({"job_key_template": "{jobId:>9}"}, "as they are"),
        ({"job_key_template": "{}/{jobId}"}, "unknown placeholder"),
        ({"job_key_template": "{jobId"}, "not a template"),
        ({"job_key_template": "{projectId}/images"}, r"needs {jobId}"),
        ({"job_key_template": "/{jobId}"}, "plain path"),
        ({"job_key_template": "{jobId}/"}, "plain path"),
        ({"job_key_template": "../{jobId}"}, "plain path"),
        ({"job_key_template": "a//{jobId}"}, "plain path"),
        ({"job_key_template": "a\\{jobId}"}, "plain path"),
        ({"media_key_template": "{projectId}/media"}, r"MEDIA_KEY_TEMPLATE needs {assetId}"),
        ({"media_key_template": "{assetId}/{jobId}"}, "unknown placeholder"),
        ({"s3_prefix": "prod/../other"}, "S3_PREFIX must be a plain path"),
    ],
)
def test_a_layout_that_would_lose_or_mix_objects_is_refused(values: dict[str, str], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        layout(**values)


@pytest.mark.parametrize("key", ["a", "a/b.png", "ü b/c+%", ".hidden/a..b", "a" * 1024])
def test_plain_keys(key: str) -> None:
    assert is_plain_key(key)


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", "../a", "a/./b", "a/..", "a\\b", "a\nb", "a\x00", "a" * 1025, "ü" * 513]
)
def test_keys_that_are_not_plain(key: str) -> None:
    assert not is_plain_key(key)
