"""What deploy/kubernetes says, as kustomize and Helm render it. No cluster is asked."""

import re
import shutil
import tarfile
from pathlib import Path
from typing import Any

import helm_python
import kubernetes_validate
import pytest

from api.metrics import QueueMetrics
from api.settings import ApiSettings
from models.operations import Backlog, TierQueue
from tests.support.manifests import (
    COMPONENTS,
    KUBERNETES,
    Manifest,
    charted,
    documents,
    kustomized,
    named,
    pod_of,
)
from worker.base.settings import DEFAULT_TIER, Settings
from worker.queue.fleet.backlog import BacklogReader

OF_OTHERS = {"ScaledObject", "ServiceMonitor", "PodMonitor"}
CHART_HAS_NONE = {"Namespace", "Secret"}
PROFILES = [component for component in COMPONENTS if component.startswith("profiles/")]
REST = [component for component in COMPONENTS if component not in PROFILES]
CHOICES = [[], *([component] for component in COMPONENTS), [*REST, PROFILES[-1]]]


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Manifest]:
    return named(kustomized(REST, tmp_path_factory.mktemp("kustomize")))


def alike(value: Any) -> Any:
    """Without what means nothing: the order of named things, and the namespace, which Helm leaves out."""
    if isinstance(value, dict):
        return {key: alike(one) for key, one in value.items() if key != "namespace"}
    if isinstance(value, list):
        items = [alike(one) for one in value]
        is_named = all(isinstance(one, dict) and "name" in one for one in items)
        return sorted(items, key=lambda one: str(one["name"])) if is_named else items
    return value


@pytest.mark.parametrize("components", CHOICES, ids=",".join)
def test_helm_renders_what_kustomize_does(components: list[str], tmp_path: Path) -> None:
    expected = {
        key: one
        for key, one in named(kustomized(components, tmp_path)).items()
        if one["kind"] not in CHART_HAS_NONE
    }
    assert alike(named(charted({"components": components}))) == alike(expected)


def test_helm_finds_nothing_to_complain_of() -> None:
    found = helm_python.lint(str(KUBERNETES))
    assert [one["error"] for one in found["messages"]] == ["icon is recommended"]


def test_manifests_are_what_kubernetes_takes(everything: dict[tuple[str, str], Manifest]) -> None:
    assert {kind for kind, _ in everything} >= OF_OTHERS
    for (kind, _), manifest in everything.items():
        if kind not in OF_OTHERS:
            kubernetes_validate.validate(manifest, "1.34", strict=True)


def test_every_variable_is_a_setting(everything: dict[tuple[str, str], Manifest]) -> None:
    known = {f"LIKENESS_{name.upper()}" for model in (Settings, ApiSettings) for name in model.model_fields}
    text = "\n".join(path.read_text() for path in KUBERNETES.rglob("*.yaml"))
    assert set(re.findall(r"LIKENESS_\w+", text)) - {"LIKENESS_"} <= known


def test_the_kustomization_has_every_manifest_and_names_every_component() -> None:
    (kustomization,) = documents(KUBERNETES / "kustomization.yaml")
    no_manifests = {"kustomization.yaml", "Chart.yaml", "values.yaml"}
    written = {path.name.replace(".example", "") for path in KUBERNETES.glob("*.yaml")} - no_manifests
    assert set(kustomization["resources"]) == written
    text = (KUBERNETES / "kustomization.yaml").read_text()
    assert all(f"components/{component}" in text for component in REST)


def test_what_a_manifest_names_is_there(everything: dict[tuple[str, str], Manifest]) -> None:
    for (kind, _), manifest in everything.items():
        if kind not in {"Deployment", "CronJob"}:
            continue
        pod = pod_of(manifest)
        for source in pod["containers"][0]["envFrom"]:
            for key, name in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                assert key not in source or (name, source[key]["name"]) in everything
        for volume in pod.get("volumes", []):
            assert ("Secret", volume["secret"]["secretName"]) in everything


def test_selectors_meet_pods_and_ports(everything: dict[tuple[str, str], Manifest]) -> None:
    pods = {
        name: manifest["spec"]["template"]
        for (kind, name), manifest in everything.items()
        if kind == "Deployment"
    }
    ports = {
        name: {port["name"] for port in pod["spec"]["containers"][0]["ports"]} for name, pod in pods.items()
    }
    for (kind, _), manifest in everything.items():
        if kind == "Service":
            app = manifest["spec"]["selector"]["app"]
            assert {port["targetPort"] for port in manifest["spec"]["ports"]} <= ports[app]
        if kind == "PodDisruptionBudget":
            assert manifest["spec"]["selector"]["matchLabels"]["app"] in pods
    assert all(pod["metadata"]["labels"] == {"app": name} for name, pod in pods.items())
    monitored = everything["PodMonitor", "workers-and-webhooks"]["spec"]
    assert all("probes" in ports[app] for app in monitored["selector"]["matchExpressions"][0]["values"])
    metrics = everything["Service", "api-metrics"]
    monitor = everything["ServiceMonitor", "api"]["spec"]
    assert monitor["selector"]["matchLabels"] == metrics["metadata"]["labels"]
    assert [one["port"] for one in monitor["endpoints"]] == [one["name"] for one in metrics["spec"]["ports"]]


@pytest.mark.parametrize("name", ["worker", "webhooks", "api"])
def test_a_pod_has_probes_and_no_rights(name: str, everything: dict[tuple[str, str], Manifest]) -> None:
    pod = pod_of(everything["Deployment", name])
    container = pod["containers"][0]
    assert container["livenessProbe"]["httpGet"]["path"] == "/live"
    assert container["readinessProbe"]["httpGet"]["path"] == "/ready"
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("components", [[], ["keda"]], ids=["alone", "keda"])
def test_a_worker_has_time_to_drain(components: list[str]) -> None:
    pod = pod_of(named(charted({"components": components}))["Deployment", "worker"])
    variables = {one["name"]: one["value"] for one in pod["containers"][0]["env"]}
    grace = float(variables["LIKENESS_DRAIN_GRACE"])
    assert pod["terminationGracePeriodSeconds"] > grace + 5
    assert grace >= Settings().drain_grace


class FixedBacklog(BacklogReader):
    def __init__(self) -> None:
        pass

    def read(self) -> Backlog:
        tier = TierQueue(tier=DEFAULT_TIER, waiting=3, parked=5, held=2, oldest_waiting_seconds=1)
        return Backlog(tiers=(tier,), workers=(), dead_letters=0, webhooks_pending=0)


def test_keda_adds_up_gauges_that_the_api_has(everything: dict[tuple[str, str], Manifest]) -> None:
    spec = everything["ScaledObject", "worker"]["spec"]
    text = QueueMetrics(FixedBacklog()).exposition("")[0].decode()
    read = {}
    for trigger in spec["triggers"]:
        metadata = trigger["metadata"]
        # KEDA takes the first line that has the name and these labels.
        name, labels = re.fullmatch(r"(\w+)\{(.+)\}", metadata["valueLocation"]).groups()  # type: ignore[union-attr]
        lines = [line for line in text.splitlines() if line.startswith(f"{name}{{")]
        (value,) = (line.split()[-1] for line in lines if all(label in line for label in labels.split(",")))
        read[trigger["name"]] = float(value)
    assert read == {"waiting": 3, "held": 2}
    assert spec["advanced"]["scalingModifiers"]["formula"] == " + ".join(read)
    service = everything["Service", "api-metrics"]
    port = service["spec"]["ports"][0]["port"]
    assert {trigger["metadata"]["url"] for trigger in spec["triggers"]} == {
        f"http://api-metrics.{service['metadata']['namespace']}.svc:{port}/metrics"
    }
    patience = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert min(spec["cooldownPeriod"], patience["stabilizationWindowSeconds"]) > Settings().load_timeout
    # KEDA says how many there are.
    assert "replicas" not in everything["Deployment", "worker"]["spec"]


def test_a_profile_has_the_memory_that_the_readme_says() -> None:
    readme = (KUBERNETES.parents[1] / "README.md").read_text()
    rows = re.findall(r"^\| `([\w-]+)` \|(?:[^|]*\|){4} (\d+) GB \|", readme, re.MULTILINE)
    assert {f"profiles/{profile}" for profile, _ in rows} - {"profiles/flux2-klein"} == set(PROFILES)
    for profile, memory in rows:
        components = [] if profile == "flux2-klein" else [f"profiles/{profile}"]
        container = pod_of(named(charted({"components": components}))["Deployment", "worker"])["containers"][
            0
        ]
        resources = container["resources"]
        assert resources["requests"]["memory"] == f"{memory}Gi"
        assert int(resources["limits"]["memory"].removesuffix("Gi")) >= int(memory) + 8
        assert resources["limits"]["nvidia.com/gpu"] == "1"
        assert components == [] or {"name": "LIKENESS_PROFILE", "value": profile} in container["env"]


def test_values_change_what_users_of_charts_expect() -> None:
    values = {
        "components": ["keda", "ingress"],
        "images": {"likeness-gpu": "registry.internal/gpu:7"},
        "config": {
            "LIKENESS_S3_BUCKET": "ours",
            "LIKENESS_REFERENCE_MAX_BYTES": 33554432,
            "LIKENESS_FETCH_TIMEOUT": 2.5,
            "LIKENESS_TIERS": {"gold": ["p1"]},
        },
        "secrets": {"likeness": "ours", "likeness-signing": "our-signing"},
        "worker": {
            "resources": {"requests": {"memory": "48Gi"}},
            "env": {"LIKENESS_DRAIN_GRACE": 60, "LIKENESS_COMPILE": True},
            "pod": {
                "nodeSelector": {"gpu": "l40s"},
                "runtimeClassName": "nvidia",
                "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
            },
            "podAnnotations": {"team": "render"},
        },
        "api": {"replicas": 5},
        "ingress": {"host": "likeness.internal", "className": "nginx", "tlsSecret": "ours"},
    }
    rendered = named(charted(values, namespace="render"))
    template = rendered["Deployment", "worker"]["spec"]["template"]
    pod, (container,) = template["spec"], template["spec"]["containers"]
    assert template["metadata"] == {"labels": {"app": "worker"}, "annotations": {"team": "render"}}
    assert (pod["nodeSelector"], pod["runtimeClassName"]) == ({"gpu": "l40s"}, "nvidia")
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists"}]
    assert pod["volumes"][0]["secret"]["secretName"] == "our-signing"
    assert container["image"] == "registry.internal/gpu:7"
    assert container["resources"]["requests"] == {"cpu": "2", "memory": "48Gi"}
    assert {"secretRef": {"name": "ours"}} in container["envFrom"]
    variables = {one["name"]: one["value"] for one in container["env"]}
    assert variables["LIKENESS_DRAIN_GRACE"] == "60"
    assert variables["LIKENESS_COMPILE"] == "true"
    assert variables["LIKENESS_SIGN_KEY"] == "/signing/key.pem"
    config = rendered["ConfigMap", "likeness"]["data"]
    assert config["LIKENESS_S3_BUCKET"] == "ours"
    assert config["LIKENESS_REFERENCE_MAX_BYTES"] == "33554432"
    assert config["LIKENESS_FETCH_TIMEOUT"] == "2.5"
    assert config["LIKENESS_TIERS"] == '{"gold":["p1"]}'
    assert config["LIKENESS_HTTP_PORT"] == "9090"
    assert rendered["Deployment", "api"]["spec"]["replicas"] == 5
    ingress = rendered["Ingress", "api"]["spec"]
    assert ingress["ingressClassName"] == "nginx"
    assert ingress["tls"] == [{"hosts": ["likeness.internal"], "secretName": "ours"}]
    assert ingress["rules"][0]["host"] == "likeness.internal"
    urls = {one["metadata"]["url"] for one in rendered["ScaledObject", "worker"]["spec"]["triggers"]}
    assert urls == {"http://api-metrics.render.svc:9090/metrics"}
    for (kind, _), manifest in rendered.items():
        if kind not in OF_OTHERS:
            kubernetes_validate.validate(manifest, "1.34", strict=True)


def test_a_pod_can_have_further_containers_and_its_own_is_not_lost() -> None:
    proxy = {"name": "proxy", "image": "proxy:1"}
    values = {
        "pod": {
            "containers": [proxy, {"name": "worker", "imagePullPolicy": "Always"}],
            "volumes": [{"name": "cache", "emptyDir": {}}],
        },
        "env": {"LIKENESS_COMPILE": True},
    }
    pod = pod_of(named(charted({"worker": values}))["Deployment", "worker"])
    worker, other = pod["containers"]
    assert other == proxy
    assert (worker["name"], worker["imagePullPolicy"]) == ("worker", "Always")
    assert {"name": "LIKENESS_COMPILE", "value": "true"} in worker["env"]
    assert [volume["name"] for volume in pod["volumes"]] == ["signing", "cache"]


def test_keda_s_limits_are_values() -> None:
    keda = {"minReplicaCount": 0, "maxReplicaCount": 12}
    spec = named(charted({"components": ["keda"], "keda": keda}))["ScaledObject", "worker"]["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"], spec["pollingInterval"]) == (0, 12, 15)


def test_no_url_of_an_example_reaches_images() -> None:
    """What a deployment may leave out has no value that would be wrong there."""
    config = named(charted({}))["ConfigMap", "likeness"]["data"]
    examples = {name for name, value in config.items() if "example" in value}
    assert examples == {"LIKENESS_S3_ENDPOINT_URL"}, "which everybody has to set"


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"components": ["kedda"]}, "there is no components/kedda"),
        ({"worker": {"replica": 2}}, "replica"),
        ({"config": {"S3_BUCKET": "ours"}}, "S3_BUCKET"),
        ({"images": {"worker": "a:1"}}, "worker"),
        ({"keda": {"maxReplicaCount": 2}}, "add keda to components"),
        ({"ingress": {"host": "likeness.internal"}}, "add ingress to components"),
        ({"components": ["keda"], "worker": {"replicas": 2}}, "keda.maxReplicaCount"),
        ({"config": {"LIKENESS_HTTP_PORT": 9091}}, "LIKENESS_HTTP_PORT: the probes"),
        ({"api": {"env": {"LIKENESS_API_PORT": 80}}}, "LIKENESS_API_PORT: the probes"),
    ],
    ids=["component", "deployment", "setting", "image", "keda", "ingress", "replicas", "port", "own port"],
)
def test_a_misspelt_value_is_refused(values: Manifest, complaint: str) -> None:
    with pytest.raises(helm_python.HelmError, match=complaint):
        charted(values)


def test_the_chart_has_the_packages_version() -> None:
    (chart,) = documents(KUBERNETES / "Chart.yaml")
    project = (KUBERNETES.parents[1] / "pyproject.toml").read_text()
    assert f'\nversion = "{chart["appVersion"]}"\n' in project
    assert chart["version"] == chart["appVersion"]


def test_a_packed_chart_has_no_secret_and_renders_the_same(tmp_path: Path) -> None:
    folder = shutil.copytree(KUBERNETES, tmp_path / "chart")
    (folder / "secret.yaml").write_text("apiVersion: v1")
    packed = helm_python.package(str(folder), destination=str(tmp_path))
    with tarfile.open(packed) as archive:
        names = set(archive.getnames())
    assert "likeness/worker.yaml" in names
    assert "likeness/secret.yaml" not in names
    values = {"components": COMPONENTS[:2]}
    assert charted(values, chart=Path(packed)) == charted(values)
