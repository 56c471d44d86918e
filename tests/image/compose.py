"""compose.yaml as it is, by podman-compose: all its services, but with a CPU for the device."""

import re
import shutil
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import yaml

from tests.image.build import TAG, base_image
from tests.image.checks import PATIENCE, holds, until
from tests.image.containers import Containers
from tests.image.worker import signing_folder
from tests.support.env_example import DEPLOY, REQUIRED, made
from worker.stack.s3_server import find_rclone
from worker.stack.samples import load_sample

_API = "http://127.0.0.1:8080"
_SERVERS = ("redis", "s3", "database")
_OURS = ("api", "webhooks", "worker")
# Names of this machine's own images, and no device of a kind that it lacks.
_OVERRIDE = f"""
services:
  api: {{image: localhost/likeness:{TAG}}}
  webhooks: {{image: localhost/likeness:{TAG}}}
  worker: {{image: localhost/likeness-gpu:{TAG}, deploy: !reset null}}
"""


def check_compose(containers: Containers, folder: Path) -> None:
    print("compose.yaml, by podman-compose")
    _servers(containers, folder)
    project = shutil.copytree(DEPLOY, folder / "deploy")
    shutil.copytree(signing_folder(folder), project / "signing")
    containers.run("chown", "--recursive", "--reference", folder / "signing", project / "signing")
    values = made() | {"S3_HOST": "s3.localhost", "PROFILE": "embedded", "DEVICES": "cpu"}
    holds("env.example has all that it needs", values.keys() >= REQUIRED)
    (project / ".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    (project / "override.yaml").write_text(_OVERRIDE)
    command = [str(Path(sys.executable).parent / "podman-compose")]
    for file in ("compose.yaml", "override.yaml"):
        command += ["--file", str(project / file)]
    try:
        # Without systemd, podman runs no health checks by itself, and nothing that waits for one would start.
        for services in (_SERVERS, _OURS):
            containers.run(*command, "up", "--detach", "--no-deps", *services)
            for name in services:
                until(partial(_is_healthy, containers, name), partial(_log, containers, name))
        print("  each service's health check passes")
        key = containers.run(
            "podman", "exec", "likeness_api_1", "likeness", "keys", "create", "acme"
        ).split()[-1]
        _clone(key)
    finally:
        containers.run(*command, "down", "--volumes", "--timeout", "30")


def _servers(containers: Containers, folder: Path) -> None:
    """Pulls the images of the other services, or builds what stands in for them."""
    images = [
        service["image"]
        for service in yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"].values()
        if ":" in service["image"]
    ]
    context = folder / "stand-ins"
    shutil.copytree(Path(__file__).parent / "stand_ins", context)
    shutil.copy(find_rclone(), context / "rclone")
    for image in images:
        full = f"docker.io/{image if '/' in image else f'library/{image}'}"
        if containers.run("buildah", "pull", "--quiet", full, may_fail=True):
            continue
        target = re.split("[/:]", image)[-2]
        containers.run(
            *(
                "buildah",
                "bud",
                "--layers",
                "--isolation",
                "chroot",
                "--network",
                "host",
                "--format",
                "docker",
            ),
            *(
                "--build-arg",
                f"BASE={base_image(containers, folder)}",
                "--target",
                target,
                "--tag",
                full,
                context,
            ),
        )


def _is_healthy(containers: Containers, service: str) -> bool:
    try:
        containers.run("podman", "healthcheck", "run", f"likeness_{service}_1")
    except RuntimeError:
        return False
    return True


def _log(containers: Containers, service: str) -> str:
    return containers.logs(f"likeness_{service}_1")[-4000:]


def _clone(key: str) -> None:
    """A clone over HTTP. An upload and its image go through the store's published port."""
    _, pictures = load_sample("maya")
    with httpx2.Client(base_url=_API, headers={"authorization": f"Bearer {key}"}, timeout=60) as api:

        def call(method: str, path: str, **content: Any) -> Any:
            answer = api.request(method, path, **content)
            if answer.is_error:
                raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text}")
            return answer.json() if answer.content else None

        project = call("POST", "/v1/projects", json={"name": "Spring"})["projectId"]
        upload = call(
            "POST",
            f"/v1/projects/{project}/media/uploads",
            json={"mediaType": "image/webp", "bytes": len(pictures[0])},
        )
        sent = _at_the_store("PUT", upload["uploadUrl"], content=pictures[0], headers=upload["headers"])
        holds("a picture can be put to its upload's URL", sent.status_code == 200, sent.text)
        call("POST", f"/v1/media/{upload['assetId']}/finalize")
        persona = call(
            "POST",
            f"/v1/projects/{project}/influencers",
            json={"name": "Maya", "referenceImages": {"assetIds": [upload["assetId"]]}},
        )
        clone = f"/v1/influencers/{persona['influencerId']}/clone"
        job = call("POST", clone, json={"name": "Maya (B variant)", "shots": ["front"]})["jobId"]
        deadline = time.monotonic() + PATIENCE
        while (record := call("GET", f"/v1/jobs/{job}"))[
            "status"
        ] == "running" and time.monotonic() < deadline:
            time.sleep(1)
        holds(f"a clone over HTTP is {record['status']}", record["status"] == "completed", str(record))
        (image,) = record["result"]["images"]
        leads = api.get(f"/v1/files/{image['assetId']}").headers["location"]
        picture = _at_the_store("GET", leads)
        holds(
            f"/v1/files leads to its image, {len(picture.content)} bytes",
            picture.headers["content-type"] == "image/png",
            picture.text,
        )


def _at_the_store(
    method: str, url: str, headers: dict[str, str] | None = None, **content: Any
) -> httpx2.Response:
    """Like a client that knows the store's name, which this machine may not."""
    place = urlsplit(url)
    named = (headers or {}) | {"host": place.netloc}
    here = place._replace(netloc=f"127.0.0.1:{place.port}").geturl()
    return httpx2.request(method, here, headers=named, timeout=60, **content)
