"""What another package adds works without a change to this one: a job kind, a profile, an observer, a command."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.workers import WorkerProcess, environment_of
from worker.base.settings import Settings
from worker.stack.samples import load_sample

ADDITION = Path(__file__).parent.parent / "support" / "addition"


@pytest.fixture
def environment(settings: Settings, tmp_path: Path) -> dict[str, str]:
    configured = settings.model_copy(update={"gate": "off", "profile": "flat"})
    return environment_of(configured) | {"PYTHONPATH": str(ADDITION), "LEDGER": str(tmp_path / "ledger")}


def likeness(environment: dict[str, str], *arguments: str, given: str | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "worker", *arguments],
        input=given,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_all_four(environment: dict[str, str], tmp_path: Path) -> None:
    assert likeness(environment, "greet", "Nova") == "Hello, Nova.\n"
    assert "flat" in likeness(environment, "models", "list")
    persona, _ = load_sample("maya")
    job: dict[str, Any] = {
        "kind": "influencer_postcard",
        "jobId": "job_postcard1",
        "persona": persona.to_data(),
        "shots": ["front", "smile"],
    }
    worker = WorkerProcess(environment, tmp_path / "worker.log")
    try:
        worker.wait_ready()
        likeness(environment, "submit", "-", given=json.dumps(job))
        *_, last = likeness(environment, "watch", "--json", job["jobId"]).splitlines()
        assert json.loads(last)["type"] == "job.completed", worker.log.read_text()
        record = json.loads(likeness(environment, "status", job["jobId"]))
        assert record["kind"] == "influencer_postcard"
        assert [image["shot"] for image in record["result"]["images"]] == ["front", "smile"]
    finally:
        worker.stop()
    assert (tmp_path / "ledger").read_text() == "job_postcard1 completed \n"
