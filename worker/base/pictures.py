"""Encodes images as the stored PNG and its WebP thumbnail, or as a preview, all marked with the source type."""

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
    xmp = _XMP.replace("SOURCE_TYPE", source_type.value)
    thumbnail = thumbnail_of(image, thumbnail_side, xmp=xmp.encode())
    return EncodedImage(_png(image, xmp), thumbnail, image.width, image.height)


def thumbnail_of(image: Image.Image, side: int, xmp: bytes = b"") -> bytes:
    """A WebP whose longer side has at most `side` pixels. Unmarked without `xmp`: not every image was rendered."""
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    small.save(buffer, "WEBP", quality=85, xmp=xmp)
    return buffer.getvalue()


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
    image.save(buffer, "PNG", pnginfo=marks, compress_level=4)
    return buffer.getvalue()
