"""A worker in its image, by `podman run`: ready, a job, and a stop in the middle of another."""

import os
import shutil
import time
from pathlib import Path

from models.record import JobRecord
from tests.image.build import TAG
from tests.image.checks import PATIENCE, answer, free_port, holds, until
from tests.image.containers import Containers
from worker.cli.demo.personas import sample
from worker.cli.demo.sample_job import sample_job
from worker.client import JobClient
from worker.stack import EmbeddedStack
from worker.storage import Storage

USER = 10001
"""The images' user."""

_NAME = "likeness-image-test"


def signing_folder(folder: Path) -> Path:
    """A copy of the stack's certificate and key that the images' user can read, named as compose.yaml expects."""
    made = folder / "signing"
    if not made.exists():
        made.mkdir()
        (certificate,) = (folder / "stack" / "signing").glob("*certificate.pem")
        (key,) = (folder / "stack" / "signing").glob("*key.pem")
        shutil.copy(certificate, made / "chain.pem")
        shutil.copy(key, made / "key.pem")
        for path in (made, *made.iterdir()):
            os.chown(path, USER, USER)
    return made


def check_worker(containers: Containers, stack: EmbeddedStack, folder: Path) -> None:
    print("a worker, by podman run")
    port = free_port()
    environment = stack.environment | {
        "LIKENESS_SIGN_CERTIFICATE": "/signing/chain.pem",
        "LIKENESS_SIGN_KEY": "/signing/key.pem",
        "LIKENESS_PROFILE": "embedded",
        "LIKENESS_DEVICE": "cpu",
        "LIKENESS_HTTP_PORT": str(port),
        "LIKENESS_DRAIN_GRACE": "2",
    }
    variables = folder / "worker.env"
    variables.write_text("".join(f"{name}={value}\n" for name, value in environment.items()))
    options = ("--network", "host", "--memory", "6g", "--env-file", variables, "--name", _NAME)
    mounted = f"{signing_folder(folder)}:/signing:ro"
    containers.run("podman", "rm", "--force", "--ignore", _NAME)
    containers.run("podman", "run", "--detach", *options, "--volume", mounted, f"likeness-gpu:{TAG}")
    try:
        until(lambda: answer(port, "/ready")[0] == 200, lambda: containers.logs(_NAME)[-4000:])
        holds("/live and /ready answer 200", answer(port, "/live")[0] == 200)
        containers.run("podman", "healthcheck", "run", _NAME)
        print("  its health check passes")
        _jobs(containers, stack)
    finally:
        containers.run("podman", "rm", "--force", "--ignore", _NAME)


def _jobs(containers: Containers, stack: EmbeddedStack) -> None:
    client = JobClient(stack.settings())
    with Storage(stack.settings()) as storage:
        first, second = (sample_job(storage, sample("maya"), shots) for shots in (2, 8))
    client.submit(first)
    for _ in client.watch(first.job_id, timeout=PATIENCE):
        pass
    done = client.get(first.job_id)
    holds(f"a job is {done.status}, with {_images(done)} images", done.status == "completed", str(done.error))
    client.submit(second)
    for event in client.watch(second.job_id, timeout=PATIENCE):
        if event.type == "job.image_stored":
            break
    began = time.monotonic()
    containers.run("podman", "stop", "--time", "30", _NAME)
    seconds, state = time.monotonic() - began, containers.inspect(_NAME)["State"]
    log = containers.logs(_NAME)
    holds(f"stopped in mid-job, it ends with {state['ExitCode']}", state["ExitCode"] == 0, log[-4000:])
    print(f"  after {seconds:.1f} s")
    left = client.get(second.job_id)
    holds(
        f"the job is handed back: {left.status}, {left.stage}, {left.progress:.0%}",
        "job.handed_back" in log and not left.is_final,
        log[-4000:],
    )


def _images(record: JobRecord) -> int:
    return len(record.result.images) if record.result else 0
