"""The child process that looks for a watermark in one picture from its standard input, under the kernel's limits of
memory and time, and exits.

In: a line of JSON with the picture's length in bytes, the process's niceness, the limits of decoding and the
watermark's options, then the picture. Out: JSON with the hidden number, which is null if there is none, and the
algorithms that were looked for; or with the reason why this picture can't be looked through; or with the reason why
none can be (`unable`).
"""

import json
import os
import resource
import sys
from typing import TYPE_CHECKING, Any

from PIL import AvifImagePlugin

from models.errors import ReferenceNotAnImage, UnusableReference
from models.watermark import HiddenNumber, WatermarkInfo, WatermarkOptions
from worker.base.apart.memory import limit_memory
from worker.inspection.watermark_apart import MOST_CPU, MOST_MEMORY
from worker.references.decode import ADVICE, decode_here
from worker.references.limits import DecodeLimits

if TYPE_CHECKING:
    from PIL import Image

    from pipelines.watermark.protocol import Watermark


def main() -> None:
    """Looks through the picture on standard input and writes the answer to standard output."""
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU, MOST_CPU + 1))
    # NumPy's threads would spin while they wait, which counts. Nothing has imported it yet.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    # Each thread has frames of its own, so memory would depend on the machine's number of processors.
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    asked = json.loads(sys.stdin.buffer.readline())
    os.nice(asked["niceness"])
    data = sys.stdin.buffer.read(asked["length"])
    sys.stdout.write(json.dumps(_answer(data, asked)))


def _answer(data: bytes, asked: dict[str, Any]) -> dict[str, Any]:
    try:
        from pipelines.watermark.loading import load_readers
    except ImportError as error:
        why = f"What reads watermarks can't be imported ({error}). Install it: pip install '.[watermark]'."
        return {"unable": why}
    watermarks, trouble = load_readers(WatermarkOptions.parse(asked["options"]))
    limit_memory(MOST_MEMORY)
    try:
        hidden = _found(watermarks, decode_here(data, DecodeLimits(**asked["limits"])))
    except UnusableReference as error:
        return {"reason": _of_picture(error)}
    except MemoryError:
        return {"reason": "The picture takes too much memory to look through."}
    if trouble and hidden is None:
        return {"unable": trouble.message}
    looked_for = [watermark.algorithm for watermark in watermarks]
    return {"hidden": hidden and hidden.to_data(), "looked_for": looked_for}


def _of_picture(error: UnusableReference) -> str:
    """The error's message, which is about a reference, in words about any picture."""
    if isinstance(error, ReferenceNotAnImage) and error.message.endswith(ADVICE):
        return "The picture can't be decoded: it is broken, or of an unknown format."
    return error.message.replace("The reference", "The picture")


def _found(watermarks: "tuple[Watermark, ...]", picture: "Image.Image") -> HiddenNumber | None:
    import numpy as np

    pixels = np.asarray(picture)
    for watermark in watermarks:
        number = watermark.find(pixels)
        if number is not None:
            info = WatermarkInfo(algorithm=watermark.algorithm, bits=watermark.bits)
            return HiddenNumber.of(info, number)
    return None


if __name__ == "__main__":
    main()
