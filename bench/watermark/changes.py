"""What happens to pictures on their way: cropping and scaling, then saving anew."""

from collections.abc import Callable
from io import BytesIO

from PIL import Image

Change = Callable[[Image.Image], Image.Image]


def coded(kind: str, quality: int) -> Change:
    """Saved in this format with this quality, and read again."""

    def code(image: Image.Image) -> Image.Image:
        buffer = BytesIO()
        image.save(buffer, kind, quality=quality)
        return Image.open(buffer).convert("RGB")

    return code


def _scaled(by: float) -> Change:
    return lambda image: image.resize(
        (max(1, round(image.width * by)), max(1, round(image.height * by))), Image.Resampling.BICUBIC
    )


def _cropped(left: float) -> Change:
    """That share of each side, not from the middle."""

    def crop(image: Image.Image) -> Image.Image:
        width, height = round(image.width * left), round(image.height * left)
        x, y = (image.width - width) * 3 // 10, (image.height - height) * 7 // 10
        return image.crop((x, y, x + width, y + height))

    return crop


WHOLE = "as it is"
SHAPES: dict[str, tuple[Change, ...]] = {
    WHOLE: (),
    "75 %": (_scaled(0.75),),
    "50 %": (_scaled(0.5),),
    "crop 90 %": (_cropped(0.9),),
    "crop 90 %, 75 %": (_cropped(0.9), _scaled(0.75)),
    "crop 90 %, 50 %": (_cropped(0.9), _scaled(0.5)),
    "75 %, crop 90 %": (_scaled(0.75), _cropped(0.9)),
    "crop 70 %": (_cropped(0.7),),
    "crop 70 %, 75 %": (_cropped(0.7), _scaled(0.75)),
    "crop 70 %, 50 %": (_cropped(0.7), _scaled(0.5)),
}
"""By name, in the order in which they are made."""

LOSSLESS = "PNG"
CODECS: dict[str, Change] = {
    LOSSLESS: lambda image: image,
    "JPEG 95": coded("JPEG", 95),
    "JPEG 85": coded("JPEG", 85),
    "JPEG 70": coded("JPEG", 70),
    "WebP 90": coded("WEBP", 90),
    "WebP 80": coded("WEBP", 80),
    "WebP 70": coded("WEBP", 70),
}


def changed(image: Image.Image, shape: str, codec: str = LOSSLESS) -> Image.Image:
    """The image, first brought into that shape, then saved with that codec."""
    for change in SHAPES[shape]:
        image = change(image)
    return CODECS[codec](image)
