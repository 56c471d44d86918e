"""Previews of images that are being rendered."""

from tests.support.api.calls import error_of
from tests.support.api.client import Api, begin, message_of, result_of
from worker.base.settings import Settings
from worker.queue.jobs import JobStore
from worker.queue.jobs.previews import KEPT_FOR, PreviewStore


def test_a_running_jobs_preview_is_its_owners_alone_and_is_sent_once(
    api: Api, stranger: Api, store: JobStore, settings: Settings
) -> None:
    job = api.call("POST", f"/v1/influencers/{api.source()}/clone", {"name": "B"}).json()["jobId"]
    path = f"/v1/jobs/{job}/previews/front"
    assert api.call("GET", path).status_code == 204

    previews = PreviewStore(settings)
    previews.put(job, "front", b"RIFF, one")
    first = api.call("GET", path)
    assert (first.status_code, first.content) == (200, b"RIFF, one")
    assert first.headers["content-type"] == "image/webp"
    assert first.headers["cache-control"] == "private, no-store"
    again = api.call("GET", path, if_none_match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    error_of(stranger.call("GET", path), 404, "NOT_FOUND")
    assert api.call("GET", f"/v1/jobs/{job}/previews/smile").status_code == 204

    previews.put(job, "front", b"RIFF, two")
    changed = api.call("GET", path, if_none_match=first.headers["etag"])
    assert (changed.status_code, changed.content) == (200, b"RIFF, two")

    message = message_of(store, job)
    store.complete(begin(store, message), result_of(message))
    assert api.call("GET", path).status_code == 204


def test_previews_expire_and_are_deleted(settings: Settings) -> None:
    previews = PreviewStore(settings)
    for shot in ("front", "smile"):
        previews.put("job_1", shot, b"\xff\x00")
        assert previews.get("job_1", shot) == b"\xff\x00"
        assert 0 < previews._redis.ttl(previews._key("job_1", shot)) <= KEPT_FOR
    previews.put("job_2", "front", b"2")
    previews.delete("job_1", ["front", "smile", "outdoor"])
    assert [previews.get("job_1", shot) for shot in ("front", "smile")] == [None, None]
    assert previews.get("job_2", "front") == b"2"
