"""Sample personas' pictures."""

from collections.abc import Callable

from PIL import Image

Sample = Callable[[str, int], Image.Image]
