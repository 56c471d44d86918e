"""Encodes images as the stored PNG and its WebP thumbnail, or as a preview, all marked with the source type."""

import zlib
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, PngImagePlugin

from models.source_type import SourceType

_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
   Iptc4xmpExt:DigitalSourceType="SOURCE_TYPE"/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """An image as it is stored: PNG and thumbnail bytes, and the PNG's size in pixels."""

    png: bytes
    thumbnail: bytes
    width: int
    height: int


def encode(
    image: Image.Image, thumbnail_side: int, source_type: SourceType = SourceType.GENERATED
) -> EncodedImage:
    """Encode an RGB image. The same pixels, of the same type, give the same bytes."""
    return encode_with(image, scaled_down(image, thumbnail_side), source_type)


def encode_with(image: Image.Image, thumbnail: Image.Image, source_type: SourceType) -> EncodedImage:
    """Encodes an RGB image, as `encode` does, with this thumbnail of it."""
    xmp = _XMP.replace("SOURCE_TYPE", source_type.value)
    return EncodedImage(_png(image, xmp), _webp(thumbnail, xmp.encode()), image.width, image.height)


def scaled_down(image: Image.Image, side: int) -> Image.Image:
    """The image, its longer side at most `side` pixels."""
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return small


def thumbnail_of(image: Image.Image, side: int) -> bytes:
    """A WebP whose longer side has at most `side` pixels, unmarked: not every image was rendered."""
    return _webp(scaled_down(image, side), b"")


def preview_of(image: Image.Image, source_type: SourceType, most: int) -> bytes | None:
    """A WebP of an image that isn't finished, marked as `encode` marks. None if it would take more than `most`
    bytes."""
    xmp = _XMP.replace("SOURCE_TYPE", source_type.value).encode()
    for quality in (80, 50, 20):
        buffer = BytesIO()
        image.save(buffer, "WEBP", quality=quality, method=2, xmp=xmp)
        if buffer.tell() <= most:
            return buffer.getvalue()
    return None


def decode(png: bytes, thumbnail: bytes) -> EncodedImage:
    """Reads back what `encode` made. Raises ValueError if the PNG is broken."""
    try:
        with Image.open(BytesIO(png), formats=["PNG"]) as image:
            image.load()
            return EncodedImage(png, thumbnail, image.width, image.height)
    except (OSError, SyntaxError) as error:
        raise ValueError("not a whole PNG") from error


def _png(image: Image.Image, xmp: str) -> bytes:
    marks = PngImagePlugin.PngInfo()
    marks.add_itxt("XML:com.adobe.xmp", xmp)
    buffer = BytesIO()
    # Rendered pixels never repeat exactly but in runs. To look for runs alone takes a third less time at least, and
    # the file isn't larger.
    image.save(buffer, "PNG", pnginfo=marks, compress_level=4, compress_type=zlib.Z_RLE)
    return buffer.getvalue()


def _webp(image: Image.Image, xmp: bytes) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "WEBP", quality=85, xmp=xmp)
    return buffer.getvalue()
