"""What a producer may hand to the client."""

from typing import Any

import pytest

from models.errors import InvalidInput
from worker.base.settings import Settings
from worker.client import JobClient


@pytest.mark.parametrize("job", [None, {}, "job_1", []])
def test_what_is_no_job_is_the_callers_mistake(job: Any) -> None:
    with pytest.raises(InvalidInput, match="is no job"):
        JobClient(Settings()).submit(job)
