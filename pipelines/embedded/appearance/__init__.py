"""What is stated of a persona's appearance, applied to the code that was read from its references.

An appearance states what a person has anyway, unless a clone overrides it; which of both it is can't be told
here. So a statement that what was read already fits changes nothing, and keeps the person's own brown.
English words are understood. Others change nothing, and so do `style` and `vibe`: a code has no clothes and no
mood, which are a view's.
"""

from models.influencer import Appearance
from pipelines.embedded.appearance.factors import Directions, Stated, with_factors
from pipelines.embedded.appearance.hair import with_hair_colour, with_hair_style
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.code import Coder

__all__ = ["Directions", "Stated", "as_described"]


def as_described(code: Floats, appearance: Appearance, coder: Coder, directions: Directions) -> Floats:
    """The code (CODE,) with what the appearance states and the code contradicts. Never raises on any text."""
    code = with_factors(code, appearance, coder, directions)
    code = with_hair_style(code, appearance.hair_style, coder)
    return with_hair_colour(code, appearance.hair_color, coder)
