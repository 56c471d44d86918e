"""deploy/kubernetes as kustomize renders it, and as Helm does. Both come with Python packages."""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import helm_python
import yaml

KUBERNETES = Path(__file__).parents[2] / "deploy" / "kubernetes"
COMPONENTS = sorted(
    str(path.parent.relative_to(KUBERNETES / "components"))
    for path in KUBERNETES.glob("components/**/kustomization.yaml")
)

Manifest = dict[str, Any]


def documents(path: Path) -> list[Manifest]:
    return list(yaml.safe_load_all(path.read_text()))


def kustomized(components: Sequence[str], folder: Path) -> list[Manifest]:
    """What `kubectl kustomize` prints for an overlay with these components. `folder` gets a copy, with a secret."""
    base = shutil.copytree(KUBERNETES, folder / "kubernetes")
    shutil.copy(base / "secret.example.yaml", base / "secret.yaml")
    overlay = folder / "overlay"
    overlay.mkdir()
    content = {
        "resources": ["../kubernetes"],
        "components": [f"../kubernetes/components/{component}" for component in components],
    }
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump(content))
    command = [str(Path(sys.executable).parent / "kubectl"), "kustomize", str(overlay)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return list(yaml.safe_load_all(done.stdout))


def charted(values: Manifest, namespace: str = "likeness", chart: Path = KUBERNETES) -> list[Manifest]:
    """What `helm template` prints for these values. Raises helm_python's errors."""
    with closing(helm_python.Chart.load(str(chart))) as loaded:
        rendered = loaded.render(values, name="likeness", namespace=namespace)
    return list(yaml.safe_load_all(rendered["likeness/templates/all.yaml"]))


def named(manifests: Iterable[Manifest]) -> dict[tuple[str, str], Manifest]:
    """The manifests by kind and name."""
    found = {(one["kind"], one["metadata"]["name"]): one for one in manifests if one}
    return dict(sorted(found.items()))


def pod_of(manifest: Manifest) -> Manifest:
    """The pod's spec of a Deployment or a CronJob."""
    spec: Manifest = manifest["spec"].get("jobTemplate", manifest)["spec"]
    return spec["template"]["spec"]  # type: ignore[no-any-return]
