"""Builds the images, and runs them as Docker and Kubernetes do: `make image-test`.

Needs root, the Debian packages that containers.py lists, and some minutes. Prints what holds, and ends with 1 at
the first thing that doesn't.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from tests.image.build import TAG, build
from tests.image.checks import holds
from tests.image.compose import check_compose
from tests.image.containers import Containers
from tests.image.pods import check_pods
from tests.image.worker import USER, check_worker
from worker.stack import EmbeddedStack


def main(
    volume: Annotated[
        list[str],
        typer.Option(
            help="What of this machine the builds see, as HOST:CONTAINER: a package index, certificates."
        ),
    ] = [],  # noqa: B006 - Typer reads it alone
    built: Annotated[bool, typer.Option("--built", help="Runs the images of the last run.")] = False,
) -> None:
    with TemporaryDirectory(prefix="likeness-image-", dir="/var/tmp") as made:
        folder = Path(made)
        folder.chmod(0o755)
        containers = Containers(folder)
        if not built:
            build(containers, folder, volume)
        _contents(containers)
        with EmbeddedStack(folder / "stack") as stack:
            check_worker(containers, stack, folder)
            check_pods(containers, stack, folder)
            check_compose(containers, folder)
    print("all of it holds")


def _contents(containers: Containers) -> None:
    print("what is in them")

    def python(image: str, code: str) -> str:
        entry = ("--rm", "--network", "host", "--entrypoint", "python")
        return containers.run("podman", "run", *entry, f"{image}:{TAG}", "-c", code)

    heavy = "import importlib.util as u; print([n for n in ('torch', 'diffusers', 'dlib') if u.find_spec(n)])"
    holds("likeness has no torch, no diffusers, no dlib", python("likeness", heavy) == "[]\n")
    holds("likeness-gpu has all three", python("likeness-gpu", heavy) == "['torch', 'diffusers', 'dlib']\n")
    who = python("likeness-gpu", "import os; print(os.getuid())")
    holds(f"the user is {who.strip()}", who == f"{USER}\n")
    left = python("likeness-gpu", "import pathlib; print(list(pathlib.Path('/tmp').iterdir()))")
    holds("nothing is left in /tmp", left == "[]\n", left)


if __name__ == "__main__":
    typer.run(main)
