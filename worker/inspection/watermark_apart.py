"""Looks for a watermark in a picture, in a child process. This is the caller's end; `watermark_child.py` is the
other.

A hostile picture may make a decoder hang, crash or take all memory; then the process ends, and not its caller.
"""

import json
import signal
import subprocess
from dataclasses import asdict, replace
from typing import Any

from models.errors import WatermarkModelMissing
from models.inspection import WatermarkFinding
from models.watermark import HiddenNumber
from worker.base.apart.caller import EndedBySignalError, run_apart
from worker.base.settings import Settings
from worker.mark.watermark.options import watermark_options_of
from worker.references.limits import DecodeLimits

MOST_MEMORY = 1024 * 1024 * 1024
"""The memory limit of such a process in bytes, on top of what its libraries take."""

MOST_CPU = 30
"""Seconds of processor time that it may take. Most pictures take one to three."""

_CHILD = "worker.inspection.watermark_child"
# In seconds; far more than MOST_CPU, since a busy machine lets it wait.
_TIMEOUT = 120.0
# Watermarks are made to survive scaling, and larger pictures take longer to look through. In pixels.
_MOST_SIDE = 2048


def find_watermark(data: bytes, settings: Settings, niceness: int = 0) -> WatermarkFinding:
    """Looks for a watermark, at a lower priority if `niceness` is above 0. If the picture can't be looked through,
    it says why. Raises WatermarkModelMissing if none can be, since something isn't installed or can't be loaded:
    its message is for the operator. Also raises Unforeseen if no process can be started, or it fails."""
    limits = replace(DecodeLimits.from_settings(settings), min_side=1, max_side=_MOST_SIDE)
    asked = {
        "length": len(data),
        "niceness": niceness,
        "limits": asdict(limits),
        "options": watermark_options_of(settings).to_data(),
    }
    try:
        output = run_apart(
            _CHILD, json.dumps(asked).encode() + b"\n" + data, _TIMEOUT, "look for a watermark"
        )
    except subprocess.TimeoutExpired:
        return WatermarkFinding(reason=f"The picture can't be looked through within {_TIMEOUT:g} s.")
    except EndedBySignalError as ended:
        if ended.number == signal.SIGXCPU:
            return WatermarkFinding(reason=f"The picture can't be looked through within {MOST_CPU} s.")
        return WatermarkFinding(reason=f"The picture broke its reader (signal {ended.number}).")
    answer: dict[str, Any] = json.loads(output)
    if "unable" in answer:
        raise WatermarkModelMissing(answer["unable"])
    if "reason" in answer:
        return WatermarkFinding(reason=answer["reason"])
    hidden = answer["hidden"]
    return WatermarkFinding(
        found=hidden is not None,
        looked_for=tuple(answer["looked_for"]),
        hidden=hidden and HiddenNumber.parse(hidden),
    )
