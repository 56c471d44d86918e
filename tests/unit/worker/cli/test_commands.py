"""The command line as a whole: the order of its help, completion, `--json`, and the table of exit codes."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from worker.base.endings import ExitCode
from worker.cli import app
from worker.cli.added import add_commands
from worker.cli.order import PANELS

DOCS = Path(__file__).parents[4] / "docs" / "commands.md"
# What prints no data: a server, a fetch, or a change that says nothing.
SILENT = {
    "api",
    "certificate create",
    "dead drop",
    "demo",
    "keys revoke",
    "migrate",
    "models fetch",
    "models verify",
    "stack",
    "up",
    "webhooks deliver",
    "worker",
    "workers",
}


def commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def whole() -> Any:
    add_commands(app)
    return typer.main.get_command(app)


def test_every_command_of_ours_has_its_place_in_the_help() -> None:
    ours = whole()
    listed = ours.list_commands(None)
    placed = [name for names in PANELS.values() for name in names]
    assert [name for name in listed if name in placed] == placed
    assert set(listed) - set(placed) <= {"hello"}, "those of another package come last"
    assert ours.get_command(None, "watch").rich_help_panel == "Jobs"


def test_what_prints_data_can_print_json() -> None:
    without = {
        name
        for name, command in commands(whole())
        if not any("--json" in parameter.opts for parameter in command.params)
    }
    # The other tests add `hello`.
    assert without - {"hello"} == SILENT


@pytest.mark.parametrize(
    ("shell", "variables"),
    [
        ("bash", {"COMP_WORDS": "likeness can", "COMP_CWORD": "1"}),
        ("zsh", {"_TYPER_COMPLETE_ARGS": "likeness can"}),
        ("fish", {"_TYPER_COMPLETE_ARGS": "likeness can", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}),
    ],
)
def test_shells_complete_commands(shell: str, variables: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "worker"],
        env=os.environ | variables | {"_LIKENESS_COMPLETE": f"complete_{shell}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "cancel" in done.stdout, done.stderr
    assert "worker" not in done.stdout


def test_the_documents_table_has_every_exit_code() -> None:
    rows = dict(re.findall(r"^\| (\d+) \| `(\w+)` \|", DOCS.read_text(), re.MULTILINE))
    assert rows == {str(int(code)): code.name for code in ExitCode}
