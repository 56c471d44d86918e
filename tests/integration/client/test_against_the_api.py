"""The client and its command against a real API, with its database and Redis."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from io import BytesIO
from pathlib import Path
from queue import Queue
from subprocess import CompletedProcess
from threading import Thread

import numpy as np
import pytest
from likeness_client import AsyncClient, Client, Conflict, Invalid, NotFound, Patience, Unauthenticated
from likeness_client.documents import Event
from PIL import Image

from models.record import JobError
from tests.e2e.faults.proxies import TcpProxy
from tests.support.api.client import Api, begin, message_of, on_a_port, result_of
from worker.queue.jobs import JobStore

CLIENT = Path(__file__).parents[3] / "client"


@pytest.fixture
def likeness(api: Api) -> Iterator[Client]:
    with (
        on_a_port(api.app) as port,
        Client(f"http://127.0.0.1:{port}", api.secret, patience=Patience(3, 0.05)) as client,
    ):
        yield client


def picture(side: int) -> bytes:
    """A PNG that hardly gets smaller."""
    noise = np.random.default_rng(1).integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_persona_from_its_pictures_to_its_clone(
    api: Api, likeness: Client, store: JobStore, tmp_path: Path
) -> None:
    assert likeness.me()["organisation"] == "acme"
    project = likeness.create_project("Spring")["projectId"]
    (tmp_path / "small.png").write_bytes(picture(64))
    assets = [likeness.upload(project, tmp_path / "small.png"), likeness.upload(project, picture(700))]
    assert {one["assetId"] for one in likeness.media(project)} == {one["assetId"] for one in assets}
    nova = likeness.create(project, "Nova", references=[one["assetId"] for one in assets], gender="female")
    assert nova["status"] == "ready"
    assert likeness.patch(nova["influencerId"], name="Nova Renamed")["gender"] == "female"
    assert [one["influencerId"] for one in likeness.influencers(project)] == [nova["influencerId"]]

    job = likeness.clone(
        nova["influencerId"], "Nova B", overrides={"hairColor": "red"}, shots=["front", "smile"]
    )
    message = message_of(store, job["jobId"])
    assert (message.appearance.gender, message.shots) == ("female", ("front", "smile"))
    followed: list[str] = []
    follower = Thread(target=lambda: followed.extend(e["type"] for e in likeness.follow(job["jobId"])))
    follower.start()
    store.complete(begin(store, message), result_of(message))
    follower.join(30)
    assert followed[-1] == "job.completed"
    assert likeness.wait(job["jobId"])["status"] == "completed"
    assert likeness.influencer(job["influencerId"])["status"] == "ready"
    assert list(likeness.follow(job["jobId"], after=99)) == []


def test_a_failure_a_retry_and_a_cancel(api: Api, likeness: Client, store: JobStore) -> None:
    source = api.source()
    job = likeness.clone(source, "B")
    store.fail(begin(store, message_of(store, job["jobId"])), JobError(code="RENDER_FAILED", message="No."))
    assert likeness.wait(job["jobId"])["error"]["code"] == "RENDER_FAILED"
    again = likeness.retry(job["jobId"])
    with pytest.raises(Conflict):
        likeness.retry(job["jobId"])
    assert likeness.cancel(again["jobId"])["accepted"]
    assert likeness.wait(again["jobId"])["status"] == "canceled"
    assert [one["jobId"] for one in likeness.jobs(influencer_id=job["influencerId"])] == [
        again["jobId"],
        job["jobId"],
    ]
    assert likeness.delete(source, "over") is None
    with pytest.raises(NotFound):
        likeness.influencer(source)
    assert likeness.delete(source, images=True) == "deleting"


def test_refusals_are_what_they_mean(api: Api, likeness: Client) -> None:
    with pytest.raises(Invalid) as caught:
        likeness.create_project("")
    assert caught.value.details["fields"][0]["path"] == "name"
    address = str(likeness._http.base_url)
    with Client(address, "lk_wrong", patience=Patience(1)) as stranger, pytest.raises(Unauthenticated):
        stranger.me()


def follow_in_turn(client: Client, job_id: str, found: "Queue[Event]") -> None:
    for event in client.follow(job_id):
        found.put(event)


def await_in_turn(url: str, key: str, job_id: str, found: "Queue[Event]") -> None:
    async def follow() -> None:
        async with AsyncClient(url, key, patience=Patience(5, 0.05)) as client:
            async for event in client.follow(job_id):
                found.put(event)

    asyncio.run(follow())


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_what_follows_goes_on_where_connections_broke(
    kind: str, api: Api, likeness: Client, store: JobStore
) -> None:
    job_id = likeness.clone(api.source(), "B")["jobId"]
    message = message_of(store, job_id)
    proxy = TcpProxy(likeness._http.base_url.port or 0)
    url, found = f"http://{proxy.address}", Queue[Event]()
    with Client(url, api.secret, patience=Patience(5, 0.05)) as client:
        started = {
            "sync": partial(follow_in_turn, client, job_id, found),
            "async": partial(await_in_turn, url, api.secret, job_id, found),
        }
        follower = Thread(target=started[kind])
        follower.start()
        events = [found.get(timeout=30)]
        proxy.cut()
        lease = begin(store, message)
        events.append(found.get(timeout=30))
        with proxy.down():
            store.update(lease, "job.progress", stage="rendering", progress=0.1)
        events.append(found.get(timeout=30))
        store.complete(lease, result_of(message))
        follower.join(30)
        proxy.stop()
    events += [found.get_nowait() for _ in range(found.qsize())]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["type"] == "job.completed"


def command(likeness: Client, api: Api, *arguments: str, given: str = "") -> "CompletedProcess[str]":
    """What a shell has: `likeness-client`, without a setting of Redis."""
    own = {"LIKENESS_API_URL": str(likeness._http.base_url), "LIKENESS_API_KEY": api.secret}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LIKENESS_")}
    return subprocess.run(
        [sys.executable, "-m", "likeness_client.cli", *arguments],
        input=given,
        env=environment | own | {"PYTHONPATH": str(CLIENT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_shell_submits_watches_and_cancels(api: Api, likeness: Client, store: JobStore) -> None:
    source = api.source(gender="female")
    body = {"name": "Nova B", "overrides": {"hairColor": "red"}, "shots": ["front"]}
    started = json.loads(command(likeness, api, "submit", source, "-", given=json.dumps(body)).stdout)
    message = message_of(store, started["jobId"])
    assert (message.appearance.gender, message.appearance.hair_color) == ("female", "red")
    store.complete(begin(store, message), result_of(message, 1))
    watched = command(likeness, api, "watch", started["jobId"])
    assert watched.returncode == 0
    assert json.loads(watched.stdout.splitlines()[-1])["type"] == "job.completed"

    second = json.loads(command(likeness, api, "clone", source, "Nova C").stdout)
    assert json.loads(command(likeness, api, "cancel", second["jobId"]).stdout)["accepted"]
    assert command(likeness, api, "watch", second["jobId"]).returncode == 3
    refused = command(likeness, api, "cancel", second["jobId"])
    assert (refused.returncode, json.loads(refused.stdout)["accepted"]) == (1, False)
    third = json.loads(command(likeness, api, "retry", second["jobId"]).stdout)
    listed = command(likeness, api, "jobs", "--status", "running").stdout.splitlines()
    assert [json.loads(line)["jobId"] for line in listed] == [third["jobId"]]


def test_a_shell_is_told_what_is_wrong(api: Api, likeness: Client, tmp_path: Path) -> None:
    wrong = [
        (["job", "job_none"], "", "(NOT_FOUND)"),
        (["submit", "inf_1", "-"], "{", "- isn't JSON"),
        (["submit", "inf_1", f"{tmp_path}/none"], "", "No such file"),
        (["submit", api.source(), "-"], '{"nmae": "B"}', "nmae"),
        (["--url", "localhost:8080", "jobs"], "", "http://localhost:8080"),
    ]
    for arguments, given, told in wrong:
        done = command(likeness, api, *arguments, given=given)
        assert (done.returncode, done.stdout) == (1, "")
        assert told in done.stderr
        assert "Traceback" not in done.stderr
    assert command(likeness, api, "--key", "", "jobs").returncode == 2


def test_a_reader_that_has_enough_is_told_nothing(api: Api, likeness: Client) -> None:
    likeness.clone(api.source(), "B")
    script = f"{sys.executable} -m likeness_client.cli jobs | :; echo ${{PIPESTATUS[0]}}"
    own = {"LIKENESS_API_URL": str(likeness._http.base_url), "LIKENESS_API_KEY": api.secret}
    done = subprocess.run(
        ["bash", "-c", script],
        env=os.environ | own | {"PYTHONPATH": str(CLIENT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_clones_previews_and_filters(api: Api, likeness: Client, store: JobStore) -> None:
    source = api.source()
    job = likeness.clone(source, "B", expires_at=datetime.now(UTC) + timedelta(hours=1), subject="any")
    assert [one["influencerId"] for one in likeness.clones(source)] == [job["influencerId"]]
    assert likeness.influencer(job["influencerId"])["sourceInfluencerId"] == source
    assert likeness.preview(job["jobId"], "front") is None
    api.services.previews.put(job["jobId"], "front", b"RIFF")
    assert likeness.preview(job["jobId"], "front") == b"RIFF"
    assert [one["jobId"] for one in likeness.jobs(status="running", kind="influencer_clone")] == [
        job["jobId"]
    ]
    assert list(likeness.jobs(since=datetime.now(UTC) + timedelta(minutes=1))) == []
    message = message_of(store, job["jobId"])
    store.complete(begin(store, message), result_of(message))
    likeness.wait(job["jobId"])
    (light,) = likeness.jobs(status="completed")
    (whole,) = likeness.jobs(status="completed", results=True)
    assert ("result" in light, "result" in whole) == (False, True)
    project = whole["projectId"]
    likeness.set_primary(project, source)
    assert likeness.select(project)["influencerId"] == source


def test_a_picture_comes_back_without_the_key(api: Api, likeness: Client) -> None:
    project = likeness.create_project("Spring")["projectId"]
    data = picture(64)
    asset = likeness.upload(project, data)["assetId"]
    assert likeness.picture(asset) == data
    assert likeness.provenance(asset)["verdict"] == "unsigned"
    with pytest.raises(NotFound):
        likeness.picture("med_none")
