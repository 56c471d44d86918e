"""Applies the stated appearance of a persona to the code that was read from its references.

An appearance states what a person has anyway, unless a clone overrides it; which of the two it is can't be known
here. So a statement changes nothing if what was read already fits it, and the person's own brown is kept.
Only English words are understood. Others change nothing, and neither do `style` and `vibe`: a code has no clothes
and no mood, which belong to a view.
"""

from models.influencer import Appearance
from pipelines.embedded.appearance.factors import Directions, Stated, with_factors
from pipelines.embedded.appearance.hair import with_hair_colour, with_hair_style
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.code import Coder

__all__ = ["Directions", "Stated", "as_described"]


def as_described(code: Floats, appearance: Appearance, coder: Coder, directions: Directions) -> Floats:
    """The code (CODE,), changed where it contradicts the appearance. Never raises, whatever the text."""
    code = with_factors(code, appearance, coder, directions)
    code = with_hair_style(code, appearance.hair_style, coder)
    return with_hair_colour(code, appearance.hair_color, coder)
