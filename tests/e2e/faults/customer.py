"""A customer of the HTTP API while faults come: its process, on a PostgreSQL of its own, and what it promised."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx2

from api.app import make_app
from api.rows.keys import create_key
from api.rows.seed import seed
from api.settings import ApiSettings
from models.influencer import Influencer
from tests.support.servers.postgresql import PostgreSQL, binaries, running
from tests.support.servers.process import ApiProcess
from worker.base.settings import Settings
from worker.stack.samples import load_sample
from worker.storage import Storage

_ASSET = "med_customers"
# The codes of answers that say *not now*.
_AWAY = {"DATABASE_UNAVAILABLE", "QUEUE_UNAVAILABLE"}


class Customer:
    """Asks for clones, one after another, until `stop`; then each row that it was promised has to be ready."""

    def __init__(self, client: httpx2.Client, secret: str, source: Influencer, every: float) -> None:
        """A clone is asked for `every` so many seconds."""
        self.promised: list[str] = []
        self.complaints: list[str] = []
        self._client = client
        self._headers = {"Authorization": f"Bearer {secret}"}
        self._source = source
        self._every = every
        self._stopped = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def wait_for_rows(self, deadline: float) -> None:
        """Complains of each row that isn't ready by then."""
        for row in self.promised:
            while (status := self._status(row)) != "ready" and time.monotonic() < deadline:
                time.sleep(0.3)
            if status != "ready":
                self.complaints.append(f"the API's {row} is {status}")

    def _run(self) -> None:
        while not self._stopped.wait(self._every):
            row = f"inf_customers-{len(self.promised)}"
            path = f"/v1/influencers/{self._source.influencer_id}/clone"
            while self._ask("POST", path, {"name": row, "newInfluencerId": row}, row) is None:
                if self._stopped.wait(0.5):
                    return
            self.promised.append(row)

    def _status(self, row: str) -> str | None:
        answer = self._ask("GET", f"/v1/influencers/{row}")
        return answer["status"] if answer else None

    def _ask(self, method: str, path: str, body: Any = None, once: str = "") -> Any:
        """The answer, or None for one that says to try again. `once`: its idempotency key."""
        headers = self._headers | ({"Idempotency-Key": once} if once else {})
        try:
            answer = self._client.request(method, path, json=body, headers=headers)
        except httpx2.TransportError as error:
            self.complaints.append(f"{method} {path}: {type(error).__name__}")
            return None
        if answer.is_success:
            return answer.json()
        code = answer.json().get("error", {}).get("code") if answer.content.startswith(b"{") else None
        if answer.status_code != httpx2.codes.SERVICE_UNAVAILABLE or code not in _AWAY:
            self.complaints.append(f"{method} {path}: {answer.status_code} {code}")
        return None


@contextmanager
def customer(settings: Settings, folder: Path, every: float) -> Iterator[tuple[Customer, PostgreSQL]]:
    """`settings` lead through the proxies, for the API as for the workers."""
    found = binaries()
    assert found, "PostgreSQL's server isn't installed: apt-get install postgresql"
    with running(found, folder / "postgresql.log") as server:
        url = server.new()
        source = _source()
        services = make_app(settings, ApiSettings(database_url=url)).state.services
        services.database.migrate()
        secret = create_key(services.database, "customer").secret
        with Storage(settings) as storage:
            key = storage.keys.media_key(source.project_id, _ASSET)
            storage.put_image(key, load_sample("maya")[1][0], "image/webp", {})
        seed(services.database, "customer", source, {_ASSET: (key, "https://images.example/maya.webp")})
        services.database.close()
        process = ApiProcess(settings, url, 0.5, folder / "api.log")
        try:
            process.wait_ready()
            yield Customer(process.client, secret, source, every), server
        finally:
            process.kill()


def _source() -> Influencer:
    persona, _ = load_sample("maya")
    return persona.model_copy(update={"influencer_id": "inf_customers", "project_id": "prj_customers"})
