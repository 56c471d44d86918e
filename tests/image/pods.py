"""The API and the deliverer of deploy/kubernetes in their image, as pods of `podman play kube`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import yaml

from tests.image.build import TAG
from tests.image.checks import answer, free_port, holds, until
from tests.image.containers import Containers
from tests.support.manifests import Manifest, kustomized, named, pod_of
from tests.support.servers import postgresql
from worker.stack import EmbeddedStack

_DEPLOYMENTS = ("api", "webhooks")


@dataclass(frozen=True)
class _Ports:
    """Free ports of this machine, whose network the pods share: the API's, and those of each one's probes."""

    api: int = field(default_factory=free_port)
    probes: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in _DEPLOYMENTS})


def _runnable(
    manifests: Sequence[Manifest], environment: Mapping[str, str], database: str, ports: _Ports
) -> list[Manifest]:
    """The Deployments as they are, but for what podman can't do: one replica, the machine's network, images of this
    machine, and ConfigMaps in place of Secrets. `environment` has the variables' values."""
    found = named(manifests)
    result: list[Manifest] = []
    for name, port in ports.probes.items():
        deployment = found["Deployment", name]
        deployment["spec"]["replicas"] = 1
        pod = pod_of(deployment)
        pod["hostNetwork"] = True
        (container,) = pod["containers"]
        container["image"] = f"localhost/likeness:{TAG}"
        container["imagePullPolicy"] = "Never"
        del container["ports"], container["livenessProbe"], container["readinessProbe"]
        for source in container["envFrom"]:
            if "secretRef" in source:
                source["configMapRef"] = {"name": _of_secret(source.pop("secretRef")["name"])}
        # In Kubernetes `env` would do; podman lets `envFrom` win.
        container["envFrom"].append({"configMapRef": {"name": f"ports-{name}"}})
        of_ports = {"LIKENESS_HTTP_PORT": str(port), "LIKENESS_API_PORT": str(ports.api)}
        result.append(_config(f"ports-{name}", of_ports, {}))
        _, is_socket, socket = database.partition("?host=")
        if is_socket:
            pod["volumes"] = [{"name": "database", "hostPath": {"path": socket}}]
            container["volumeMounts"] = [{"name": "database", "mountPath": socket}]
        result.append(deployment)
    beside = {key: environment[key] for key in ("LIKENESS_S3_ADDRESSING_STYLE", "LIKENESS_ALLOW_HTTP_TO")}
    for (kind, name), manifest in found.items():
        if kind == "ConfigMap":
            result.append(_config(name, manifest["data"] | beside, environment))
        elif kind == "Secret" and name != "likeness-signing":
            result.append(_config(_of_secret(name), manifest["stringData"], environment))
    return result


def _config(name: str, data: Mapping[str, str], environment: Mapping[str, str]) -> Manifest:
    values = {variable: environment.get(variable, value) for variable, value in data.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": values}


def _of_secret(name: str) -> str:
    """The name of the ConfigMap in a Secret's place. One of each may have the same name."""
    return f"secret-{name}"


def check_pods(containers: Containers, stack: EmbeddedStack, folder: Path) -> None:
    print("the API and the deliverer, by podman play kube from what kustomize renders")
    ports = _Ports()
    with _database(folder) as url:
        environment = stack.environment | {"LIKENESS_DATABASE_URL": url}
        manifests = _runnable(kustomized([], folder), environment, url, ports)
        file = folder / "pods.yaml"
        file.write_text(yaml.safe_dump_all(manifests))
        containers.run("podman", "play", "kube", "--network", "host", file)
        try:
            _served(containers, ports)
        finally:
            containers.run("podman", "play", "kube", "--down", file)


def _served(containers: Containers, ports: _Ports) -> None:
    names = containers.run("podman", "ps", "--all", "--format", "{{.Names}}").split()
    pod = {name: next(one for one in names if one.endswith(f"-{name}")) for name in _DEPLOYMENTS}

    def logs() -> str:
        return "\n".join(containers.logs(one)[-3000:] for one in pod.values())

    for name, port in ports.probes.items():
        until(partial(_is_ready, port), logs)
        holds(f"{name}: /live and /ready answer 200", answer(port, "/live")[0] == 200)
    paths = ("/live", "/ready", "/openapi.json")
    holds(f"the API answers {' '.join(paths)}", all(answer(ports.api, path)[0] == 200 for path in paths))
    made = containers.run(
        "podman", "exec", pod["api"], "likeness", "keys", "create", "acme", "--scope", "operate"
    )
    key = next(word for word in made.split() if word.startswith("lk_"))
    status, body = answer(ports.api, "/v1/operations/queue", key)
    holds("a key that was made in the pod reads the queue", status == 200, body)
    print(f"  {json.dumps(json.loads(body)['tiers'])}")
    containers.run("podman", "exec", pod["api"], "likeness", "gc", "--json")
    print("  likeness gc runs in the same image")


def _is_ready(port: int) -> bool:
    return answer(port, "/ready")[0] == 200


@contextmanager
def _database(folder: Path) -> Iterator[str]:
    """A PostgreSQL that pods reach by its socket, where one is installed; else SQLite in the pod."""
    binaries = postgresql.binaries()
    if binaries is None:
        yield "sqlite:////tmp/likeness.db"
        return
    with postgresql.running(binaries, folder / "postgresql.log") as server:
        url = server.new()
        Path(url.partition("host=")[2]).chmod(0o755)
        yield url
