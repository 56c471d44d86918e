"""A fake stack: docs/testing.md as it is printed, the command, and a worker that refuses to be real."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.workers import StartWorker

DOCS = Path(__file__).parents[2] / "docs" / "testing.md"
COMMAND = [sys.executable, "-m", "worker"]


def test_the_documents_tests_pass(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    (tmp_path / "test_producer.py").write_text(code)
    # As in a project that only installed the package.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(tmp_path),
            str(tmp_path),
        ],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_stack_fake_has_a_worker_that_says_what_it_is(tmp_path: Path) -> None:
    stack = subprocess.Popen(
        [*COMMAND, "stack", "--fake", "--data", str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert stack.stdout
        for line in stack.stdout:
            if line.startswith("# The worker is ready"):
                break
        assert line == "# The worker is ready: fake on none.\n"
        script = (
            f". {tmp_path}/env; likeness='{sys.executable} -m worker'; "
            f"$likeness submit --watch {tmp_path}/sample-job.json && $likeness queue --json && $likeness doctor"
        )
        said = subprocess.run(
            ["bash", "-uc", script], capture_output=True, text=True, check=False, timeout=100
        )
    finally:
        stack.terminate()
        assert stack.wait(30) == 0
        assert stack.stdout
        stack.stdout.close()
    assert said.returncode == 0, said.stdout + said.stderr
    assert "smile: stored" in said.stdout
    assert '"profile":"fake"' in said.stdout


@pytest.mark.parametrize("store", ["https://s3.internal", None])
def test_a_worker_refuses_to_be_fake_with_real_services(start_worker: StartWorker, store: str | None) -> None:
    worker = start_worker(profile="fake", s3_endpoint_url=store)
    assert worker.process.wait(60) == 2
    log = worker.log.read_text()
    assert "SETTINGS_INVALID" in log
    assert "LIKENESS_S3_ENDPOINT_URL says otherwise" in log
