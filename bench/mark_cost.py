"""What the watermark costs where the device is the bottleneck: the same jobs with it and without, in turns.

python -m bench.mark_cost --jobs 16 --seconds 1 --rounds 4

LIKENESS_GATE is that of both sides. Unset, it is off: the likeness gate takes much more of the processor than the
watermark does, and on a busy machine it hides it.
"""

import os

from bench.sides import compare

if __name__ == "__main__":
    gate = os.environ.get("LIKENESS_GATE", "off")
    sides = {mode: {"LIKENESS_WATERMARK": mode, "LIKENESS_GATE": gate} for mode in ("required", "off")}
    compare("bench.mark_cost", "required", "off", sides, None)
