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

from tests.image.build import TAG, TARGETS, base_image, build_image, pulled
from tests.image.checks import PATIENCE, free_port, holds, until
from tests.image.containers import Containers
from tests.image.worker import signing_folder
from tests.support.env_example import DEPLOY, REQUIRED, made
from worker.stack.s3_server import find_rclone
from worker.stack.samples import load_sample

_SERVERS = ("redis", "s3", "database")
_OURS = ("api", "webhooks", "worker")
_PROJECT = "likeness-image-test"
# Free ports, and no device of a kind that this machine lacks.
_OVERRIDE = """
services:
  api: {{ports: !override ["127.0.0.1:{api}:8080"]}}
  worker: {{deploy: !reset null}}
  s3: {{ports: !override ["127.0.0.1:{store}:9000"]}}
"""


def check_compose(containers: Containers, folder: Path) -> None:
    print("compose.yaml, by podman-compose")
    project = shutil.copytree(DEPLOY, folder / "deploy")
    # copytree keeps no owners, and only theirs may read the key.
    containers.run("cp", "--archive", signing_folder(folder), project / "signing")
    values = made() | {"S3_HOST": "s3.localhost", "PROFILE": "embedded", "DEVICES": "cpu"}
    holds("env.example has all that it needs", values.keys() >= REQUIRED)
    (project / ".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    api, store = free_port(), free_port()
    (project / "override.yaml").write_text(_OVERRIDE.format(tag=TAG, api=api, store=store))
    images = {name: {"image": image} for name, image in _images(containers, folder).items()}
    (project / "images.yaml").write_text(yaml.safe_dump({"services": images}))
    command = [str(Path(sys.executable).parent / "podman-compose"), "--project-name", _PROJECT]
    for file in ("compose.yaml", "images.yaml", "override.yaml"):
        command += ["--file", str(project / file)]
    try:
        # Without systemd, podman runs no health checks by itself, and nothing that waits for one would start.
        for services in (_SERVERS, _OURS):
            containers.run(*command, "up", "--detach", "--no-deps", *services)
            for name in services:
                until(partial(_is_healthy, containers, name), partial(_log, containers, name))
        print("  each service's health check passes")
        made_key = containers.run("podman", "exec", _container("api"), "likeness", "keys", "create", "acme")
        key = made_key.split()[-1]
        _clone(key, api, store)
    finally:
        containers.run(*command, "down", "--volumes", "--timeout", "30")


def _images(containers: Containers, folder: Path) -> dict[str, str]:
    """Each service's image: ours as they were built, the others' own or what stands in for it."""
    context = folder / "stand-ins"
    shutil.copytree(Path(__file__).parent / "stand_ins", context)
    shutil.copy(find_rclone(), context / "rclone")
    images = {}
    for name, service in yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"].items():
        image = service["image"]
        if image in TARGETS:
            images[name] = f"localhost/{image}:{TAG}"
        elif pulled(containers, image):
            images[name] = image
        else:
            target = re.split("[/:]", image)[-2]
            images[name] = f"localhost/likeness-stand-in-{target}:{TAG}"
            base = f"BASE={base_image(containers, folder)}"
            build_image(containers, context, images[name], "--build-arg", base, "--target", target)
    return images


def _container(service: str) -> str:
    return f"{_PROJECT}_{service}_1"


def _is_healthy(containers: Containers, service: str) -> bool:
    try:
        containers.run("podman", "healthcheck", "run", _container(service))
    except RuntimeError:
        return False
    return True


def _log(containers: Containers, service: str) -> str:
    return containers.logs(_container(service))[-4000:]


def _clone(key: str, port: int, store: int) -> None:
    """A clone over HTTP. An upload and its image go through the store's published port."""
    _, pictures = load_sample("maya")
    base, headers = f"http://127.0.0.1:{port}", {"authorization": f"Bearer {key}"}
    with httpx2.Client(base_url=base, headers=headers, timeout=60) as api:

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
        sent = _at_the_store(
            store, "PUT", upload["uploadUrl"], content=pictures[0], headers=upload["headers"]
        )
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
        picture = _at_the_store(store, "GET", leads)
        holds(
            f"/v1/files leads to its image, {len(picture.content)} bytes",
            picture.headers["content-type"] == "image/png",
            picture.text,
        )


def _at_the_store(
    port: int, method: str, url: str, headers: dict[str, str] | None = None, **content: Any
) -> httpx2.Response:
    """Like a client that knows the store's name, which this machine may not."""
    place = urlsplit(url)
    named = (headers or {}) | {"host": place.netloc}
    here = place._replace(netloc=f"127.0.0.1:{port}").geturl()
    return httpx2.request(method, here, headers=named, timeout=60, **content)
