"""The client of the HTTP API, against its own double: tries, errors, events, and what isn't sent."""

import asyncio
import inspect
import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx2
import pytest
from likeness_client import (
    AsyncClient,
    Client,
    Conflict,
    Invalid,
    LikenessError,
    NotFound,
    Patience,
    RateLimited,
    Unavailable,
)
from likeness_client import JobTimeout as Late
from likeness_client.requests import SMALL, EventReader
from likeness_client.testing import FakeApi

QUICK = Patience(tries=3, first=0.001)


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def likeness(api: FakeApi) -> Client:
    return Client("http://likeness", "lk_test", patience=QUICK, transport=api)


def test_a_clone_is_started_followed_and_read(api: FakeApi, likeness: Client) -> None:
    job = likeness.clone(api.add_influencer("Maya"), "Maya B", overrides={"hairColor": "red"})
    api.finish(job["jobId"], "completed")
    assert [event["type"] for event in likeness.follow(job["jobId"])] == ["job.submitted", "job.completed"]
    assert likeness.wait(job["jobId"])["status"] == "completed"
    assert likeness.influencer(job["influencerId"])["status"] == "ready"
    sent = json.loads(next(one for one in api.requests if one.method == "POST").content)
    assert sent == {"name": "Maya B", "overrides": {"hairColor": "red"}}


def test_a_patch_sends_what_is_given_alone(api: FakeApi, likeness: Client) -> None:
    maya = api.add_influencer("Maya")
    likeness.patch(maya, name="Maya Renamed", ageRange=None)
    assert json.loads(api.requests[-1].content) == {"name": "Maya Renamed", "ageRange": None}


def test_what_says_not_now_is_tried_again_under_one_key(api: FakeApi, likeness: Client) -> None:
    maya = api.add_influencer("Maya")
    api.failures += [(503, {}), (429, {})]
    likeness.clone(maya, "Maya B")
    keys = {one.headers["idempotency-key"] for one in api.requests}
    assert (len(api.requests), len(keys), len(api.jobs)) == (3, 1, 1)


def test_patience_ends(api: FakeApi, likeness: Client) -> None:
    told = {"error": {"code": "QUEUE_UNAVAILABLE", "message": "Wait.", "requestId": "req_1", "details": {}}}
    api.failures += [(503, told)] * 3
    with pytest.raises(Unavailable) as caught:
        likeness.me()
    assert (caught.value.code, caught.value.request_id) == ("QUEUE_UNAVAILABLE", "req_1")
    assert likeness.me()["organisation"] == "test"


def test_a_host_that_is_not_there_is_told_without_the_key() -> None:
    with (
        Client("http://127.0.0.1:1", "lk_secret", patience=QUICK) as nowhere,
        pytest.raises(Unavailable) as caught,
    ):
        nowhere.me()
    assert "lk_secret" not in str(caught.value)
    assert caught.value.code == "UNREACHABLE"


@pytest.mark.parametrize(
    ("status", "kind"), [(404, NotFound), (405, NotFound), (409, Conflict), (413, Invalid), (422, Invalid)]
)
def test_errors_are_what_they_mean_and_are_not_tried_again(
    status: int, kind: type[LikenessError], api: FakeApi, likeness: Client
) -> None:
    api.failures.append((status, {"error": {"code": "X", "message": "No.", "details": {"a": 1}}}))
    with pytest.raises(kind, match=r"No\.") as caught:
        likeness.me()
    assert (caught.value.status, caught.value.details, len(api.requests)) == (status, {"a": 1}, 1)


def test_an_answer_of_a_proxy_is_an_error_too(api: FakeApi, likeness: Client) -> None:
    api.failures.append((418, {"teapot": True}))
    with pytest.raises(LikenessError, match="HTTP status 418"):
        likeness.me()


def test_waiting_ends(api: FakeApi, likeness: Client) -> None:
    job = likeness.clone(api.add_influencer("Maya"), "Maya B")
    with pytest.raises(Late, match="it goes on"):
        likeness.wait(job["jobId"], timeout=0.05)


def test_a_failed_job_is_retried(api: FakeApi, likeness: Client) -> None:
    job = likeness.clone(api.add_influencer("Maya"), "Maya B")
    with pytest.raises(Conflict):
        likeness.retry(job["jobId"])
    api.finish(job["jobId"], "failed", error={"code": "RENDER_FAILED"})
    again = likeness.retry(job["jobId"])
    assert again["jobId"] != job["jobId"]
    assert likeness.cancel(again["jobId"])["accepted"]


def test_ids_can_not_leave_their_place_in_a_path(api: FakeApi, likeness: Client) -> None:
    with pytest.raises(NotFound):
        likeness.job("../me?x=1")
    assert api.requests[-1].url.raw_path == b"/v1/jobs/..%2Fme%3Fx%3D1"


def test_no_picture_is_told_before_anything_is_sent(api: FakeApi, likeness: Client) -> None:
    with pytest.raises(Invalid, match="none of PNG, JPEG and WebP"):
        likeness.upload("prj_1", b"GIF89a")
    assert api.requests == []


class StoreAway(FakeApi):
    """Its store is away at first."""

    tries = 0

    def stored(self, request: httpx2.Request) -> httpx2.Response:
        self.tries += 1
        if self.tries <= 4:
            raise httpx2.ConnectError("no route")
        assert "authorization" not in request.headers
        return super().stored(request)


def test_an_upload_to_a_store_that_is_away_is_tried_again_and_then_an_error_of_the_client() -> None:
    api = StoreAway()
    project, picture = api.add_project("Spring"), b"\x89PNG\r\n\x1a\n" + bytes(SMALL)
    with Client("http://likeness", "lk_test", patience=QUICK, transport=api) as likeness:
        with pytest.raises(Unavailable, match="The store can't be reached") as caught:
            likeness.upload(project, picture)
        assert (caught.value.code, api.tries) == ("UNREACHABLE", 3)

    async def upload_one() -> str:
        async with AsyncClient("http://likeness", "lk_test", patience=QUICK, transport=api) as other:
            asset = await other.upload(project, picture)
            assert await other.picture(asset["assetId"]) == picture
            return asset["assetId"]

    assert asyncio.run(upload_one()) in api.assets
    assert api.tries == 6


def test_an_address_without_its_scheme_is_told_at_once() -> None:
    for kind in (Client, AsyncClient):
        with pytest.raises(Invalid, match="http://localhost:8080"):
            kind("localhost:8080", "lk_test")


def test_events_may_come_in_pieces() -> None:
    reader = EventReader()
    lines = [": a comment", "id: 7", "event: job.progress", 'data: {"a":', "data: 1}", "", ""]
    texts = [text for line in lines for text in reader.feed(line)]
    assert [json.loads(text) for text in texts] == [{"a": 1}]
    assert reader.begin()["Last-Event-ID"] == "7"


def test_an_event_that_came_half_is_asked_for_again() -> None:
    reader = EventReader(3)
    assert [text for line in ("id: 4", 'data: {"a": 1}') for text in reader.feed(line)] == []
    assert reader.begin()["Last-Event-ID"] == "3"
    assert [text for line in ("id: 4", 'data: {"a": 1}', "") for text in reader.feed(line)] == ['{"a": 1}']


def test_a_key_with_too_many_streams_waits_for_its_turn(api: FakeApi, likeness: Client) -> None:
    job = likeness.clone(api.add_influencer("Maya"), "Maya B")
    api.finish(job["jobId"], "completed")
    api.failures += [(429, {}), (503, {})]
    assert [event["type"] for event in likeness.follow(job["jobId"])][-1] == "job.completed"


def test_a_wait_ends_in_time_though_its_connection_broke(api: FakeApi) -> None:
    def no_answer(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadTimeout("nothing came")

    once = Client(
        "http://likeness", "lk", patience=Patience(tries=1), transport=httpx2.MockTransport(no_answer)
    )
    with pytest.raises(Late):
        once.wait("job_1", timeout=0)


def test_the_client_waits_as_long_as_the_api_asks() -> None:
    def busy(*headers: tuple[str, str]) -> Client:
        answers = iter([httpx2.Response(429, headers=headers), httpx2.Response(200, json={"keyId": "key_1"})])
        transport = httpx2.MockTransport(lambda _: next(answers))
        return Client("http://likeness", "lk", patience=Patience(2, 0.001, longest=30), transport=transport)

    began = time.monotonic()
    assert busy(("Retry-After", "1")).me()["keyId"] == "key_1"
    assert time.monotonic() - began >= 1
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    for asked in ("100", later):
        with pytest.raises(RateLimited) as caught:
            busy(("Retry-After", asked)).me()
        assert caught.value.retry_after == pytest.approx(100, abs=2)


def test_the_asynchronous_client_does_the_same(api: FakeApi) -> None:
    async def use() -> list[str]:
        async with AsyncClient("http://likeness", "lk_test", patience=QUICK, transport=api) as likeness:
            api.failures.append((503, {}))
            job = await likeness.clone(api.add_influencer("Maya"), "Maya B")
            api.finish(job["jobId"], "completed")
            assert (await likeness.wait(job["jobId"]))["status"] == "completed"
            assert [one["jobId"] async for one in likeness.jobs()] == [job["jobId"]]
            return [event["type"] async for event in likeness.follow(job["jobId"])]

    assert asyncio.run(use()) == ["job.submitted", "job.completed"]


def test_both_clients_have_the_same_calls() -> None:
    def calls(client: type[Any]) -> dict[str, Any]:
        return {
            name: (
                [(one.name, one.kind, one.default) for one in inspect.signature(method).parameters.values()],
                inspect.getdoc(method),
            )
            for name, method in inspect.getmembers(client, inspect.isfunction)
            if not name.startswith("_")
        }

    assert calls(Client) == calls(AsyncClient)


def test_the_double_serves_both() -> None:
    assert issubclass(FakeApi, httpx2.BaseTransport)
    assert issubclass(FakeApi, httpx2.AsyncBaseTransport)
