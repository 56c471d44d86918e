"""Builds the images from Dockerfile.gpu as it is, by buildah."""

import json
import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from tests.image.containers import Containers

ROOT = Path(__file__).parents[2]
TAG = "image-test"
TARGETS = {"likeness": "services", "likeness-gpu": "worker"}
_STAND_IN = f"localhost/likeness-stand-in:{TAG}"
_LEAST = 100_000
_STAND_INS = ("ca-certificates", "python3", "python3-venv", "python3-pip")


def bases() -> list[str]:
    """The images that Dockerfile.gpu begins with."""
    found = re.findall(r"^FROM (\S+:\S+) AS", (ROOT / "Dockerfile.gpu").read_text(), re.MULTILINE)
    return list(dict.fromkeys(found))


def base_image(containers: Containers, folder: Path) -> str:
    """An image of this machine's Debian with its Python, for where the registry can't be reached."""
    if _STAND_IN not in containers.run("buildah", "images", "--format", "{{.Name}}:{{.Tag}}"):
        system = folder / "system"
        release = re.search(r"VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text())
        assert release
        containers.run(
            "debootstrap", "--variant=minbase", f"--include={','.join(_STAND_INS)}", release[1], system
        )
        made = containers.run("buildah", "from", "scratch").strip()
        containers.run("buildah", "add", made, system, "/")
        containers.run("buildah", "commit", "--rm", made, _STAND_IN)
        shutil.rmtree(system)
    return _STAND_IN


def pulled(containers: Containers, image: str) -> bool:
    """Pulls an image of Docker's registry. False: it can't be reached."""
    full = f"docker.io/{image if '/' in image else f'library/{image}'}"
    return bool(containers.run("buildah", "pull", "--quiet", full, may_fail=True))


def build_image(containers: Containers, context: Path, tag: str, *options: str | Path) -> None:
    fixed = ("--layers", "--isolation", "chroot", "--network", "host", "--format", "docker")
    containers.run("buildah", "bud", *fixed, *options, "--tag", tag, context)


def build(containers: Containers, folder: Path, volumes: Sequence[str]) -> None:
    """Builds both images and prints how large each layer is. `volumes`: what of this machine the builds see."""
    options = [word for volume in volumes for word in ("--volume", volume)]
    for base in bases():
        if pulled(containers, base):
            print(f"{base}: pulled")
        else:
            stand_in = f"{base}=container-image://{base_image(containers, folder)}"
            options += ["--build-context", stand_in]
            print(f"{base}: the registry can't be reached; Debian stands in")
    for name, target in TARGETS.items():
        began = time.monotonic()
        file = ("--file", ROOT / "Dockerfile.gpu", "--target", target)
        build_image(containers, ROOT, f"{name}:{TAG}", *options, *file)
        print(f"{name}: built in {time.monotonic() - began:.0f} s")
        print(layers(containers, name))


def layers(containers: Containers, name: str) -> str:
    """A line for each layer, the first at the top, and one for the whole."""
    history = containers.run("podman", "history", "--no-trunc", "--format", "json", f"{name}:{TAG}")
    sized = [
        (row["size"], row["CreatedBy"]) for row in reversed(json.loads(history)) if row["size"] >= _LEAST
    ]
    table = [f"{size / 1e6:9.1f} MB  {_short(command)}" for size, command in sized]
    return "\n".join([*table, f"{sum(size for size, _ in sized) / 1e6:9.1f} MB  {name}"])


def _short(command: str) -> str:
    _, is_shell, said = command.partition(" -c ")
    return " ".join(said.removeprefix("#(nop) ").split())[:84] if is_shell else "the base"
