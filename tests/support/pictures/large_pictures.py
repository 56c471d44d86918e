"""Pictures of many pixels in few bytes, made without drawing them: each is flat, and most are a few kilobytes."""

import io
import struct
import zlib
from functools import cache
from typing import Any

from PIL import Image

MEBI = 1024 * 1024
_DEPTHS = {
    "1": (1, 0),
    "L": (8, 0),
    "I;16": (16, 0),
    "P": (8, 3),
    "RGB": (8, 2),
    "LA": (8, 4),
    "RGBA": (8, 6),
}
_SIXTEEN = {"LA": (16, 4), "RGB": (16, 2), "RGBA": (16, 6)}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def png(mode: str, side: int, *, wide: bool = False, clear: bytes = b"", animated: bool = False) -> bytes:
    """A black PNG. `wide`: 16 bits a channel. `clear`: the body of a tRNS chunk."""
    bits, colour = _SIXTEEN[mode] if wide else _DEPTHS[mode]
    row = 1 + (side * bits * _CHANNELS[colour] + 7) // 8
    parts = [_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, bits, colour, 0, 0, 0))]
    if animated:
        parts.append(_chunk(b"acTL", struct.pack(">II", 1, 0)))
        parts.append(_chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, side, side, 0, 0, 1, 10, 0, 0)))
    if colour == 3:
        parts.append(_chunk(b"PLTE", bytes(3)))
    if clear:
        parts.append(_chunk(b"tRNS", clear))
    parts += [_chunk(b"IDAT", deflated_zeros(side * row)), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@cache
def deflated_zeros(size: int) -> bytes:
    """So many zeros as zlib has them. Blocks that begin anew can be repeated, so it takes no time."""
    whole, rest = divmod(size, MEBI)
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = squeeze.compress(bytes(MEBI)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    last = zlib.compressobj(9, zlib.DEFLATED, -15)
    end = last.compress(bytes(rest)) + last.flush()
    return b"\x78\x9c" + block * whole + end + struct.pack(">HH", size % 65521, 1)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def lossless_webp(side: int) -> bytes:
    """A clear one in 40 bytes: each of its five codes has one symbol, so that a pixel takes no bits."""
    bits = [(0x2F, 8), (side - 1, 14), (side - 1, 14), (1, 1), (0, 3)]
    # No transform, no cache of colours, one group of codes; then five codes of the one symbol 0.
    bits += [(0, 1), (0, 1), (0, 1)] + [(1, 1), (0, 1), (0, 1), (0, 1)] * 5
    number = at = 0
    for value, width in bits:
        number |= value << at
        at += width
    body = number.to_bytes((at + 7) // 8, "little")
    return _riff(b"VP8L" + struct.pack("<I", len(body)) + body + bytes(len(body) % 2))


def lossy_webp(side: int, *, animated: bool = False) -> bytes:
    options: dict[str, Any] = {"save_all": True, "append_images": [Image.new("RGB", (side, side), 9)]}
    return _saved(Image.new("RGB", (side, side)), "WEBP", **(options if animated else {}), method=0)


def _riff(body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def jpeg(mode: str, side: int, *, progressive: bool = False, sampling: int = 2) -> bytes:
    return _saved(Image.new(mode, (side, side)), "JPEG", progressive=progressive, subsampling=sampling)


def multi_scan_jpeg(side: int) -> bytes:
    """A sequential JPEG, each of whose three components has a scan of its own."""
    grey = jpeg("L", side)
    frame, scan = grey.index(b"\xff\xc0"), grey.index(b"\xff\xda")
    head = grey[:frame] + struct.pack(">HHBHHB", 0xFFC0, 17, 8, side, side, 3)
    head += b"".join(bytes((component, 0x11, 0)) for component in (1, 2, 3))
    head += grey[frame + 2 + 11 : scan]
    coded = grey[scan + 10 : -2]
    scans = (b"\xff\xda\x00\x08\x01" + bytes((each, 0, 0, 63, 0)) + coded for each in (1, 2, 3))
    return head + b"".join(scans) + b"\xff\xd9"


def tiff(mode: str, side: int, **options: Any) -> bytes:
    return _saved(Image.new(mode, (side, side)), "TIFF", compression="tiff_adobe_deflate", **options)


def one_strip_tiff(side: int, channels: int, bits: int) -> bytes:
    """All its rows are one strip, which libtiff unpacks whole."""
    body = deflated_zeros(side * side * channels * bits // 8)
    tags = [(256, side), (257, side), (258, bits), (259, 8), (262, 2 if channels > 1 else 1), (273, 400)]
    tags += [(277, channels), (278, side), (279, len(body))]
    fields = b""
    for tag, value in tags:
        if tag == 258 and channels > 1:
            fields += struct.pack("<HHII", tag, 3, channels, 300)
        else:
            fields += struct.pack("<HHII", tag, 4, 1, value)
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + fields + bytes(4)
    return (head.ljust(300, b"\0") + struct.pack("<H", bits) * channels).ljust(400, b"\0") + body


def gif(side: int, *, clear: bool = False) -> bytes:
    return _saved(Image.new("P", (side, side)), "GIF", **({"transparency": 0} if clear else {}))


def avif(side: int, mode: str = "RGB", **options: Any) -> bytes:
    return _saved(Image.new(mode, (side, side)), "AVIF", speed=10, **options)


def bmp_of_runs(side: int) -> bytes:
    """A run-length coded BMP, whose runs Pillow reads in Python."""
    row = b"\xff\0" * (side // 255) + bytes((side % 255, 0)) * bool(side % 255) + b"\0\0"
    runs = row * side + b"\0\1"
    head = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(runs), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 1024 + len(runs), 0, 0, 54 + 1024) + head + bytes(1024) + runs


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()
