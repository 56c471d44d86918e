"""The colours that skin, hair and eyes may have: sRGB 0 to 255."""

import numpy as np

SKIN = {
    "african": [(120, 80, 58), (96, 62, 44), (146, 100, 74), (74, 48, 36), (168, 120, 90)],
    "asian": [(228, 184, 150), (214, 168, 132), (238, 200, 168), (196, 148, 112), (176, 128, 94)],
    "caucasian": [(232, 190, 168), (222, 172, 146), (240, 205, 186), (205, 156, 128), (190, 140, 112)],
}
LIPSTICK = [(170, 40, 54), (150, 50, 70), (190, 84, 84), (120, 30, 44)]
HAIR = {  # name: (colour, how common)
    "black": ((28, 22, 20), 5.0),
    "dark brown": ((46, 32, 24), 4.0),
    "brown": ((82, 54, 36), 4.0),
    "light brown": ((120, 82, 50), 2.0),
    "dark blond": ((186, 146, 92), 2.0),
    "blond": ((214, 184, 134), 1.0),
    "red": ((120, 48, 26), 1.5),
    "grey": ((150, 148, 146), 1.0),
    "white": ((206, 204, 200), 0.6),
}
GREY_HAIR = [(150, 148, 146), (206, 204, 200), (110, 106, 104)]
EYES = {
    "brown": ((70, 40, 22), 5.0),
    "hazel": ((110, 70, 34), 2.0),
    "blue": ((90, 130, 170), 2.0),
    "grey": ((120, 150, 165), 1.0),
    "green": ((92, 124, 72), 1.5),
    "amber": ((130, 110, 60), 1.0),
}


def pick(rng: np.random.Generator, table: dict[str, tuple[tuple[int, int, int], float]]) -> np.ndarray:
    """One of the table's colours, the common ones more often."""
    weights = np.array([weight for _, weight in table.values()])
    colours = [colour for colour, _ in table.values()]
    return np.array(colours[rng.choice(len(colours), p=weights / weights.sum())], np.float64)
