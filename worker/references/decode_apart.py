"""Decodes a picture in a child process. This is the caller's end; `decode_child.py` is the other.

A codec takes whatever memory it wants, and a picture of 28 bytes can make it want gigabytes. No header says so
reliably. A thread's memory can't be limited; a process's can. The process is started for one picture and ends with
it, so nothing that the picture did to it lasts, and it has none of the settings' secrets.
"""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from typing import Any

from PIL import Image

from models.errors import (
    ReferenceDecodeHung,
    ReferenceNotAnImage,
    ReferenceTooLarge,
    Unforeseen,
    UnusableReference,
)
from worker.references.limits import DecodeLimits

MOST_MEMORY = 380 * 1024 * 1024
"""The memory limit of such a process in bytes, its interpreter included."""

_CHILD = "worker.references.decode_child"
# What an interpreter needs to find its modules.
_INHERITED = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG")
_ERRORS: dict[str, type[UnusableReference]] = {
    kind.code: kind for kind in (UnusableReference, ReferenceNotAnImage, ReferenceTooLarge)
}


def decode_apart(data: bytes, limits: DecodeLimits) -> Image.Image:
    """Returns and raises what `decode_here` does. Also raises ReferenceDecodeHung, and Unforeseen if no process can
    be started or it fails."""
    head = json.dumps({"length": len(data), "limits": asdict(limits)}).encode() + b"\n"
    try:
        done = subprocess.run(  # noqa: S603 - this very interpreter
            [sys.executable, "-P", "-m", _CHILD],
            input=head + data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            timeout=limits.timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ReferenceDecodeHung(
            f"The reference can't be decoded within {limits.timeout:g} s. Save it anew, or smaller."
        ) from None
    except OSError as error:
        raise Unforeseen(f"No process can be started to decode a picture ({type(error).__name__}).") from None
    if done.returncode < 0:
        raise _ended_by(-done.returncode)
    if done.returncode:
        raise Unforeseen(f"The process that decodes pictures ended with exit code {done.returncode}.")
    return _answer(done.stdout)


def _answer(output: bytes) -> Image.Image:
    line, _, pixels = output.partition(b"\n")
    answer: dict[str, Any] = json.loads(line)
    if "code" in answer:
        raise _ERRORS[answer["code"]](answer["message"], **answer["details"])
    return Image.frombytes("RGB", (answer["width"], answer["height"]), pixels)


def _ended_by(number: int) -> UnusableReference:
    if number == signal.SIGKILL:
        return ReferenceTooLarge("The reference took too much memory to decode. Scale it down.")
    return ReferenceNotAnImage(f"The reference broke its decoder (signal {number}). Save it anew as a PNG.")


def _environment() -> dict[str, str]:
    # One malloc arena: each further one would count as memory before anything is in it.
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return kept | {"MALLOC_ARENA_MAX": "1"}
