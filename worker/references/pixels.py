"""Converts an opened picture to an upright RGB one of a bounded size.

The picture is loaded whole, since the codecs know no other way, but everything after that goes strip by strip: only
the small picture takes memory besides the loaded one.
"""

import math
from contextlib import suppress

from PIL import ExifTags, Image, ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from worker.references.colour import Converter, opaque_eight_bit, to_srgb

_EXIF_LIMIT = 1024 * 1024  # bytes
_STRIP = 64  # rows of the small picture
_KERNEL = 3  # how far LANCZOS looks beyond a pixel of the small picture, in such pixels
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def draft(image: ImageFile.ImageFile, max_side: int) -> None:
    """Makes a JPEG decode at a half, a quarter or an eighth; twice the wanted size leaves a clean scaling."""
    share = min(1.0, 2 * max_side / max(image.size))
    image.draft(None, (math.ceil(image.width * share), math.ceil(image.height * share)))


def upright_rgb(image: ImageFile.ImageFile, max_side: int) -> Image.Image:
    """Loads a picture and makes it RGB, upright, without metadata, its longer side at most `max_side` pixels.

    Raises ReferenceNotAnImage, and whatever the codecs raise for broken files.
    """
    if isinstance(image, TiffImageFile):
        # Keeps the plugin from parsing nested EXIF directories whole, which would cost a gigabyte.
        image.is_animated = True
    image.load()
    turn = _TURNS.get(_orientation(image))
    picture = to_srgb(_scaled_down(image, max_side), image.info.get("icc_profile"))
    picture = picture.copy() if turn is None else picture.transpose(turn)
    picture.info = {}
    return picture


def _scaled_down(image: Image.Image, max_side: int) -> Image.Image:
    """Scales a picture down, and converts it to L, RGB or CMYK."""
    convert = opaque_eight_bit(image)
    scale = max_side / max(image.size)
    if scale >= 1:
        return convert(image)
    width, height = (max(1, round(side * scale)) for side in image.size)
    picture: Image.Image | None = None
    for top in range(0, height, _STRIP):
        strip = _strip(image, convert, (width, height), top, min(top + _STRIP, height))
        picture = picture or Image.new(strip.mode, (width, height))
        picture.paste(strip, (0, top))
    assert picture is not None
    return picture


def _strip(
    image: Image.Image, convert: Converter, size: tuple[int, int], top: int, bottom: int
) -> Image.Image:
    """The rows from `top` to `bottom` of the picture scaled to `size`, as if it had been scaled whole."""
    width, height = size
    # Averaging to at least twice the wanted size is quick and leaves a clean scaling.
    factor = max(1, int(image.height / height / 2))
    rows = image.height / height / factor
    margin = math.ceil(_KERNEL * rows) + 1
    above = max(0, math.floor(top * rows) - margin)
    below = min(image.height, (math.ceil(bottom * rows) + margin) * factor)
    piece = convert(image.crop((0, above * factor, image.width, below))).reduce(factor)
    box = (0, top * rows - above, image.width / factor, min(bottom * rows - above, piece.height))
    return piece.resize((width, bottom - top), Image.Resampling.LANCZOS, box=box)


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 if none can be read."""
    with suppress(Exception):  # a broken EXIF block is no reason to refuse the pixels
        if len(image.info.get("exif") or b"") <= _EXIF_LIMIT:
            return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    return 1
