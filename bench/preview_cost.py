"""What previews cost where the device is the bottleneck: the same jobs with them and without, in turns.

python -m bench.preview_cost --jobs 16 --seconds 1 --rounds 4
"""

from bench.sides import compare

if __name__ == "__main__":
    # Without the gate, which takes much more of the processor and would hide them.
    sides = {name: {"LIKENESS_PREVIEWS": name, "LIKENESS_GATE": "off"} for name in ("on", "off")}
    compare("bench.preview_cost", "on", "off", sides, None)
