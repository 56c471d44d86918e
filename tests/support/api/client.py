"""The API as tests call it."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Thread
from typing import Any, TypeVar

import uvicorn
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient, Response

from api.http.call import Services
from models.derived import asset_id_of
from models.influencer import ReferenceImage
from models.job import CloneJob, CreateJob, Job
from models.record import JobResult, StoredImage
from worker.queue.jobs import JobStore, Lease

T = TypeVar("T")

IMAGE = "https://images.example/one.png"


@dataclass
class Api:
    """Calls the application with one key."""

    app: FastAPI
    secret: str

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        return self.run(lambda client: self._send(client, method, path, body, headers))

    def at_once(self, count: int, method: str, path: str, body: Any, **headers: str) -> list[Response]:
        async def all_of_them(client: AsyncClient) -> list[Response]:
            calls = (self._send(client, method, path, body, headers) for _ in range(count))
            return list(await asyncio.gather(*calls))

        return self.run(all_of_them)

    def run(self, use: Callable[[AsyncClient], Coroutine[Any, Any, T]]) -> T:
        async def used() -> T:
            # As the server has it: what the application raises is a closed connection, not this test's error.
            transport = ASGITransport(app=self.app, raise_app_exceptions=False)
            async with AsyncClient(transport=transport, base_url="http://api") as client:
                return await use(client)

        return asyncio.run(used())

    async def _send(
        self, client: AsyncClient, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"authorization": f"Bearer {self.secret}"} | named
        latin = [(name.encode(), value.encode("latin-1")) for name, value in given.items()]
        content = body if isinstance(body, bytes) else None
        document = None if isinstance(body, bytes) else body
        return await client.request(method, path, content=content, json=document, headers=latin)

    # What most tests begin with.

    def project(self) -> str:
        return str(self.call("POST", "/v1/projects", {"name": "Spring"}).json()["projectId"])

    def media(self, project_id: str) -> str:
        added = self.call("POST", f"/v1/projects/{project_id}/media", {"url": IMAGE})
        return str(added.json()["assetId"])

    def influencer(self, project_id: str, **fields: Any) -> str:
        body = {"name": "Nova"} | fields
        made = self.call("POST", f"/v1/projects/{project_id}/influencers", body)
        assert made.status_code == 201, made.text
        return str(made.json()["influencerId"])

    def source(self, **fields: Any) -> str:
        project_id = self.project()
        images = {"assetIds": [self.media(project_id)]}
        return self.influencer(project_id, referenceImages=images, **fields)

    def clone(self, source: str, **fields: Any) -> dict[str, Any]:
        """The answer to a clone: the ids of a job and of its influencer."""
        answer = self.call("POST", f"/v1/influencers/{source}/clone", {"name": "B"} | fields)
        assert answer.status_code == 202, answer.text
        started: dict[str, Any] = answer.json()
        return started

    def listed(self, path: str) -> list[Any]:
        """All items of a list, page by page. `path` has a query."""
        found: list[Any] = []
        cursor = ""
        while True:
            answer = self.call("GET", f"{path}{cursor}")
            assert answer.status_code == 200, answer.text
            found += answer.json()["items"]
            if answer.json()["nextCursor"] is None:
                return found
            cursor = f"&cursor={answer.json()['nextCursor']}"

    def row(self, influencer_id: str) -> Any:
        return self.call("GET", f"/v1/influencers/{influencer_id}").json()


@contextmanager
def on_a_port(app: FastAPI) -> Iterator[int]:
    """The application behind its server, which ends, with all that it still answers, at the end of the block.
    Nothing lands by itself."""
    config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = Thread(target=server.run, args=([listening],))
        serving.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            server.should_exit = True
            serving.join()


def message_of(store: JobStore, job_id: str) -> CloneJob:
    """The job's message, as a worker gets it."""
    return CloneJob.parse(store._redis.hget(store._job_key(job_id), "message"))


def create_message_of(store: JobStore, job_id: str) -> CreateJob:
    return CreateJob.parse(store._redis.hget(store._job_key(job_id), "message"))


def begin(store: JobStore, job: Job) -> Lease:
    claim = store.claim(job, "worker-1")
    assert claim.lease
    return claim.lease


def result_of(job: Job, count: int = 2) -> JobResult:
    at = datetime(2026, 11, 24, tzinfo=UTC)
    images = tuple(_image(job, shot) for shot in job.shots[:count])
    references = tuple(
        ReferenceImage(asset_id=i.asset_id, url=i.url, thumbnail_url=i.thumbnail_url, added_at=at)
        for i in images
    )
    row = job.finished_row(references, at)
    return JobResult(
        influencer=row, images=images, manifest_key="m.json", manifest_url="https://s3.example/m"
    )


def _image(job: Job, shot: str) -> StoredImage:
    return StoredImage(
        shot=shot,
        asset_id=asset_id_of(job.job_id, shot),
        key=f"{job.project_id}/{shot}.png",
        thumbnail_key=f"{job.project_id}/thumbs/{shot}.webp",
        url=f"https://s3.example/{shot}.png",
        thumbnail_url=f"https://s3.example/thumbs/{shot}.webp",
        sha256="0" * 64,
        thumbnail_sha256="0" * 64,
        bytes=1,
        width=1,
        height=1,
        seed=1,
    )
