"""The API in this process, on the stack's Redis. Nothing lands but when a test says so.

Every test that needs a database runs twice: on SQLite and on PostgreSQL, in a database that is empty. Without
PostgreSQL's binaries the second is skipped, except in CI.
"""

import asyncio
import os
import shutil
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import pytest
import uvicorn
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient, Response
from pydantic import SecretStr
from structlog.testing import capture_logs

from api.app import make_app
from api.http.call import Services
from api.rows.database import Database
from api.rows.keys import create_key
from api.rows.tables import Base
from api.settings import ApiSettings
from models.derived import asset_id_of
from models.influencer import ReferenceImage
from models.job import CloneJob, CreateJob, Job
from models.record import JobResult, StoredImage
from tests.support.servers.postgresql import PostgreSQL, binaries, running
from worker.base.settings import Settings
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


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    """What the test logs. Drawing tracebacks would take seconds."""
    with capture_logs() as events:
        yield events


@pytest.fixture(scope="session")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a database that has its tables. A test takes a copy, which is quicker than migrations."""
    file = tmp_path_factory.mktemp("database") / "api.db"
    _migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    folder = binaries()
    if folder is None and "CI" not in os.environ:
        pytest.skip("PostgreSQL's server isn't installed")
    assert folder, "CI must have PostgreSQL's server"
    with running(folder, tmp_path_factory.mktemp("postgresql") / "server.log") as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_url(postgresql: PostgreSQL) -> str:
    """Of the one database that tests take in turns."""
    url = postgresql.new()
    _migrate(url)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def new_database_url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """Of a database that hasn't even tables."""
    if kind == "sqlite":
        return f"sqlite:///{tmp_path}/new.db"
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.new()


@pytest.fixture
def database_url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """Of a database with empty tables."""
    if kind == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_file"), tmp_path / "api.db")
        return f"sqlite:///{tmp_path}/api.db"
    url = str(request.getfixturevalue("postgresql_url"))
    _empty(url)
    return url


@pytest.fixture
def api_settings(database_url: str) -> ApiSettings:
    return ApiSettings(database_url=SecretStr(database_url), api_rate=1000)


def _migrate(url: str) -> None:
    database = Database(url)
    database.migrate()
    database.close()


def _empty(url: str) -> None:
    database = Database(url)
    with database.write() as session:
        # Quicker than TRUNCATE by far, where there are few rows.
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(table.delete())
    database.close()


@pytest.fixture
def app(settings: Settings, api_settings: ApiSettings) -> Iterator[FastAPI]:
    made = make_app(settings, api_settings)
    services: Services = made.state.services
    yield made
    services.database.close()


@pytest.fixture
def api(app: FastAPI) -> Api:
    return Api(app, create_key(app.state.services.database, "acme").secret)


@pytest.fixture
def stranger(app: FastAPI) -> Api:
    """Of another organisation."""
    return Api(app, create_key(app.state.services.database, "other").secret)


@pytest.fixture
def store(settings: Settings) -> JobStore:
    return JobStore(settings)


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
