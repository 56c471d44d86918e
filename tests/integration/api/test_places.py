"""What a job's record says of the queue and of its worker."""

import pytest

from tests.support.api.client import Api, message_of
from worker.queue.jobs import JobStore

pytestmark = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue is looked at anew for each poll."""
    monkeypatch.setattr("worker.queue.jobs.places._LASTS", 0.0)


def cloned(api: Api, count: int) -> list[str]:
    path = f"/v1/influencers/{api.source()}/clone"
    return [api.call("POST", path, {"name": "N"}).json()["jobId"] for _ in range(count)]


def test_a_poll_says_where_a_job_stands_and_moves_with_it(api: Api, store: JobStore) -> None:
    first, second = cloned(api, 2)
    poll = api.call("GET", f"/v1/jobs/{second}")
    assert poll.json()["queuePlace"] == 2
    etag = poll.headers["etag"]
    assert api.call("GET", f"/v1/jobs/{second}", if_none_match=etag).status_code == 304
    assert store.claim(message_of(store, first), "host-17:4711", None, "wrk_1").lease
    moved = api.call("GET", f"/v1/jobs/{second}", if_none_match=etag)
    assert (moved.status_code, moved.json()["queuePlace"]) == (200, 1)
    listed = {job["jobId"]: job for job in api.call("GET", "/v1/jobs").json()["items"]}
    assert listed[second]["queuePlace"] == 1
    assert "queuePlace" not in listed[first]


def test_a_tenant_sees_the_workers_id_and_not_its_machine(api: Api, store: JobStore) -> None:
    (job,) = cloned(api, 1)
    assert store.claim(message_of(store, job), "host-17:4711", None, "wrk_1").lease
    answer = api.call("GET", f"/v1/jobs/{job}")
    assert answer.json()["worker"] == "wrk_1"
    assert set(answer.json()["stageTimes"]) == {"queued", "fetching"}
    assert "host-17" not in answer.text
    assert "host-17" not in api.call("GET", "/v1/jobs").text


def test_a_job_that_redis_lost_is_still_answered(api: Api) -> None:
    (job,) = cloned(api, 1)
    api.services.store._redis.delete(api.services.store._job_key(job))
    answer = api.call("GET", f"/v1/jobs/{job}")
    assert (answer.json()["stage"], "queuePlace" in answer.json()) == ("queued", False)
