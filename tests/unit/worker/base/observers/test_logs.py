"""The log: every line that a serving process writes is one, and its keys have one name each."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from worker.base.observers.logs import early_format, format_of

ROOT = Path(__file__).parents[5]
FUNCTIONS = {"debug", "info", "warning", "error", "critical", "exception"}
CONTEXTS = {"bind_contextvars", "bound_contextvars"}
# Variables that hold one of those functions.
CHOSEN = {"told", "write"}

NOISY = """
import gc, logging, threading, warnings
from worker.base.observers.serving import serving
from models.errors import QueueUnavailable

class Broken:
    def __del__(self):
        raise ValueError("in a destructor")

with serving():
    warnings.warn("a library's warning")
    logging.getLogger("library").warning("%d", "no number")
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    Broken()
    gc.collect()
    {end}
"""


def run(end: str) -> tuple[int, list[dict[str, str]]]:
    done = subprocess.run(
        [sys.executable, "-c", NOISY.format(end=end)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"LIKENESS_LOG_FORMAT": "json"},
        check=False,
    )
    assert not done.stdout
    return done.returncode, [json.loads(line) for line in done.stderr.splitlines()]


@pytest.mark.parametrize(
    ("end", "code", "event"),
    [
        ("raise KeyError('unforeseen')", 1, "process.crashed"),
        ("raise QueueUnavailable('no Redis')", 1, "process.failed"),
        ("import no_such_module", 1, "process.failed"),
    ],
)
def test_a_serving_process_writes_nothing_but_lines_of_json(end: str, code: int, event: str) -> None:
    ended, lines = run(end)
    assert ended == code
    assert [line["event"] for line in lines[1:]] == ["log.failed", "thread.crashed", "error.ignored", event]
    assert "a library's warning" in lines[0]["event"]
    assert "ZeroDivisionError" in lines[2]["exception"]


def test_lines_are_for_people_on_a_terminal_and_json_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIKENESS_LOG_FORMAT", raising=False)
    for is_terminal, expected in ((True, "console"), (False, "json")):
        monkeypatch.setattr("sys.stderr.isatty", lambda is_terminal=is_terminal: is_terminal)
        assert (format_of(None), early_format()) == (expected, expected)
    monkeypatch.setenv("LIKENESS_LOG_FORMAT", "console")
    assert (format_of("console"), early_format()) == ("console", "console")


def keys() -> dict[str, str]:
    """The keys that log calls in the code name, each with the place of one such call."""
    found: dict[str, str] = {}
    for path in (path for folder in ("worker", "api") for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and logs(node.func):
                found |= {word.arg: f"{path}:{node.lineno}" for word in node.keywords if word.arg}
    return found


def logs(function: ast.expr) -> bool:
    match function:
        case ast.Name(id=name):
            return name in CHOSEN
        case ast.Attribute(value=ast.Name(id="log"), attr=name):
            return name in FUNCTIONS
        case ast.Attribute(attr=name):
            return name in CONTEXTS
    return False


def test_each_key_has_one_name() -> None:
    found = keys()
    found.pop("exc_info")  # structlog's own word; in the line it is `exception`.
    assert {"jobId", "requestId", "keyId", "webhookId", "code"} <= found.keys()
    wrong = {key: place for key, place in found.items() if not re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", key)}
    assert wrong == {}
    assert len({key.lower() for key in found}) == len(found)
    assert {"job", "request", "key", "webhook"} & found.keys() == set()
