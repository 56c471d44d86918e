"""One tenant's many streams and slow uploads: what they cost, and what is left for the others."""

import asyncio
from functools import partial
from threading import Event
from typing import Any

import httpx2
import pytest
import redis
from fastapi import FastAPI

from api.documents import MEDIA_TYPES
from api.http.call import Services
from api.http.turns import Turns
from api.library import MediaLibrary
from models.errors import RateLimited
from tests.support.api.calls import error_of
from tests.support.api.client import Api, begin, message_of, on_a_port, result_of
from tests.support.api.media import picture
from tests.support.api.statements import statements
from worker.queue.jobs import JobStore

STREAMS = 20


def job_of(api: Api) -> str:
    return str(api.call("POST", f"/v1/influencers/{api.source()}/clone", {"name": "B"}).json()["jobId"])


@pytest.fixture
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.http.following._LOOK", 0.02)
    monkeypatch.setattr("api.http.following._ALIVE", 0.3)
    monkeypatch.setattr("api.http.following._SILENT", 0.1)


@pytest.mark.usefixtures("quick_looks")
def test_streams_are_read_together_and_without_the_database(
    app: FastAPI, api: Api, store: JobStore, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.following._SILENT", 3600)
    jobs = [job_of(api) for _ in range(2)]
    key = {"Authorization": f"Bearer {api.secret}"}

    async def lines_of(client: httpx2.AsyncClient, job_id: str, all_open: asyncio.Barrier) -> list[str]:
        async with client.stream("GET", f"/v1/jobs/{job_id}/events", headers=key) as told:
            lines = told.aiter_lines()
            seen = [await anext(lines)]
            await all_open.wait()
            # Nothing happens now, but that the stream says so.
            while seen.count(": still here") < 2:
                seen.append(await anext(lines))
            await all_open.wait()
            await all_open.wait()
            return seen + [line async for line in lines]

    async def follow(port: int) -> list[list[str]]:
        all_open = asyncio.Barrier(STREAMS + 1)
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            streams = [
                asyncio.create_task(lines_of(client, jobs[number % 2], all_open)) for number in range(STREAMS)
            ]
            await all_open.wait()
            before = commands(redis_client)
            with statements(api) as made:
                await all_open.wait()
            after = commands(redis_client)
            assert made == []
            assert after["hgetall"] == before["hgetall"], "no record is read where nothing changes"
            assert after["xread"] > before["xread"], "somebody looks"
            with statements(api) as made:
                lease = begin(store, message_of(store, jobs[0]))
                store.complete(lease, result_of(message_of(store, jobs[0])))
                store.cancel(jobs[1])
                await all_open.wait()
                told = await asyncio.gather(*streams)
            # A job lands once, not once for every stream.
            assert sum("UPDATE jobs" in statement for statement in made) == 2
            return told

    with on_a_port(app) as port:
        told = asyncio.run(follow(port))
    for number, lines in enumerate(told):
        named = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
        if number % 2:
            assert named == ["job.submitted", "job.canceled"]
        else:
            assert named == ["job.submitted", "job.started", "job.completed"]


def commands(client: redis.Redis) -> dict[str, int]:
    """How often each was called so far."""
    stats: Any = client.info("commandstats")
    return {name: stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("hgetall", "xread")}


@pytest.mark.usefixtures("quick_looks")
def test_a_stream_learns_of_an_end_whose_events_are_gone(app: FastAPI, api: Api, store: JobStore) -> None:
    job_id = job_of(api)
    key = {"Authorization": f"Bearer {api.secret}"}
    with (
        on_a_port(app) as port,
        httpx2.stream(
            "GET", f"http://127.0.0.1:{port}/v1/jobs/{job_id}/events", headers=key, timeout=60
        ) as told,
    ):
        lines = told.iter_lines()
        assert next(lines) == "id: 1"
        # The events go in the step in which the job ends.
        with store._redis.pipeline() as pipe:
            pipe.hset(store._job_key(job_id), mapping={"status": "canceled", "stage": "done", "sequence": 2})
            pipe.hset(store._job_key(job_id), "finished_at", "1790000000000")
            pipe.delete(store._events_key(job_id))
            pipe.execute()
        assert [line for line in lines if line.startswith("event:")] == [
            "event: job.submitted",
            "event: job.canceled",
        ]


@pytest.mark.usefixtures("quick_looks")
def test_a_key_has_so_many_streams_and_no_more(app: FastAPI, api: Api, stranger: Api) -> None:
    services: Services = app.state.services
    services.following._most_streams = 2
    path, theirs = f"/v1/jobs/{job_of(api)}/events", f"/v1/jobs/{job_of(stranger)}/events"
    key, other = ({"Authorization": f"Bearer {each.secret}"} for each in (api, stranger))

    async def follow(port: int) -> None:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            async with client.stream("GET", path, headers=key) as first:
                # Kept: one that is forgotten closes its stream.
                lines = [first.aiter_lines()]
                await anext(lines[0])
                async with client.stream("GET", path, headers=key) as second:
                    lines.append(second.aiter_lines())
                    await anext(lines[1])
                    refused = await client.get(path, headers=key)
                    error = error_of(refused, 429, "RATE_LIMITED")
                    assert error["details"] == {"subcode": "TOO_MANY_STREAMS", "most": 2, "retryAfter": 5}
                    assert refused.headers["retry-after"] == "5"
                    async with client.stream("GET", theirs, headers=other) as third:
                        assert third.status_code == 200
            # Nobody reads a HEAD's stream, which ends at once.
            for _ in range(3):
                assert (await client.head(path, headers=key)).status_code == 200
            while services.following._streams:
                await asyncio.sleep(0.01)

    with on_a_port(app) as port:
        asyncio.run(follow(port))


def test_uploads_that_wait_hold_no_thread(
    app: FastAPI, api: Api, stranger: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty at once, and the store answers none of them."""
    project, data, theirs = api.project(), picture(), stranger.project()
    go_on = Event()
    keep = MediaLibrary.keep

    def hang(*args: Any) -> Any:
        assert go_on.wait(60)
        return keep(*args)

    monkeypatch.setattr(MediaLibrary, "keep", hang)
    uploads = app.state.services.uploads
    uploads._patience = 60

    async def use(client: httpx2.AsyncClient) -> list[int]:
        def add(each: Api, where: str) -> Any:
            headers = {"Authorization": f"Bearer {each.secret}", "Content-Type": MEDIA_TYPES[0]}
            return client.post(f"/v1/projects/{where}/media", content=data, headers=headers)

        mine = [asyncio.create_task(add(api, project)) for _ in range(60)]
        while len(uploads._waiting.get("acme", ())) < 50:
            await asyncio.sleep(0.01)
        key = {"Authorization": f"Bearer {stranger.secret}"}
        for _ in range(5):
            listed = await client.get(f"/v1/projects/{theirs}/influencers", headers=key, timeout=30)
            assert listed.status_code == 200
        assert not any(task.done() for task in mine)
        # The others' upload has its turn at once.
        other = asyncio.create_task(add(stranger, theirs))
        while not uploads._held["other"]:
            await asyncio.sleep(0.01)
        go_on.set()
        return [(await task).status_code for task in (*mine, other)]

    with on_a_port(app) as port:

        async def used() -> list[int]:
            async with httpx2.AsyncClient(
                base_url=f"http://127.0.0.1:{port}", timeout=60, limits=httpx2.Limits(max_connections=100)
            ) as client:
                return await use(client)

        assert asyncio.run(used()) == [201] * 61


def test_turns_go_round_among_organisations() -> None:
    order: list[str] = []
    go_on = Event()

    async def use() -> None:
        turns = Turns(2, 60, 3)
        first = asyncio.create_task(turns.run("a", lambda: go_on.wait(60)))
        rest = [asyncio.create_task(turns.run(name, partial(order.append, name))) for name in ("a", "a", "a")]
        await asyncio.sleep(0)
        with pytest.raises(RateLimited):
            await turns.run("a", lambda: None)
        # One place is kept for others while "a" has the other.
        await turns.run("b", lambda: order.append("b"))
        rest[0].cancel()
        go_on.set()
        await asyncio.gather(first, *rest[1:])
        impatient = Turns(1, 0.01, 3)
        held = asyncio.create_task(impatient.run("a", lambda: go_on.wait(60)))
        await held
        go_on.clear()
        held = asyncio.create_task(impatient.run("a", lambda: go_on.wait(60)))
        await asyncio.sleep(0)
        with pytest.raises(RateLimited):
            await impatient.run("b", lambda: None)
        go_on.set()
        await held
        # Nothing is left of who waited in vain.
        await impatient.run("b", lambda: order.append("b"))
        assert (turns._waiting, turns._held, impatient._held) == ({}, {}, {})
        turns.close()
        impatient.close()

    asyncio.run(use())
    assert order == ["b", "a", "a", "b"]
