"""Processes of an older version, beside today's: its tree out of Git's history, and today's packages."""

import json
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

OLDER = "321f05eb9ae323c7820920da0647cef4469467d7"
"""The version to update from: the last one that was released or, as long as there is none, that many ran. Each
release sets this to the one before it."""

_FILES = """
import json, sys
import api, models, worker
json.dump([api.__file__, models.__file__, worker.__file__], sys.stdout)
"""
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Version:
    """The variables with which `python -m` runs it, whatever the current folder is."""

    name: str
    tree: Path

    @property
    def environment(self) -> dict[str, str]:
        # Without the first, the current folder would come before the path.
        return {"PYTHONSAFEPATH": "1", "PYTHONPATH": str(self.tree)}

    def likeness(self, environment: dict[str, str], *arguments: str) -> str:
        """What its command prints. Fails with what it says if it doesn't end with 0."""
        return self._python(environment, "-m", "worker", *arguments)

    def run(self, environment: dict[str, str], script: str, given: Any = None) -> Any:
        """What a script of Python prints as JSON. `given` is its standard input as JSON."""
        return json.loads(self._python(environment, "-c", script, stdin=json.dumps(given)))

    def require_itself(self) -> None:
        """Fails if what runs isn't its own tree."""
        for file in self.run({}, _FILES):
            assert Path(file).is_relative_to(self.tree), file

    def _python(self, environment: dict[str, str], *arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            env=os.environ | environment | self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def todays() -> Version:
    return Version("today's", _ROOT)


def older(folder: Path) -> Version:
    """The older version, with its tree in `folder`."""
    command = ["git", "-c", f"safe.directory={_ROOT}", "-C", str(_ROOT), "archive", OLDER]
    made = subprocess.run(command, capture_output=True, check=False)
    if made.returncode:
        pytest.fail(
            f"Git can't give out {OLDER}: {made.stderr.decode().strip()}. This test needs a clone with the whole "
            "history: git fetch --unshallow"
        )
    with tarfile.open(fileobj=BytesIO(made.stdout)) as archive:
        archive.extractall(folder, filter="data")
    version = Version("the older", folder)
    version.require_itself()
    return version
