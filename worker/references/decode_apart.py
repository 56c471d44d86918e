"""Decodes a picture in a child process. This is the caller's end; `decode_child.py` is the other.

A codec takes whatever memory it wants, and a picture of 28 bytes can make it want gigabytes. No header says so
reliably.
"""

import json
import signal
import subprocess
from dataclasses import asdict
from typing import Any

from PIL import Image

from models.errors import (
    ReferenceDecodeHung,
    ReferenceNotAnImage,
    ReferenceTooLarge,
    UnusableReference,
)
from worker.base.apart.caller import EndedBySignalError, run_apart
from worker.references.limits import DecodeLimits

MOST_MEMORY = 380 * 1024 * 1024
"""The memory limit of such a process in bytes, its interpreter included."""

_CHILD = "worker.references.decode_child"
_ERRORS: dict[str, type[UnusableReference]] = {
    kind.code: kind for kind in (UnusableReference, ReferenceNotAnImage, ReferenceTooLarge)
}


def decode_apart(data: bytes, limits: DecodeLimits) -> Image.Image:
    """Returns and raises what `decode_here` does. Also raises ReferenceDecodeHung, and Unforeseen if no process can
    be started or it fails."""
    head = json.dumps({"length": len(data), "limits": asdict(limits)}).encode() + b"\n"
    try:
        output = run_apart(_CHILD, head + data, limits.timeout, "decode a picture")
    except subprocess.TimeoutExpired:
        raise ReferenceDecodeHung(
            f"The reference can't be decoded within {limits.timeout:g} s. Save it anew, or smaller."
        ) from None
    except EndedBySignalError as ended:
        raise _ended_by(ended.number) from None
    line, _, pixels = output.partition(b"\n")
    answer: dict[str, Any] = json.loads(line)
    if "code" in answer:
        raise _ERRORS[answer["code"]](answer["message"], **answer["details"])
    return Image.frombytes("RGB", (answer["width"], answer["height"]), pixels)


def _ended_by(number: int) -> UnusableReference:
    if number == signal.SIGKILL:
        return ReferenceTooLarge("The reference took too much memory to decode. Scale it down.")
    return ReferenceNotAnImage(f"The reference broke its decoder (signal {number}). Save it anew as a PNG.")
