"""What the watermark costs where the device is the bottleneck: the same jobs with it and without, in turns.

python -m bench.mark_cost --jobs 16 --seconds 1 --rounds 4
"""

from bench.sides import compare

if __name__ == "__main__":
    # Without the gate, which takes much more of the processor and would hide it.
    sides = {mode: {"LIKENESS_WATERMARK": mode, "LIKENESS_GATE": "off"} for mode in ("required", "off")}
    compare("bench.mark_cost", "required", "off", sides, None)
