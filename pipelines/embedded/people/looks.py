"""What is painted on a person's mesh."""

from typing import NamedTuple

from pipelines.embedded.people.arrays import Floats


class Looks(NamedTuple):
    """A person's colours and features. Colours are linear RGB, (3,); the rest are strengths from 0 to about 1."""

    skin: Floats
    lips: Floats
    hair: Floats
    brow: Floats
    iris: Floats
    blush: float
    sockets: float  # shadows around the eyes
    freckles: float
    mole: float
    mole_x: float
    mole_y: float
    beard: float  # how dense
    beard_jaw: float
    beard_moustache: float
    lines: float  # of age
    brow_lift: float
    brow_tall: float
    brow_dense: float
    scalp: float  # hair's colour on the skin beneath it
    strands: float
    grain: int  # seeds the skin's and the hair's pattern
