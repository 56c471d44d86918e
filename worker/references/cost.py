"""Estimates from a picture's header how much memory decoding it takes: an upper bound for honest files.

The figures are Pillow's and its codecs', as tests/integration/references/test_decode_memory.py measures them.
"""

import math
from typing import Any

from PIL import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    COMPRESSION,
    PLANAR_CONFIGURATION,
    ROWSPERSTRIP,
    SAMPLESPERPIXEL,
    TILELENGTH,
    TILEWIDTH,
    TiffImageFile,
)

from worker.references.jpeg import first_scan_components

_NARROW = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2, "I;16N": 2}
# Bytes a pixel, Pillow's own picture included: libwebp has two canvases and a lossless picture's words, libavif has
# planes for colours and for transparency, and both hand over a copy.
_WHOLE_CODECS = {"WEBP": 20, "AVIF": 20}
_COEFFICIENT = 2  # bytes
_UNPACKED = 1  # TIFF's "no compression"


def memory_to_load(image: ImageFile.ImageFile, data: bytes) -> int:
    """Bytes that loading an opened picture of the file `data` takes. For a JPEG, call it after `draft`, which makes
    the picture smaller, and add `coefficients`, which `draft` doesn't reduce."""
    pixels = image.width * image.height
    if per_pixel := _WHOLE_CODECS.get(image.format or ""):
        # Both libraries keep a copy of the file.
        return per_pixel * pixels + len(data)
    loaded = _NARROW.get(image.mode, 4) * pixels
    if isinstance(image, TiffImageFile):
        return loaded + _tiff_piece(image)
    # Pillow puts the run lengths of a BMP together in Python.
    return loaded + 2 * pixels * (image.format == "BMP")


def coefficients(image: ImageFile.ImageFile, data: bytes) -> int:
    """Bytes of a JPEG's coefficients if all are kept until the last scan: those of every component and pixel,
    whatever the size it is decoded at. Call it before `draft`."""
    if not isinstance(image, JpegImageFile):
        return 0
    if not image.info.get("progressive") and first_scan_components(data) == image.layers:
        return 0
    areas = [across * down for _, across, down, _ in image.layer]
    widest, tallest = (max(one[side] for one in image.layer) for side in (1, 2))
    return math.ceil(_COEFFICIENT * image.width * image.height * sum(areas) / (widest * tallest))


def _tiff_piece(image: TiffImageFile) -> int:
    """Bytes of a strip or tile, which libtiff unpacks whole."""

    def number(tag: int, default: int) -> int:
        value: Any = image.tag_v2.get(tag, default)
        value = max(value, default=0) if isinstance(value, tuple) else value
        return value if isinstance(value, int) else default

    if number(COMPRESSION, _UNPACKED) == _UNPACKED:
        return 0
    samples = number(SAMPLESPERPIXEL, 1) if number(PLANAR_CONFIGURATION, 1) == 1 else 1
    rows = min(number(ROWSPERSTRIP, image.height), image.height)
    area = number(TILEWIDTH, image.width) * number(TILELENGTH, rows)
    # Colours that aren't RGB are turned into four bytes a pixel on the way.
    return area * max(4, math.ceil(samples * number(BITSPERSAMPLE, 1) / 8))
