"""The client as users install it: beside a service that has a `models` and a `worker` of its own."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.api.client import Api, on_a_port

ROOT = Path(__file__).parents[3]

MODELS = """
def name_of(row):
    return row["name"]
"""
WORKER = """
from likeness_client import Client
from models import name_of

def names(url, key, project):
    with Client(url, key) as likeness:
        return [name_of(row) for row in likeness.influencers(project)]
"""
SERVICE = """
import sys
from importlib.metadata import distributions

from likeness_client import Client
from likeness_client.testing import FakeApi
from worker import names

api = FakeApi()
with Client("http://likeness", "lk_test", transport=api) as likeness:
    job = likeness.clone(api.add_influencer("Maya"), "Maya B")
    api.finish(job["jobId"], "completed")
    print(likeness.wait(job["jobId"])["status"])
print(*names(*sys.argv[1:]))
print(*sorted(one.name.lower() for one in distributions()))
"""


def run(*command: str | Path, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_lives_in_a_service_with_a_models_of_its_own(api: Api, tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", cwd=tmp_path)
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-compile")
    run(*pip, "--constraint", ROOT / "constraints.txt", "./client", cwd=ROOT)

    service = tmp_path / "service"
    (service / "worker").mkdir(parents=True)
    (service / "models.py").write_text(MODELS)
    (service / "worker" / "__init__.py").write_text(WORKER)
    (service / "service.py").write_text(SERVICE)
    project = api.project()
    api.influencer(project, name="Nova")
    with on_a_port(api.app) as port:
        printed = run(
            python, "service.py", f"http://127.0.0.1:{port}", api.secret, project, cwd=service
        ).splitlines()
    status, names, installed = printed
    assert (status, names) == ("completed", "Nova")
    packages = set(installed.split())
    assert {"likeness-client", "httpx2"} <= packages
    assert not packages & {
        "torch",
        "boto3",
        "redis",
        "celery",
        "pydantic",
        "numpy",
        "pillow",
        "likeness-worker",
    }
    assert len(packages) < 12, packages
    assert "--url" in run(python.with_name("likeness-client"), "--help", cwd=service)
