"""Real API processes: one that is killed before a job lands, and two that share a database."""

import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from api.rows.tables import BoundImageRow, InfluencerRow, JobRow
from api.server import serve
from api.settings import ApiSettings
from models.errors import InvalidSettings
from tests.support.api.client import Api, begin, message_of, result_of
from tests.support.api.examples import EXAMPLE
from tests.support.servers.process import ApiProcess
from worker.base.settings import Settings
from worker.queue.jobs import JobStore

Start = Callable[[float], ApiProcess]
NEVER = 3600.0


@pytest.fixture
def start(settings: Settings, api_settings: ApiSettings, tmp_path: Path) -> Iterator[Start]:
    running: list[ApiProcess] = []

    def started(landing_interval: float) -> ApiProcess:
        url = api_settings.database_url.get_secret_value()
        log = tmp_path / f"api-{len(running)}.log"
        running.append(ApiProcess(settings, url, landing_interval, log))
        return running[-1]

    yield started
    for process in running:
        process.kill()


def test_jobs_land_once_after_a_kill_and_between_two_processes(
    api: Api, store: JobStore, start: Start
) -> None:
    """`api` is a client here, of the same database and Redis: it lands nothing."""
    source = api.source()
    path = f"/v1/influencers/{source}/clone"

    def cloned() -> str:
        return str(api.call("POST", path, {"name": "N"}).json()["jobId"])

    def end(job_id: str) -> None:
        job = message_of(store, job_id)
        store.complete(begin(store, job), result_of(job))

    # It looks once, at its start, and takes a clone; the clone ends, and then the process does.
    first = start(NEVER)
    first.wait_ready()
    headers = {"Authorization": f"Bearer {api.secret}"}
    lost = str(first.client.post(path, json={"name": "N"}, headers=headers).json()["jobId"])
    end(lost)
    first.kill()
    assert unlanded(api) == {lost}

    others = [cloned() for _ in range(30)]
    pair = [start(0.02) for _ in range(2)]
    for process in pair:
        process.wait_ready()
    # Both find all of these at once.
    for process in pair:
        process.process.send_signal(signal.SIGSTOP)
    for job_id in others:
        end(job_id)
    for process in pair:
        process.process.send_signal(signal.SIGCONT)
    deadline = time.monotonic() + 30
    while unlanded(api):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # A landing is logged after it was committed.
    while (landed := landings(pair)).total() <= len(others) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert landed == Counter([lost, *others])
    assert first.logged("job.landed") == []
    assert [process.logged("landing.failed") for process in pair] == [[], []]
    with api.services.database.read() as session:
        # The source's own image, and two of each clone.
        assert session.scalar(select(func.count()).select_from(BoundImageRow)) == 1 + 2 * len(landed)
        assert set(session.scalars(select(InfluencerRow.status))) == {"ready"}

    # Fifty at once with one new id, half of them to each process.
    def ask(number: int) -> int:
        return pair[number % 2].client.post(path, content=EXAMPLE, headers=headers).status_code

    with ThreadPoolExecutor(50) as threads:
        assert Counter(threads.map(ask, range(50))) == {202: 1, 409: 49}
    assert len(unlanded(api)) == 1


def unlanded(api: Api) -> set[str]:
    with api.services.database.read() as session:
        return set(session.scalars(select(JobRow.job_id).where(JobRow.landed_at.is_(None))))


def landings(processes: list[ApiProcess]) -> Counter[str]:
    return Counter(entry["jobId"] for process in processes for entry in process.logged("job.landed"))


@pytest.mark.parametrize(
    ("host", "why"),
    [("no.such.host.invalid", "Name or service|Temporary failure"), ("192.0.2.1", "Cannot assign")],
)
def test_an_address_that_can_not_be_had_is_said_with_the_reason(
    settings: Settings, tmp_path: Path, host: str, why: str
) -> None:
    chosen = ApiSettings(database_url=SecretStr(f"sqlite:///{tmp_path}/api.db"), api_host=host, api_port=0)
    with pytest.raises(InvalidSettings, match=rf"^Nothing can listen on {host}:0 \(({why})"):
        serve(settings, chosen)


@pytest.mark.parametrize(("host", "reached"), [("::", ["127.0.0.1", "[::1]"]), ("::1", ["[::1]"])])
def test_it_can_be_served_at_ipv6_addresses(
    settings: Settings, tmp_path: Path, host: str, reached: list[str]
) -> None:
    url = SecretStr(f"sqlite:///{tmp_path}/api.db")
    chosen = ApiSettings(database_url=url, api_host=host, api_port=0)
    answers: list[int] = []
    told: list[str] = []

    class Seen(Exception):
        pass

    def ask(base: str) -> None:
        told.append(base)
        port = base.rpartition(":")[2]
        for name in reached:
            # It listens already, and takes calls a moment later.
            socket.create_connection((name.strip("[]"), int(port))).close()
            answers.append(1)
        raise Seen

    with pytest.raises(Seen):
        serve(settings, chosen, ask)
    assert told[0].startswith(f"http://[{host}]:")
    assert len(answers) == len(reached)
