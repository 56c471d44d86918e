"""From a key back to its job: exact, or not at all."""

from typing import Any

import pytest

from models.errors import InvalidInput
from worker.base.settings import Settings
from worker.storage.folders import JobFolder
from worker.storage.keys import KeyLayout

FOLDER = "p1/influencers/inf_1/references/job_1"


def found(key: str, **settings: Any) -> JobFolder | None:
    return KeyLayout(Settings(**settings)).folders().of(key)


@pytest.mark.parametrize("rest", ["front.png", "thumbs/front.webp", "evidence/front.png", "manifest.json"])
@pytest.mark.parametrize("prefix", ["", "prod/{jobId}/"])
def test_what_a_job_stores_is_found_to_be_its_own(rest: str, prefix: str) -> None:
    folder = found(f"{prefix}{FOLDER}/{rest}", s3_prefix=prefix)
    assert folder == JobFolder("job_1", prefix + FOLDER)


@pytest.mark.parametrize(
    "key",
    [
        "p1/media/med_1",
        FOLDER,
        f"{FOLDER}/",
        f"other/{FOLDER}/front.png",
        "p1/influencers/inf_1/references/1/front.png",
        "p1/influencers/inf_1/references/front.png",
        "p1/influencers/inf_1/avatar/job_1/front.png",
        "readme.txt",
    ],
)
def test_what_others_keep_is_no_jobs(key: str) -> None:
    assert found(key) is None


def test_a_project_that_is_named_like_a_job_keeps_its_media() -> None:
    template = {"job_key_template": "{jobId}"}
    assert found("job_x/media/med_1", **template) is None
    assert found("job_x/front.png", **template) == JobFolder("job_x", "job_x")


def test_one_id_may_come_twice() -> None:
    template = {"job_key_template": "{jobId}/of/{jobId}"}
    assert found("job_1/of/job_1/a.png", **template) == JobFolder("job_1", "job_1/of/job_1")
    assert found("job_1/of/job_2/a.png", **template) is None


def test_a_template_that_does_not_tell_is_refused() -> None:
    with pytest.raises(InvalidInput, match="put a slash"):
        found("x", job_key_template="{projectId}-{jobId}")
