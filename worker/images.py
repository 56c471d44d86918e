"""Encoding: the PNG that is stored and its WebP thumbnail, each marked as made by a trained algorithm."""

from io import BytesIO

from PIL import Image, PngImagePlugin

from models.manifest import DIGITAL_SOURCE_TYPE
from worker.render import RawImage

_XMP = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
   Iptc4xmpExt:DigitalSourceType="{DIGITAL_SOURCE_TYPE}"/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


def to_raw(image: Image.Image) -> RawImage:
    """Pixels of an RGB image, for the pipe to the render process."""
    return RawImage(image.width, image.height, image.tobytes())


def from_raw(raw: RawImage) -> Image.Image:
    return Image.frombytes("RGB", (raw.width, raw.height), raw.data)


def encode_png(image: Image.Image) -> bytes:
    """Lossless, with the mark as XMP. The same pixels give the same bytes."""
    marks = PngImagePlugin.PngInfo()
    marks.add_itxt("XML:com.adobe.xmp", _XMP)
    buffer = BytesIO()
    image.save(buffer, "PNG", pnginfo=marks, compress_level=4)
    return buffer.getvalue()


def encode_thumbnail(image: Image.Image, side: int) -> bytes:
    """A WebP whose longest side is at most `side` pixels, with the mark as XMP."""
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    small.save(buffer, "WEBP", quality=85, xmp=_XMP.encode())
    return buffer.getvalue()
