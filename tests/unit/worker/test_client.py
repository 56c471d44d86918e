"""What a producer may plan, and hand to the client."""

from typing import Any

import pytest

from models.errors import InvalidInput
from models.job import CloneRequest, ReferenceSource
from tests.support.jobs.stored import SOURCE
from worker.base.settings import Settings
from worker.client import JobClient, plan_clone, plan_create


@pytest.mark.parametrize("job", [None, {}, "job_1", []])
def test_what_is_no_job_is_the_callers_mistake(job: Any) -> None:
    with pytest.raises(InvalidInput, match="is no job"):
        JobClient(Settings()).submit(job)


REFUSED_AGES = ["8-10", "17-40", "teen", "eight to ten", "\uff18-10", "18-10", "0018", "25-34; looks 10"]


@pytest.mark.parametrize("age_range", REFUSED_AGES)
def test_nobody_plans_a_job_for_what_no_worker_would_render(age_range: str) -> None:
    of_that_age = SOURCE.model_copy(update={"age_range": age_range})
    reference = [ReferenceSource(asset_id="med_1")]
    overridden = CloneRequest.parse({"name": "N", "overrides": {"ageRange": age_range}})
    grown_up = CloneRequest.parse({"name": "N", "overrides": {"ageRange": "25-34"}})
    for plan, path in (
        (lambda: plan_create(of_that_age), "persona.ageRange"),
        (lambda: plan_clone(SOURCE, overridden, reference), "overrides.ageRange"),
        (lambda: plan_clone(of_that_age, CloneRequest(name="N"), reference), "source.ageRange"),
        (lambda: plan_clone(of_that_age, grown_up, reference), "source.ageRange"),
    ):
        with pytest.raises(InvalidInput) as caught:
            plan()
        (field,) = caught.value.details["fields"]
        assert field["path"] == path
        assert caught.value.details["subcode"] == "CONTENT_REFUSED"


@pytest.mark.parametrize(
    "age_range", ["25-34", "25\N{EN DASH}34", " 25 - 34 ", "30s", "60+", "over 40", "25", None]
)
def test_adults_are_planned_as_they_are_written(age_range: str | None) -> None:
    persona = SOURCE.model_copy(update={"age_range": age_range})
    assert plan_create(persona).persona.age_range == age_range
