"""Runs the generators of clients. `python -m tests.support.generators.tools` writes client/ts/src/api.ts."""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from pydantic import SecretStr

from api.app import make_app
from api.settings import ApiSettings
from worker.base.settings import Settings

TYPESCRIPT = Path(__file__).parents[3] / "client" / "ts"
API_TYPES = TYPESCRIPT / "src" / "api.ts"
PACKAGE = "likeness_generated"
"""The import name of a generated Python client."""

_BIN = Path(sys.prefix) / "generators" / "bin"
NODE = str(_BIN / "node")


def require_generators() -> None:
    """Skips the test without them, except in CI."""
    if not (_BIN.parent / "installed").exists():
        assert "CI" not in os.environ, "CI must have the generators"
        pytest.skip("the generators aren't installed: make .venv/generators/installed")


def present_document() -> Any:
    """The OpenAPI document of the code as it is, without a server."""
    app = make_app(Settings(), ApiSettings(database_url=SecretStr("sqlite://")))
    try:
        return app.openapi()
    finally:
        app.state.services.database.close()


def generate_python(document: Any, folder: Path) -> None:
    """Writes the package `likeness_generated` into the folder, with openapi-python-client."""
    path = folder / "openapi.json"
    path.write_text(json.dumps(document))
    output = ("--output-path", folder / PACKAGE, "--meta", "none", "--overwrite")
    run("openapi-python-client", "generate", "--path", path, *output)


def generate_types(document: Any) -> str:
    """The document's TypeScript types, by openapi-typescript."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "openapi.json")
        path.write_text(json.dumps(document))
        command = TYPESCRIPT / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
        run("node", command, path, "--output", Path(folder, "api.ts"))
        return Path(folder, "api.ts").read_text()


def tsc(project: Path, *options: str | Path) -> None:
    """Checks and compiles a TypeScript project. An error is an AssertionError with the compiler's report."""
    run("node", TYPESCRIPT / "node_modules" / "typescript" / "bin" / "tsc", "-p", project, *options)


def start(command: str, *arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    """Starts a program of the generators' environment."""
    path = f"{_BIN}{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen(
        [_BIN / command, *arguments],
        env=os.environ | {"PATH": path} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(command: str, *arguments: str | Path, **environment: str) -> str:
    """Runs a program of the generators' environment, and returns what it printed."""
    with start(command, *arguments, **environment) as process:
        printed, complaints = process.communicate(timeout=100)
    assert process.returncode == 0, printed + complaints
    return printed


def main() -> None:
    API_TYPES.write_text(generate_types(present_document()))


if __name__ == "__main__":
    main()
