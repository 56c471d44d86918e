"""deploy/env.example: the variables that compose.yaml needs, and how it says to make them."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

DEPLOY = Path(__file__).parents[2] / "deploy"
TEXT = (DEPLOY / "env.example").read_text()
REQUIRED = frozenset(re.findall(r"^(\w+)=$", TEXT, re.MULTILINE))
OPTIONAL = dict(re.findall(r"^#(\w+)=(.+)", TEXT, re.MULTILINE))
"""With their defaults."""


def made() -> dict[str, str]:
    """What its commands print for each variable that has one."""
    return {name: _printed(command) for name, command in _commands()}


def _commands() -> Iterator[tuple[str, str]]:
    for command, names in re.findall(r"Make \w+ with: (.+)\n((?:[A-Z0-9_]+=\n)+)", TEXT):
        for name in names.replace("=", "").split():
            yield name, command


def _printed(command: str) -> str:
    return subprocess.run(["bash", "-c", command], check=True, capture_output=True, text=True).stdout.strip()
