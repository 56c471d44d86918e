"""Converts every mode that a file may have to opaque 8-bit sRGB, strip by strip."""

import math
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO

from PIL import Image, ImageCms

from models.errors import ReferenceNotAnImage

_ICC_LIMIT = 4 * 1024 * 1024  # bytes
_SIXTEEN_BIT = frozenset(("I;16", "I;16L", "I;16B", "I;16N"))

Converter = Callable[[Image.Image], Image.Image]


def opaque_eight_bit(image: Image.Image) -> Converter:
    """Returns a function that converts a piece of this picture to L, RGB or CMYK, on white where it is transparent.

    It works on pieces since each conversion makes another picture, up to four times as large as the one before.
    """
    if image.mode in _SIXTEEN_BIT:
        return lambda piece: _scaled(piece.convert("I"), 0, 65535)
    if image.mode in ("I", "F"):
        black, white = _levels(image)
        return lambda piece: _scaled(piece, black, white)
    if image.has_transparency_data:
        mode = "LA" if image.mode in ("LA", "La") else "RGBA"
        return lambda piece: _on_white(piece.convert(mode))
    if image.mode in ("L", "RGB", "CMYK"):
        return lambda piece: piece
    mode = "L" if image.mode == "1" else "RGB"
    return lambda piece: piece.convert(mode)


def _levels(image: Image.Image) -> tuple[float, float]:
    """The values of black and of white in a whole picture of mode I or F."""
    low, high = _extrema(image)
    # The file doesn't say what white is, so take the least usual value that nothing exceeds, or the brightest.
    whites = (1, 255, 65535) if image.mode == "F" else (255, 65535)
    usual = next((white for white in whites if high <= white), None) if low >= 0 else None
    return (0, usual) if usual else (low, high)


def _extrema(image: Image.Image) -> tuple[float, float]:
    low, high = image.getextrema()
    if isinstance(low, tuple) or isinstance(high, tuple) or not (math.isfinite(low) and math.isfinite(high)):
        raise ReferenceNotAnImage(
            "The reference has pixels that are no numbers. Save it anew as a PNG or JPEG."
        )
    return low, high


def _scaled(image: Image.Image, black: float, white: float) -> Image.Image:
    """Converts a picture of mode I or F to 8-bit grey."""
    scale = 255 / max(white - black, 1e-9)
    # In floating point, since a point operation on integers overflows on extreme values.
    return image.convert("F").point(lambda value: value * scale + (0.5 - black * scale)).convert("L")


def _on_white(picture: Image.Image) -> Image.Image:
    opaque = picture.mode[:-1]
    backdrop = Image.new(opaque, picture.size, "white")
    backdrop.paste(picture.convert(opaque), mask=picture.getchannel("A"))
    return backdrop


def to_srgb(picture: Image.Image, profile: object) -> Image.Image:
    """Converts an L, RGB or CMYK picture to sRGB, by its embedded profile if that is usable."""
    with suppress(Exception):  # a broken profile, or another space's, only makes the colours less exact
        if isinstance(profile, bytes) and len(profile) <= _ICC_LIMIT:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
            if converted is not None:
                return converted
    return picture.convert("RGB")
