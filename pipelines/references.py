"""Prepares references for a model: few, small, and not too elongated. They are what costs most."""

from PIL import Image, ImageOps

from models.likeness import FaceBox

_MOST_ASPECT = 2
_LEAST_SIDE = 64
# Where faces are, if only a part can be kept: in the middle, rather high.
_FACES = (0.5, 0.35)


def chosen(count: int, most: int) -> list[int]:
    """The positions of at most `most` of `count` references, evenly spread, the first among them."""
    kept = min(count, most)
    return [i * count // kept for i in range(kept)]


def around(reference: Image.Image, face: FaceBox, room: float) -> Image.Image:
    """A square round the face, `room` times its side, as far as the reference reaches. It keeps its resolution."""
    half = room * face.side / 2
    across, down = (face.left + face.right) / 2, (face.top + face.bottom) / 2
    left, top = max(0, round(across - half)), max(0, round(down - half))
    right, bottom = min(reference.width, round(across + half)), min(reference.height, round(down + half))
    return reference.crop((left, top, right, bottom))


def fitted(reference: Image.Image, side: int, multiple: int) -> Image.Image:
    """The reference scaled down to an area of at most `side` squared, its sides multiples of `multiple`.

    It is never enlarged, except for sides below 64 pixels, which models refuse. Of a long strip, the part that more
    likely shows a face is kept.
    """
    whole, tall = reference.size
    width, height = min(whole, tall * _MOST_ASPECT), min(tall, whole * _MOST_ASPECT)
    scale = min(1.0, side / (width * height) ** 0.5)
    size = tuple(max(_LEAST_SIDE, int(length * scale) // multiple * multiple) for length in (width, height))
    if size == reference.size:
        return reference
    return ImageOps.fit(reference, (size[0], size[1]), Image.Resampling.LANCZOS, centering=_FACES)


def squared(reference: Image.Image, side: int) -> Image.Image:
    """The largest square of the reference, taken from where faces usually are and scaled to `side` pixels."""
    return ImageOps.fit(reference, (side, side), Image.Resampling.LANCZOS, centering=_FACES)
