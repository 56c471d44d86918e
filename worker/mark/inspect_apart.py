"""Inspects an image that somebody else may have made, in a child process. This is the caller's end;
`inspect_child.py` is the other.

A hostile manifest may make its reader hang, crash or take all memory; then the process ends, and not its caller.
"""

import json
import subprocess
from typing import Any

from models.errors import InvalidInput, InvalidSettings, LikenessError
from models.inspection import Inspection
from worker.base.apart.caller import EndedBySignalError, run_apart

MOST_MEMORY = 380 * 1024 * 1024
"""The memory limit of such a process in bytes, its interpreter included."""

_CHILD = "worker.mark.inspect_child"
_TIMEOUT = 20.0  # seconds; most of them take one, which is the start of an interpreter
_ERRORS: dict[str, type[LikenessError]] = {kind.code: kind for kind in (InvalidInput, InvalidSettings)}


def inspect_apart(data: bytes, anchors: str | None = None) -> Inspection:
    """Returns and raises what `inspect_image` does. Also raises InvalidInput if what the image states can't be
    read, and Unforeseen if no process can be started or it fails."""
    head = json.dumps({"length": len(data), "anchors": anchors}).encode() + b"\n"
    try:
        output = run_apart(_CHILD, head + data, _TIMEOUT, "inspect an image")
    except subprocess.TimeoutExpired:
        raise InvalidInput(f"What the image states can't be read within {_TIMEOUT:g} s.") from None
    except EndedBySignalError as ended:
        raise InvalidInput(f"What the image states broke its reader (signal {ended.number}).") from None
    answer: dict[str, Any] = json.loads(output)
    if "code" in answer:
        raise _ERRORS[answer["code"]](answer["message"])
    return Inspection.parse(answer)
