"""Makes copies for a calibration: alterations that don't make a picture a fresh one."""

from collections.abc import Iterator
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from models.calibration import CopyKind
from models.likeness import FaceBox

_QUALITY = 70
# The share of a side that is cut off, little since a face may be anywhere; and the width of the border.
_CUT, _BORDER = 0.06, 0.14
# Factors of red, green and blue.
_TINT = (1.12, 1.0, 0.82)


def copies_of(image: Image.Image, face: FaceBox) -> Iterator[tuple[CopyKind, Image.Image]]:
    """Yields one copy of each kind, of an RGB image and the box of its face."""
    width, height = image.size
    across, down = round(_CUT * width), round(_CUT * height)
    yield (
        "scaled",
        _encoded(image.resize((max(1, width // 2), max(1, height // 2)), Image.Resampling.LANCZOS)),
    )
    yield "recompressed", _encoded(image, 35)
    yield "mirrored", _encoded(ImageOps.mirror(image))
    yield "cropped", _encoded(image.crop((across, down, max(across + 1, width - across), height)))
    yield "toned", _toned(image)
    yield "bordered", _encoded(ImageOps.expand(image, round(_BORDER * width), (236, 234, 230)))
    yield "moved", _encoded(_moved(image, face))


def _encoded(image: Image.Image, quality: int = _QUALITY) -> Image.Image:
    file = BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def _toned(image: Image.Image) -> Image.Image:
    tinted = np.clip(np.asarray(image) * np.array(_TINT) + 0.5, 0, 255).astype(np.uint8)
    return ImageEnhance.Contrast(Image.fromarray(tinted)).enhance(0.8)


def _moved(image: Image.Image, face: FaceBox) -> Image.Image:
    """The face alone, smaller, in another place before another backdrop."""
    width, height = image.size
    side = face.side
    oval = Image.new("L", image.size)
    ImageDraw.Draw(oval).ellipse(
        (face.left - side // 12, face.top - side // 4, face.right + side // 12, face.bottom + side // 8), 255
    )
    oval = oval.filter(ImageFilter.GaussianBlur(side / 24))
    size = (max(1, width * 4 // 5), max(1, height * 4 // 5))
    down = Image.linear_gradient("L").resize(image.size)
    backdrop = ImageOps.colorize(down, (70, 110, 180), (205, 195, 160))
    backdrop.paste(image.resize(size, Image.Resampling.LANCZOS), (width // 9, height // 7), oval.resize(size))
    return backdrop
