"""An older version's processes and today's, on one deployment: what an update and a way back must survive.

The workers' devices and judges are dummies (tests/e2e/faults/quick_worker.py, each version's own). All the rest is
real.
"""

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.faults.fleet import MODULE
from tests.support.api.media import picture
from tests.support.servers.process import ApiProcess
from tests.support.versions import Version, older, todays
from tests.support.workers import PlanJob, WorkerProcess, environment_of
from worker.base.settings import Settings
from worker.client import JobClient

pytestmark = pytest.mark.timeout(300)
SHOTS = ["front", "smile", "serious"]
SUBMIT = """
import json, sys
from models.job import parse_job
from worker.client import JobClient

client = JobClient()
json.dump([client.submit(parse_job(message)).status for message in json.load(sys.stdin)], sys.stdout)
"""
FOLLOW = """
import json, sys
from worker.client import JobClient

client, found = JobClient(), []
for job_id in json.load(sys.stdin):
    events = list(client.watch(job_id, timeout=90))
    shots = [image.shot for image in client.get(job_id).result.images]
    found.append(
        {"events": [e.type for e in events], "sequences": [e.sequence for e in events], "shots": shots}
    )
json.dump(found, sys.stdout)
"""
StartWorker = Callable[[Version, float], WorkerProcess]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Version]:
    return {"older": older(tmp_path_factory.mktemp("older")), "today's": todays()}


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """Of every process. A worker that is told to stop hands its jobs back at once."""
    own = settings.model_copy(update={"drain_grace": 0.0, "reap_interval": 0.2})
    # An image that an older version stored has no watermark, and would be rendered again for one.
    return environment_of(own) | {"LIKENESS_SAFETY": "off", "LIKENESS_WATERMARK": "off"}


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[StartWorker]:
    """Starts a worker of a version that takes so many seconds for an image."""
    workers: list[WorkerProcess] = []

    def started(version: Version, seconds: float) -> WorkerProcess:
        number = len(workers)
        dummies = {"FAULTS_NOTES": str(notes_of(tmp_path, number)), "FAULTS_SECONDS": str(seconds)}
        log = tmp_path / f"worker-{number}.log"
        workers.append(WorkerProcess(environment | version.environment | dummies, log, MODULE))
        return workers[-1]

    yield started
    for worker in workers:
        if worker.process.poll() is None:
            worker.process.kill()
            worker.process.wait()


def notes_of(folder: Path, number: int) -> Path:
    return folder / f"notes-{number}.jsonl"


def noted(folder: Path, number: int, what: str) -> list[dict[str, Any]]:
    """What a worker's dummies noted of one kind, oldest first."""
    file = notes_of(folder, number)
    notes = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return [note for note in notes if note["what"] == what]


def rendered(folder: Path, number: int) -> list[str]:
    """The shots that the device of a worker has rendered."""
    return [f"{note['job']} {note['shot']}" for note in noted(folder, number, "rendered")]


def wait_for_begun(folder: Path, number: int) -> str:
    """The id of the job whose image a worker's device is the first to begin."""
    deadline = time.monotonic() + 120
    while not (begun := noted(folder, number, "begun")):
        assert time.monotonic() < deadline, "the device began nothing"
        time.sleep(0.1)
    return str(begun[0]["job"])


@pytest.mark.parametrize(("first", "second"), [("older", "today's"), ("today's", "older")])
def test_jobs_in_hand_and_in_the_queue_go_on_with_the_other_version(
    first: str,
    second: str,
    both: dict[str, Version],
    start: StartWorker,
    environment: dict[str, str],
    settings: Settings,
    plan: PlanJob,
    tmp_path: Path,
) -> None:
    """Three jobs of the first version's client: its worker has stored an image of one, has another in hand, and
    hasn't begun the third when it is stopped. The second version's worker does the rest."""
    client, leaving, coming = JobClient(settings), both[first], both[second]
    jobs = [plan(SHOTS) for _ in range(3)]
    messages = [json.loads(job.to_json()) for job in jobs]
    for message in messages:
        # The dummies' notes call a job by its vibe.
        message["source"]["vibe"] = message["jobId"]
    assert leaving.run(environment, SUBMIT, messages) == ["running"] * len(jobs)

    worker = start(leaving, 4)
    # Of the two that it fetches references for, either may reach the device first.
    begun = wait_for_begun(tmp_path, 0)
    wait_for(client, begun, "job.image_stored")
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(60) == 0, worker.log.read_text()
    assert {client.get(job.job_id).status for job in jobs} == {"running"}

    start(coming, 0)
    job_ids = [job.job_id for job in jobs]
    for version in (leaving, coming):
        # Each version's client follows each job to its end, and reads its record.
        for found in version.run(environment, FOLLOW, job_ids):
            assert found["events"][-1] == "job.completed"
            assert found["sequences"] == list(range(1, len(found["events"]) + 1))
            assert found["shots"] == SHOTS

    stored, rest = rendered(tmp_path, 0), rendered(tmp_path, 1)
    assert f"{begun} front" in stored
    # Nothing that was stored is rendered again. What was on the device when it stopped is.
    assert f"{begun} front" not in rest
    assert {f"{job.job_id} {shot}" for job in jobs for shot in SHOTS} <= {*stored, *rest}
    assert {f"{job_id} front" for job_id in job_ids if job_id != begun} <= {*rest}


def wait_for(client: JobClient, job_id: str, kind: str) -> None:
    for event in client.watch(job_id, timeout=120):
        if event.type == kind:
            return
    raise AssertionError(f"{job_id} ended without {kind}")


def test_an_api_is_updated_beside_an_older_one(
    both: dict[str, Version],
    start: StartWorker,
    environment: dict[str, str],
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Today's API takes over the older one's database, keys and jobs. The older one, which runs until then, goes on
    with the tables that today's has migrated."""
    url = f"sqlite:///{tmp_path}/api.db"
    old, new = both["older"], both["today's"]
    database = environment | {"LIKENESS_DATABASE_URL": url}
    key = old.likeness(database, "keys", "create", "acme").split()[1]

    def serve(version: Version) -> ApiProcess:
        with monkeypatch.context() as only:
            for name, value in (environment | version.environment).items():
                only.setenv(name, value)
            process = ApiProcess(settings, url, 0.2, tmp_path / f"{version.name}.log")
        process.client.headers["Authorization"] = f"Bearer {key}"
        process.wait_ready()
        return process

    first = serve(old)
    try:
        project = call(first, "POST", "/v1/projects", {"name": "Spring"})["projectId"]
        made = call(first, "POST", f"/v1/projects/{project}/influencers", {"name": "Nova"})
        source = made["influencerId"]
        webp = {"Content-Type": "image/webp"}
        added = first.client.post(f"/v1/projects/{project}/media", content=picture("webp"), headers=webp)
        assert added.status_code == 201, added.text
        assets = {"assetIds": [added.json()["assetId"]]}
        call(first, "POST", f"/v1/influencers/{source}/reference-images", assets)
        before = call(first, "POST", f"/v1/influencers/{source}/clone", {"name": "Before"})

        assert "Migrated from 0006" in new.likeness(database, "migrate")
        second = serve(new)
        try:
            # Both serve: each sees what the other one made.
            between = call(first, "POST", f"/v1/influencers/{source}/clone", {"name": "Between"})
            after = call(second, "POST", f"/v1/influencers/{source}/clone", {"name": "After"})
            start(new, 0)
            started = (before, between, after)
            for process in (first, second):
                for one in started:
                    wait_until_ready(process, one["influencerId"])
                listed = call(process, "GET", "/v1/jobs?include=result")["items"]
                assert {job["jobId"] for job in listed} == {one["jobId"] for one in started}
                assert {job["status"] for job in listed} == {"completed"}
            assert first.logged("landing.failed") == second.logged("landing.failed") == []
        finally:
            second.kill()
    finally:
        first.kill()


def call(process: ApiProcess, method: str, path: str, body: Any = None) -> Any:
    answer = process.client.request(method, path, json=body)
    assert answer.status_code < 300, answer.text
    return answer.json()


def wait_until_ready(process: ApiProcess, influencer_id: str) -> None:
    deadline = time.monotonic() + 120
    while (status := call(process, "GET", f"/v1/influencers/{influencer_id}")["status"]) != "ready":
        assert status in ("pending", "training"), status
        assert time.monotonic() < deadline
        time.sleep(0.2)
