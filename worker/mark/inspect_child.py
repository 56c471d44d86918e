"""The child process that inspects one image from its standard input, under a kernel memory limit, and exits.

In: a line of JSON with the image's length in bytes and the trusted roots in PEM or null, then the image. Out: the
Inspection as JSON; or an error's code and message.
"""

import json
import os
import sys
from typing import Any

from models.errors import InvalidInput, InvalidSettings
from worker.base.apart.memory import limit_memory
from worker.mark.inspect_apart import MOST_MEMORY
from worker.mark.inspection import inspect_image

# Bytes of an answer. Ours have some kilobytes; an image can state what it likes.
_MOST_ANSWER = 256 * 1024


def main() -> None:
    """Inspects the image on standard input and writes the answer to standard output."""
    limit_memory(MOST_MEMORY)
    # Whoever asks for many inspections doesn't slow other requests down.
    os.nice(10)
    asked = json.loads(sys.stdin.buffer.readline())
    data = sys.stdin.buffer.read(asked["length"])
    sys.stdout.write(json.dumps(answer(data, asked["anchors"])))


def answer(data: bytes, anchors: str | None) -> dict[str, Any]:
    """The inspection as JSON data, or an error's code and message."""
    try:
        found = inspect_image(data, anchors)
        if len(found.to_json()) <= _MOST_ANSWER:
            return found.to_data()
        reason = "it is too long"
    except (InvalidInput, InvalidSettings) as error:
        return {"code": error.code, "message": error.message}
    except Exception as error:  # noqa: BLE001 - a statement can be of any shape
        reason = type(error).__name__
    return {"code": InvalidInput.code, "message": f"What the image states can't be read ({reason})."}


if __name__ == "__main__":
    main()
