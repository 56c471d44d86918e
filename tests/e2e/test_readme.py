"""The README's examples for producers, run as they are printed, beside a worker that draws placeholders."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.job import CloneRequest
from tests.support.processes import eventually
from worker.base import settings as settings_module
from worker.cli.demo.sample_job import write_sample_job
from worker.client import plan_clone
from worker.testing import FakeStack

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where somebody ran `likeness stack --fake`."""
    return tmp_path_factory.mktemp("somewhere")


@pytest.fixture(scope="module")
def fake(folder: Path) -> Iterator[FakeStack]:
    with FakeStack(folder / "stack-data") as running:
        write_sample_job(running.settings, folder / "stack-data")
        yield running


def example(marked_by: str) -> str:
    (code,) = (
        one for one in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL) if marked_by in one
    )
    return str(code)


def test_the_client_s_example_runs(
    fake: FakeStack, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in fake.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    settings_module.settings.cache_clear()
    try:
        exec(compile(example("JobClient"), str(README), "exec"), {})
    finally:
        settings_module.settings.cache_clear()
    printed = capsys.readouterr().out
    assert "job.completed done 100%" in printed
    assert "manifest_key=" in printed


def test_a_step_that_lasts_is_one_event(fake: FakeStack) -> None:
    job = plan_clone(fake.row("slow=1"), CloneRequest(name="Nova B"), shots=["front", "smile"])
    fake.client.submit(job)
    events = list(fake.client.watch(job.job_id, timeout=60))
    steps = [(event.shot, event.step) for event in events if event.type == "job.progress"]
    assert events[-1].type == "job.completed"
    assert len(steps) == len(set(steps)) > 4


def test_the_example_for_celery_alone_runs(fake: FakeStack, folder: Path) -> None:
    code = example("send_task")
    imports = re.findall(r"^(?:from|import) (.*)", code, re.MULTILINE)
    assert imports == ["json, os, uuid", "pathlib import Path", "celery import Celery"]
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | fake.environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    job_id = done.stdout.strip()
    # Its record is made by the worker that takes the message.
    assert eventually(lambda: job_id in (folder / "stack-data" / "worker.log").read_text(), 60)
    assert fake.wait(job_id).status == "completed"
