"""A real `likeness api` on SQLite and a real Redis, with a persona and a job that renders."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from api.app import make_app
from api.rows.keys import create_key
from api.rows.seed import seed
from api.settings import ApiSettings
from models.job import CloneJob
from worker.base.settings import Settings
from worker.queue.jobs import JobStore
from worker.stack.redis_server import RedisServer
from worker.stack.samples import load_sample

_ASSET = "med_1"


@dataclass
class Process:
    """A server on a loopback port."""

    port: int
    process: subprocess.Popen[bytes]

    def cpu_seconds(self) -> float:
        """Used so far by all of its threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Served:
    api: Process
    secret: str
    stranger: str
    """A key of another organisation."""
    ids: dict[str, str]
    """The persona's, its project's, and those of what the project has, by the names of the paths' parameters."""


@contextmanager
def serving(command: Sequence[str], port: int, environment: dict[str, str]) -> Iterator[Process]:
    process = subprocess.Popen([sys.executable, "-m", *command], env=os.environ | environment)
    try:
        deadline = time.monotonic() + 60
        while True:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            if time.monotonic() > deadline or process.poll() is not None:
                raise SystemExit(f"{command[0]} did not start.")
            time.sleep(0.05)
        yield Process(port, process)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def served(**environment_too: str) -> Iterator[Served]:
    """`environment_too`: settings of the API process, by their variables."""
    with TemporaryDirectory(prefix="likeness-bench-") as data, RedisServer(Path(data) / "redis") as redis:
        url = f"sqlite:///{data}/api.db"
        settings = Settings(redis_url=redis.url)
        services = make_app(settings, ApiSettings(database_url=url)).state.services
        services.database.migrate()
        secret, stranger = (create_key(services.database, name).secret for name in ("acme", "other"))
        source, _ = load_sample("maya")
        seed(services.database, "acme", source, {_ASSET: ("media/1.webp", "https://images.example/1.webp")})
        services.database.close()
        port = free_port()
        environment = {
            "LIKENESS_DATABASE_URL": url,
            "LIKENESS_REDIS_URL": redis.url,
            "LIKENESS_API_PORT": str(port),
            "LIKENESS_API_RATE": "1000000",
            "LIKENESS_LOG_LEVEL": "WARNING",
            **environment_too,
        }
        with serving(["worker", "api"], port, environment) as api:
            path = f"/v1/influencers/{source.influencer_id}/clone"
            _, cloned = asked(port, "POST", path, secret, {"name": "Maya B"})
            job_id = cloned["jobId"]
            _render(JobStore(settings), job_id)
            path = f"/v1/projects/{source.project_id}/content/selection"
            _, selected = asked(port, "POST", path, secret, {"brief": {}})
            ids = {
                "influencer_id": source.influencer_id,
                "project_id": source.project_id,
                "job_id": job_id,
                "asset_id": _ASSET,
                "selection_id": selected["selectionId"],
            }
            yield Served(api, secret, stranger, ids)


def asked(port: int, method: str, path: str, secret: str, body: Any = None) -> tuple[int, Any]:
    """Status and document of one call."""
    connection = HTTPConnection("127.0.0.1", port)
    content = None if body is None else json.dumps(body)
    connection.request(method, path, content, {"Authorization": f"Bearer {secret}"})
    answer = connection.getresponse()
    document = json.load(answer)
    connection.close()
    return answer.status, document


def _render(store: JobStore, job_id: str) -> None:
    job = CloneJob.parse(store._redis.hget(store._job_key(job_id), "message"))
    lease = store.claim(job, "bench").lease
    assert lease
    store.update(lease, "job.progress", stage="rendering", progress=0.42)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
