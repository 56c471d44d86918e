"""Each documented installation brings what its commands import, those imports included that wait for a call.

The tests' own environment has every extra, so a missing one shows nowhere else.
"""

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
OURS = {"models", "pipelines", "worker", "api"}
# Spans are off where their package is missing; TrustMark has an extra of its own, which its error names.
OPTIONAL = {"opentelemetry", "onnxruntime"}
# What dlib-bin's metadata don't say.
OWNERS = {"dlib": ["dlib-bin"]}

INSTALLATIONS = {
    (): ("worker.client", "worker.cli.jobs.submit", "worker.cli.operations.queue"),
    ("worker", "render", "gate"): (
        "worker.node.app",
        "worker.render.child",
        "worker.verify.child",
        "worker.cli.operations.dead",
        "worker.cli.doctor",
        "worker.cli.faces.calibrate",
        "worker.cli.faces.verify",
        "worker.cli.gc",
        "worker.cli.health",
        "worker.cli.inspect",
        "worker.cli.models",
        "worker.cli.workers",
    ),
    ("webhooks",): ("worker.webhooks.deliverer", "worker.cli.operations.webhooks"),
    ("api",): (
        "api.server",
        "api.cli.api",
        "api.cli.keys",
        "api.cli.migrate",
        # What it starts for pictures of others.
        "worker.references.decode_child",
        "worker.mark.inspect_child",
        "worker.inspection.watermark_child",
    ),
    # The image `likeness`.
    ("api", "webhooks"): ("worker.cli.gc", "worker.cli.health", "worker.cli.inspect"),
}


def file_of(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()), None)


def is_for_types_alone(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports_in(node: ast.AST) -> Iterator[str]:
    """Every module that the code names in an import, at its top or within a function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (name.name for name in child.names)
        elif isinstance(child, ast.ImportFrom) and child.module:
            yield child.module
            yield from (f"{child.module}.{name.name}" for name in child.names)
        elif not is_for_types_alone(child):
            yield from imports_in(child)


def others_packages(modules: tuple[str, ...]) -> set[str]:
    """The top-level packages of others that these modules of ours import, directly or through others of ours."""
    found = set()
    seen: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        top = module.partition(".")[0]
        if top not in OURS:
            found.add(top)
        elif module not in seen and (file := file_of(module)):
            seen.add(module)
            waiting += imports_in(ast.parse(file.read_text()))
    return found - sys.stdlib_module_names - OPTIONAL


def installed_with(extras: tuple[str, ...]) -> set[str]:
    """The distributions that `pip install 'likeness-worker[extras]'` brings."""
    found = set()
    waiting = [("likeness-worker", extra) for extra in ("", *extras)]
    while waiting:
        wanted = waiting.pop()
        if wanted in found:
            continue
        found.add(wanted)
        distribution, extra = wanted
        try:
            requirements = [Requirement(line) for line in requires(distribution) or ()]
        except PackageNotFoundError:
            continue
        for one in requirements:
            if one.marker is None or one.marker.evaluate({"extra": extra}):
                waiting += [(canonicalize_name(one.name), further) for further in ("", *one.extras)]
    return {distribution for distribution, _ in found}


@pytest.mark.parametrize("extras", INSTALLATIONS, ids=lambda extras: ",".join(extras) or "none")
def test_an_installation_brings_what_its_commands_import(extras: tuple[str, ...]) -> None:
    brought = installed_with(extras)
    owners = {**packages_distributions(), **OWNERS}
    missing = {
        package
        for package in others_packages(INSTALLATIONS[extras])
        if not {canonicalize_name(owner) for owner in owners.get(package, ())} & brought
    }
    assert not missing


def test_the_check_sees_what_an_installation_lacks() -> None:
    packages = others_packages(("worker.cli.doctor",))
    assert {"publicsuffixlist", "boto3"} <= packages
    assert "boto3" not in installed_with(())
