"""The client against a real API, with its database and Redis; and in a service that has a `models` of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from likeness_client import Client, Conflict, Invalid, NotFound, Patience, Unauthenticated
from PIL import Image

from models.record import JobError
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
    likeness.delete(source, "over")
    with pytest.raises(NotFound):
        likeness.influencer(source)


def test_refusals_are_what_they_mean(api: Api, likeness: Client) -> None:
    with pytest.raises(Invalid) as caught:
        likeness.create_project("")
    assert caught.value.details["fields"][0]["path"] == "name"
    address = str(likeness._http.base_url)
    with Client(address, "lk_wrong", patience=Patience(1)) as stranger, pytest.raises(Unauthenticated):
        stranger.me()


def test_it_lives_in_a_service_with_a_models_of_its_own(tmp_path: Path) -> None:
    """It needs neither this repository's packages nor what they need."""
    (tmp_path / "models.py").write_text("mine = True")
    (tmp_path / "worker").mkdir()
    (tmp_path / "worker" / "__init__.py").write_text("")
    code = (
        "import sys, models, worker, likeness_client, likeness_client.testing, likeness_client.cli\n"
        "assert models.mine\n"
        "heavy = {'torch', 'boto3', 'redis', 'pydantic', 'PIL', 'celery'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}:{CLIENT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
