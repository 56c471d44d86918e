"""The child process that decodes one picture from its standard input, under a kernel memory limit, and exits.

In: a line of JSON with the picture's length in bytes and the limits, then the picture. Out: a line of JSON with the
result's size in pixels, then its RGB pixels; or the error's code, message and details.
"""

import json
import sys

from PIL import AvifImagePlugin

from models.errors import UnusableReference
from worker.base.apart.memory import limit_memory
from worker.references.decode import decode_here
from worker.references.decode_apart import MOST_MEMORY
from worker.references.limits import DecodeLimits


def main() -> None:
    """Decodes the picture on standard input and writes the answer to standard output."""
    limit_memory(MOST_MEMORY)
    # Each thread has frames of its own, so memory would depend on the machine's number of processors.
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    asked = json.loads(sys.stdin.buffer.readline())
    data = sys.stdin.buffer.read(asked["length"])
    try:
        picture = decode_here(data, DecodeLimits(**asked["limits"]))
    except UnusableReference as error:
        _write({"code": error.code, "message": error.message, "details": error.details})
    else:
        _write({"width": picture.width, "height": picture.height}, picture.tobytes())


def _write(answer: object, pixels: bytes = b"") -> None:
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + pixels)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
