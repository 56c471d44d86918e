"""What deploy/ says, as far as that can be told without Docker and without a cluster."""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from api.settings import ApiSettings
from worker.base.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text()))


@pytest.mark.parametrize("path", [COMPOSE, *MANIFESTS], ids=lambda path: path.name)
def test_every_variable_is_a_setting(path: Path) -> None:
    known = {f"LIKENESS_{name.upper()}" for model in (Settings, ApiSettings) for name in model.model_fields}
    assert set(re.findall(r"LIKENESS_\w+", path.read_text())) <= known


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_manifests_are_what_kubernetes_takes(path: Path) -> None:
    for document in documents(path):
        if document["kind"] != "Kustomization":
            kubernetes_validate.validate(document, "1.34", strict=True)


def test_the_kustomization_lists_every_manifest() -> None:
    (kustomization,) = documents(DEPLOY / "kubernetes" / "kustomization.yaml")
    written = {path.name.replace(".example", "") for path in MANIFESTS} - {"kustomization.yaml"}
    assert set(kustomization["resources"]) == written


def test_what_a_manifest_names_is_there() -> None:
    everything = [document for path in MANIFESTS for document in documents(path)]
    named = {(one["kind"], one["metadata"]["name"]) for one in everything if "metadata" in one}
    text = "\n".join(path.read_text() for path in MANIFESTS)
    for kind, pattern in (
        ("ConfigMap", r"configMapRef: \{name: ([\w-]+)"),
        ("Secret", r"secretRef: \{name: ([\w-]+)|secretName: ([\w-]+)"),
    ):
        for found in re.findall(pattern, text):
            name = found if isinstance(found, str) else "".join(found)
            assert (kind, name) in named


def test_a_worker_has_time_to_drain() -> None:
    grace = Settings().drain_grace
    worker = documents(COMPOSE)[0]["services"]["worker"]
    assert int(worker["stop_grace_period"].removesuffix("s")) > grace + 5
    assert float(worker["environment"]["LIKENESS_DRAIN_GRACE"]) == grace
    pod = documents(DEPLOY / "kubernetes" / "worker.yaml")[0]["spec"]["template"]["spec"]
    variables = {one["name"]: one["value"] for one in pod["containers"][0]["env"]}
    assert pod["terminationGracePeriodSeconds"] > grace + 5
    assert float(variables["LIKENESS_DRAIN_GRACE"]) == grace


def test_every_service_tells_of_its_health() -> None:
    services = documents(COMPOSE)[0]["services"]
    assert all(service["healthcheck"]["test"] for service in services.values())
    assert "noeviction" in services["redis"]["command"]


def test_the_image_installs_the_wheel_that_it_built() -> None:
    root = DEPLOY.parent
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    built = f"{project['name'].replace('-', '_')}-{project['version']}-py3-none-any.whl"
    (pattern,) = re.findall(r"echo /tmp/wheels/(\S+)\)", (root / "Dockerfile.gpu").read_text())
    assert fnmatch(built, pattern)
