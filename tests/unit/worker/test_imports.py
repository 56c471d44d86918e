"""What an import costs. Each runs in an interpreter of its own."""

import json
import subprocess
import sys

import pytest

HEAVY = {
    "torch",
    "diffusers",
    "transformers",
    "boto3",
    "botocore",
    "c2pa",
    "cv2",
    "numpy",
    "PIL",
    "httpcore2",
    "prometheus_client",
    "standardwebhooks",
}


def loaded_by(statement: str) -> set[str]:
    script = f"import json, sys; {statement}; print(json.dumps(sorted(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    return {name.partition(".")[0] for name in json.loads(answer.stdout)}


@pytest.mark.parametrize(
    "module", ["worker.client", "worker.cli", "worker.queue.queue", "models.job", "api.server"]
)
def test_a_producer_pays_for_no_rendering_and_no_storage(module: str) -> None:
    assert not loaded_by(f"import {module}") & HEAVY


def test_the_workers_parent_process_never_loads_torch_nor_what_judges() -> None:
    heavy = {"torch", "diffusers", "transformers", "dlib", "numpy", "pipelines", "prometheus_client"}
    assert (
        not loaded_by(
            "import worker.node.app, worker.storage, worker.verify.child, worker.webhooks.deliverer"
        )
        & heavy
    )


def test_no_span_is_paid_for_unless_it_is_exported() -> None:
    # Where it is installed, redis-py imports it for itself.
    assert "opentelemetry" not in loaded_by(
        "from worker.base.observers import tracing; tracing.set_up('x'); tracing.span('x')"
    )


def test_a_worker_needs_nothing_of_the_api() -> None:
    assert not loaded_by("import worker.node.app, worker.cli") & {"api", "fastapi", "sqlalchemy", "uvicorn"}


def test_the_check_sees_what_is_loaded() -> None:
    assert "PIL" in loaded_by("import worker.base.pictures")
