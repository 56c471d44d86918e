"""Dead letters: what lands there, and what can be done about it. Real Redis."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from redis import Redis

from models.errors import InvalidInput, NotFound
from models.job import CloneJob
from models.record import JobError
from tests.support.jobs.stored import ERROR, SOURCE, claimed, make_job
from worker.base.settings import Settings
from worker.client import JobClient, plan_create
from worker.queue.jobs import JobStore
from worker.queue.jobs.dead import DeadLetters


@pytest.fixture
def store(settings: Settings) -> JobStore:
    return JobStore(settings)


@pytest.fixture
def dead(settings: Settings) -> DeadLetters:
    return DeadLetters(settings)


@pytest.fixture
def job() -> CloneJob:
    return make_job()


def test_a_job_that_failed_is_kept_with_its_message_and_error(
    store: JobStore, dead: DeadLetters, job: CloneJob
) -> None:
    store.fail(claimed(store, job), ERROR)
    (letter,) = dead.letters()
    assert (letter.letter_id, letter.error) == (job.job_id, ERROR)
    assert CloneJob.parse(letter.message) == job
    assert letter.at == store.get(job.job_id).finished_at


def test_a_job_of_the_other_kind_is_retried_as_such(store: JobStore, dead: DeadLetters) -> None:
    created = plan_create(SOURCE)
    store.fail(claimed(store, created), ERROR)
    heir = dead.heir(created.job_id)
    assert heir == created.model_copy(update={"job_id": heir.job_id})


@pytest.mark.parametrize("code", ["NO_USABLE_REFERENCE", "CONTENT_REFUSED", "DEADLINE_EXCEEDED"])
def test_what_would_only_fail_again_is_not_kept(
    store: JobStore, dead: DeadLetters, job: CloneJob, code: str
) -> None:
    store.fail(claimed(store, job), JobError(code=code, message="No."))
    assert dead.letters() == []


def test_jobs_that_end_otherwise_are_not_kept(store: JobStore, dead: DeadLetters, job: CloneJob) -> None:
    store.end_canceled(claimed(store, job))
    assert dead.letters() == []


def test_a_refused_message_is_kept_once(store: JobStore, dead: DeadLetters) -> None:
    nonsense: list[Any] = [None, {"jobId": 1}, "text", "x" * 100_000]
    for message in (*nonsense, *nonsense):
        store.refuse(message, InvalidInput("No."))
    found = dead.letters()
    assert len(found) == len(nonsense)
    assert {letter.error.code for letter in found} == {"VALIDATION"}
    assert [letter.message for letter in found if letter.message == "text"]
    assert max(len(json.dumps(letter.message)) for letter in found) < 70_000
    assert dead.letters(most=2) == found[:2]
    assert dead.letters(code="OTHER") == []


def test_what_json_can_not_show_is_kept_all_the_same(store: JobStore, dead: DeadLetters) -> None:
    deep: list[Any] = []
    for _ in range(500):
        deep = [deep]
    for message in ({"jobId": "job_\ud800"}, deep, {"at": datetime(2026, 1, 1, tzinfo=UTC)}, {1, 2}):
        store.refuse(message, InvalidInput("No."))
    letters = [json.loads(letter.to_json())["message"] for letter in dead.letters()]
    assert len(letters) == 4
    assert '{"jobId": "job_\\ud800"}' in letters
    assert {"at": "2026-01-01T00:00:00Z"} in letters


def test_a_message_that_ends_no_job_is_kept_unless_a_job_has_it(
    store: JobStore, dead: DeadLetters, job: CloneJob
) -> None:
    store.refuse(job.to_data(), InvalidInput("No."), ends_job=False)
    assert [letter.message for letter in dead.letters()] == [job.to_data()]
    other = make_job()
    store.submit(other)
    store.refuse(other.to_data(), InvalidInput("No."), ends_job=False)
    assert len(dead.letters()) == 1
    assert store.get(other.job_id).status == "running"


def test_a_refused_message_of_a_waiting_job_is_that_jobs_letter(
    store: JobStore, dead: DeadLetters, job: CloneJob
) -> None:
    store.submit(job)
    store.refuse(job.to_data() | {"name": "forged"}, InvalidInput("No."))
    store.refuse(job.to_data(), InvalidInput("No."))
    assert job.job_id in {letter.letter_id for letter in dead.letters()}
    assert len(dead.letters()) == 2


def test_the_oldest_of_too_many_letters_are_gone_altogether(
    store: JobStore, dead: DeadLetters, settings: Settings, redis_client: Redis
) -> None:
    store.refuse("oldest", InvalidInput("No."))
    (oldest,) = dead.letters()
    later = time.time() * 1000 + 1000
    redis_client.zadd(f"{settings.redis_prefix}:dead", {f"msg_{n}": later for n in range(9_999)})
    store.refuse("the last that has room", InvalidInput("No."))
    assert redis_client.zcard(f"{settings.redis_prefix}:dead") == 10_000
    with pytest.raises(NotFound):
        dead.get(oldest.letter_id)


def test_a_retry_is_one_new_job_with_the_old_content(
    settings: Settings, store: JobStore, dead: DeadLetters
) -> None:
    job = CloneJob.parse(make_job().to_data() | {"expiresAt": "2099-01-01T00:00:00Z"})
    store.fail(claimed(store, job), ERROR)
    before = store.get(job.job_id)
    heir = dead.heir(job.job_id)
    assert dead.get(job.job_id).retried_as == heir.job_id != job.job_id
    assert heir == job.model_copy(update={"job_id": heir.job_id, "expires_at": None})
    client = JobClient(settings)
    assert client.submit(heir).status == "running"
    assert client.submit(dead.heir(job.job_id)).job_id == heir.job_id, "again is the same"
    assert store.get(job.job_id) == before, "a final job never changes"


def test_what_is_no_job_can_not_be_retried(store: JobStore, dead: DeadLetters) -> None:
    for message in (None, {"jobId": "job_1"}):
        store.refuse(message, InvalidInput("No."))
    for letter in dead.letters():
        with pytest.raises(InvalidInput):
            dead.heir(letter.letter_id)
        assert dead.get(letter.letter_id).retried_as is None


def test_a_letter_is_dropped_and_the_record_stays(store: JobStore, dead: DeadLetters, job: CloneJob) -> None:
    store.fail(claimed(store, job), ERROR)
    dead.drop(job.job_id)
    assert dead.letters() == []
    assert store.get(job.job_id).status == "failed"
    for call in (dead.get, dead.drop, dead.heir):
        with pytest.raises(NotFound):
            call(job.job_id)
