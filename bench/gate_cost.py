"""What the likeness gate costs where the device is the bottleneck: the same jobs with it and without, in turns.

python -m bench.gate_cost --jobs 16 --seconds 1 --rounds 3

A machine that is too busy to judge as fast as the device renders gives a ratio that is no property of the gate.
"""

from bench.sides import compare

if __name__ == "__main__":
    sides = {gate: {"LIKENESS_GATE": gate} for gate in ("required", "off")}
    compare("bench.gate_cost", "required", "off", sides, None)
