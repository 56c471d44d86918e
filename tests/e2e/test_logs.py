"""The logs of real processes: JSON, line by line, whatever happens to the process, its children and its callers."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from models.job import CloneJob
from tests.support.processes import eventually
from tests.support.servers.process import ApiProcess
from tests.support.workers import PlanJob, WorkerProcess, done, environment_of
from worker.base.settings import Settings
from worker.client import JobClient

ADDITION = Path(__file__).parent.parent / "support" / "addition"

NOISY = """
import os, sys, warnings
warnings.warn("imported with a warning")

def look(image):
    print("a line", "and another", sep="\\n")
    os.write(2, b"half a line")
    sys.stderr.write(" of a progress bar\\r 50 %\\r100 %\\n")
    return {"nudity": "none", "score": 0.1, "apparentMinor": "no"}
"""


def lines_of(log: Path) -> list[dict[str, Any]]:
    """Every line, as JSON. One that is none fails the test."""
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_a_worker_whose_children_print_warn_and_crash(
    settings: Settings, client: JobClient, plan: PlanJob, tmp_path: Path
) -> None:
    (tmp_path / "noisy.py").write_text(NOISY)
    mine = settings.model_copy(
        update={
            "gate": "off",
            "profile": "flat",
            "safety": "required",
            "safety_classifier": "noisy:look",
            "drain_grace": 1,
        }
    )
    environment = environment_of(mine) | {
        "PYTHONPATH": f"{ADDITION}:{tmp_path}",
        "LEDGER": str(tmp_path / "ledger"),
        "LIKENESS_PROFLE": "flat",
    }
    log = tmp_path / "worker.log"
    worker = WorkerProcess(environment, log)
    worker.wait_ready()
    job: CloneJob = plan(["front"])
    record, _ = done(client, job)
    assert record.status == "completed"
    os.kill(worker.render_pid, signal.SIGSEGV)
    assert eventually(lambda: "render_process.replaced" in log.read_text(), 30)
    assert worker.stop() == 0
    lines = lines_of(log)
    printed = [line["line"] for line in lines if line["event"] == "child.printed"]
    assert {"a line", "and another", "half a line of a progress bar", " 50 %", "100 %"} <= set(printed)
    assert any("imported with a warning" in line for line in printed)
    assert "Fatal Python error: Segmentation fault" in printed, "faulthandler's trace"
    events = [line["event"] for line in lines]
    assert "Did you mean LIKENESS_PROFILE?" in "".join(events)
    # A busy machine may tell of a child's end after its parent's.
    assert "worker.ended" in events[-3:]
    # Celery's own word about SIGTERM.
    assert "celery.said" in events
    assert {line["jobId"] for line in lines if line["event"].startswith("job.")} == {job.job_id}


def test_an_api_with_callers_that_do_not_speak_http_and_a_deliverer(
    settings: Settings, tmp_path: Path
) -> None:
    api = ApiProcess(settings, f"sqlite:///{tmp_path}/api.db", 0.5, tmp_path / "api.log")
    log = tmp_path / "deliverer.log"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with log.open("wb") as out:
        deliverer = subprocess.Popen(
            [sys.executable, "-W", "always", "-m", "worker", "webhooks", "deliver"],
            env=os.environ
            | environment_of(settings)
            | {
                "LIKENESS_WEBHOOK_SECRETS": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "LIKENESS_HTTP_PORT": str(port),
            },
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        api.wait_ready()
        answer = api.client.get("/v1/jobs")
        with socket.create_connection((api.client.base_url.host, api.client.base_url.port or 0)) as caller:
            caller.sendall(b"\x16\x03\x01 not HTTP\r\n\r\n")
            assert b"400" in caller.recv(100)
        assert eventually(lambda: "webhooks.ready" in log.read_text(), 60)
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as metrics:
            assert b'likeness_queue_jobs{state="waiting",tier="default"} 0.0' in metrics.read()
        api.process.terminate()
        deliverer.terminate()
        assert (api.process.wait(60), deliverer.wait(60)) == (0, 0)
    finally:
        api.kill()
        deliverer.kill()
        deliverer.wait()
    lines = lines_of(tmp_path / "api.log")
    (answered,) = [line for line in lines if line["event"] == "api.answered" and line["path"] == "/v1/jobs"]
    assert (answered["requestId"], answered["status"]) == (answer.headers["x-request-id"], 401)
    assert any("Invalid HTTP request" in line["event"] for line in lines)
    assert [line["event"] for line in lines_of(log)] == [
        "endpoint.ready",
        "webhooks.ready",
        "webhooks.stopped",
    ]
