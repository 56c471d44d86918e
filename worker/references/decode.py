"""Decodes a reference: hostile bytes in, an upright RGB picture of a bounded size out.

Every limit is checked before the work that it limits: bytes before parsing; pixels, and their memory by the header,
before decoding; the number and the size of metadata while parsing. No global switch of Pillow is touched, since
several threads decode at once; so Pillow's own ceiling of about 179 million pixels also holds.

A picture that takes more than a little memory, or whose header doesn't say how much, is decoded in a process of its
own, whose memory the kernel limits: see `decode_child.py`.
"""

import math
import zipfile
from io import BytesIO

from PIL import Image, ImageFile, features
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TILELENGTH, TILEWIDTH, TiffImageFile

from models.errors import LikenessError, ReferenceNotAnImage, ReferenceTooLarge, UnusableReference
from worker.references.cost import coefficients, memory_to_load
from worker.references.decode_apart import MOST_MEMORY, decode_apart
from worker.references.jpeg import is_cut_short
from worker.references.limits import DecodeLimits
from worker.references.pixels import draft, upright_rgb

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", *(("AVIF",) if features.check("avif") else ()))
ADVICE = "Send a PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF picture."
_READ_LIMIT = 500_000  # calls; a picture in millions of tiny pieces takes minutes to put together
_HEADER_LIMIT = 4 * 1024 * 1024  # bytes before the pixels; metadata grows fifty-fold once parsed
_SCAN_LIMIT = 20  # times max_pixels, over all scans of a progressive JPEG
# The part of a process's memory limit that the interpreter, the small picture and strips take.
_OTHERS = 64 * 1024 * 1024
_HERE = 64 * 1024 * 1024
"""A picture that takes no more bytes than this to decode is decoded in the caller's own process."""
# Formats whose headers say how much memory they take. Other formats' codecs hold more than the picture.
_KNOWN = frozenset(("PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP"))


def decode_reference(data: bytes, limits: DecodeLimits) -> Image.Image:
    """Decodes a reference to an upright `RGB` picture without metadata, its longer side at most `max_side`.

    The content alone decides the format. Transparency is laid on white, the backdrop of a reference
    sheet; more than 8 bits are scaled, not clipped; an embedded colour profile is converted to sRGB if it
    works and ignored if not; an animation counts as its first frame.

    Raises ReferenceTooLarge, ReferenceNotAnImage, ReferenceDecodeHung, or UnusableReference (too small or too
    narrow).
    """
    return _guarded(data, limits, apart=True)


def decode_here(data: bytes, limits: DecodeLimits) -> Image.Image:
    """Does the same in this process, however much memory it takes, up to the limit."""
    return _guarded(data, limits, apart=False)


def _guarded(data: bytes, limits: DecodeLimits, *, apart: bool) -> Image.Image:
    if len(data) > limits.max_bytes:
        raise ReferenceTooLarge(
            f"The reference has {len(data)} bytes; {limits.max_bytes} are permitted. Give a smaller file.",
            bytes=len(data),
            max_bytes=limits.max_bytes,
        )
    _refuse_polyglot(data)
    try:
        return _decode(data, limits, apart=apart)
    except LikenessError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ReferenceTooLarge(
            f"The reference has too many pixels; {limits.max_pixels} are permitted. Scale it down.",
            max_pixels=limits.max_pixels,
        ) from None
    except Exception as error:  # noqa: BLE001 - broken files make the codecs raise nearly anything
        # Libavif's own error has no type of its own.
        if isinstance(error, MemoryError) or "Out of memory" in str(error):
            raise _too_much_memory() from None
        if "truncated" in str(error):
            raise _truncated() from None
        raise ReferenceNotAnImage(
            f"The reference is not a picture that can be read, or it is broken. {ADVICE}",
            reason=type(error).__name__,
        ) from None


def _decode(data: bytes, limits: DecodeLimits, *, apart: bool) -> Image.Image:
    with _open(data) as image:
        _check_size(image.size, limits)
        _check_work(image, data, limits)
        width, height = image.size
        memory = _memory(image, data, limits)
        if memory > MOST_MEMORY - _OTHERS - len(data):
            raise _too_much_memory(f"A {image.format} picture of {width}x{height} pixels like this one")
        if apart and (memory > _HERE or image.format not in _KNOWN):
            image.close()
            return decode_apart(data, limits)
    if image.format == "PNG":
        with _open(data) as image:
            # Loading skips the checksums of the pixels, and checking them uses up the opened file.
            image.verify()
    with _open(data) as image:
        draft(image, limits.max_side)
        return upright_rgb(image, limits.max_side)


def _memory(image: ImageFile.ImageFile, data: bytes, limits: DecodeLimits) -> int:
    """Bytes that decoding the picture takes. It can't be used for anything else afterwards."""
    kept = coefficients(image, data)
    draft(image, limits.max_side)
    return kept + memory_to_load(image, data)


def _too_much_memory(what: str = "The reference") -> ReferenceTooLarge:
    return ReferenceTooLarge(
        f"{what} takes more than {MOST_MEMORY >> 20} MiB of memory to decode. Scale it down, or save it as a "
        "plain JPEG."
    )


def _truncated() -> ReferenceNotAnImage:
    return ReferenceNotAnImage(
        "The reference is truncated: its file ends before its picture does. Send the whole file.",
        reason="truncated",
    )


def _open(data: bytes) -> ImageFile.ImageFile:
    file = _MeteredFile(data)
    image = Image.open(file, formats=_FORMATS)
    file.header_is_read()
    return image


def _check_size(size: tuple[int, int], limits: DecodeLimits) -> None:
    width, height = size
    facts = {"width": width, "height": height}
    if width * height > limits.max_pixels:
        raise ReferenceTooLarge(
            f"The reference has {width}x{height} pixels; {limits.max_pixels} are permitted. Scale it down.",
            max_pixels=limits.max_pixels,
            **facts,
        )
    short, long = sorted(size)
    if short < limits.min_side:
        raise UnusableReference(
            f"The reference has {width}x{height} pixels. Give one with at least "
            f"{limits.min_side} on each side.",
            **facts,
        )
    if short * min(1.0, limits.max_side / long) < limits.min_side:
        raise UnusableReference(
            f"The reference is a narrow strip of {width}x{height} pixels. Crop it around the face.",
            **facts,
        )


def _check_work(image: ImageFile.ImageFile, data: bytes, limits: DecodeLimits) -> None:
    """Refuses a picture that would cost far more memory or time than its pixels suggest, or is incomplete."""
    if isinstance(image, TiffImageFile):
        sides = [image.tag_v2.get(tag, 0) for tag in (TILEWIDTH, TILELENGTH)]
        # A tile is unpacked whole, however little of it the picture shows.
        if not all(isinstance(side, int) for side in sides) or math.prod(sides) > limits.max_pixels:
            raise ReferenceNotAnImage(f"The reference is a TIFF with impossible tiles. {ADVICE}")
    elif image.info.get("progressive"):
        # Each scan, though it may be a few bytes long, passes over all pixels. Coded data never has FFDA.
        scans = data.count(b"\xff\xda")
        if scans * image.width * image.height > _SCAN_LIMIT * limits.max_pixels:
            raise ReferenceNotAnImage(f"The reference is a JPEG in {scans} scans. Save it as a plain JPEG.")
    if isinstance(image, JpegImageFile) and is_cut_short(image, data):
        raise _truncated()


def _refuse_polyglot(data: bytes) -> None:
    """Refuses a picture that is a PDF or a ZIP archive as well.

    Other bytes behind a picture are left alone: phones put a video or a gain map there, and they go nowhere.
    """
    two_in_one = b"%PDF-" in data[:1024] or (b"PK\x01\x02" in data and zipfile.is_zipfile(BytesIO(data)))
    if two_in_one:
        raise ReferenceNotAnImage(f"The reference is a document or an archive. {ADVICE}")


class _MeteredFile(BytesIO):
    """A file for Pillow that limits how often it is read, and how much of it before the pixels."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._calls_left = _READ_LIMIT
        # WebP and AVIF are handed to their libraries whole.
        whole = data.startswith(b"RIFF") or (data.startswith(b"\0\0") and data[4:8] == b"ftyp")
        self._header_left: float = math.inf if whole else _HEADER_LIMIT
        self._in_header = True

    def header_is_read(self) -> None:
        self._in_header = False

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(size)
        self._calls_left -= 1
        if self._in_header:
            self._header_left -= len(chunk)
        if self._calls_left < 0 or self._header_left < 0:
            raise ReferenceNotAnImage(
                "The reference has too many parts or too much metadata. Save it anew without metadata."
            )
        return chunk
