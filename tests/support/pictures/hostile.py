"""Hostile and odd pictures, and what becomes of each."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageCms

from models.errors import (
    LikenessError,
    ReferenceNotAnImage,
    ReferenceTooLarge,
    UnusableReference,
)
from worker.references.limits import DecodeLimits

LIMITS = DecodeLimits(max_bytes=2_000_000, max_pixels=4_000_000, min_side=64, max_side=256)

RED, GREEN, BLUE, WHITE = (200, 30, 20), (20, 160, 40), (30, 40, 200), (255, 255, 255)

Builder = Callable[[], bytes]


@dataclass(frozen=True)
class Picture:
    """What comes out: the size, and the colour of some pixels within `near` of 255."""

    size: tuple[int, int] = (100, 80)
    pixels: tuple[tuple[tuple[int, int], tuple[int, int, int]], ...] = ()
    near: int = 3


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def flat(mode: str = "RGB", colour: Any = RED, size: tuple[int, int] = (100, 80)) -> Image.Image:
    return Image.new(mode, size, colour)


def halves() -> Image.Image:
    """Red above blue, 100 by 80."""
    image = flat()
    image.paste(BLUE, (0, 40, 100, 80))
    return image


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, bits: int, colour_type: int, rows: bytes, *extra: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    parts = (chunk(b"IHDR", header), *extra, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def grey16_png(value: int) -> bytes:
    return png(100, 80, 16, 0, (b"\0" + struct.pack(">H", value) * 100) * 80)


def rgb16_png(*extra: bytes) -> bytes:
    return png(100, 80, 16, 2, (b"\0" + struct.pack(">HHH", *(v * 257 for v in RED)) * 100) * 80, *extra)


def turned_jpeg(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(halves(), "JPEG", exif=exif, quality=95)


def turned_tiff() -> bytes:
    return saved(halves(), "TIFF", tiffinfo={0x0112: 6})


def turned_png() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(halves(), "PNG", exif=exif)


def wrong_pixel_sum() -> bytes:
    data = bytearray(saved(halves(), "PNG"))
    at = data.index(b"IDAT")
    (length,) = struct.unpack(">I", data[at - 4 : at])
    data[at + 4 + length] ^= 0xFF
    return bytes(data)


def wrong_header_sum() -> bytes:
    data = bytearray(saved(halves(), "PNG"))
    data[29] ^= 0xFF
    return bytes(data)


def animation(kind: str) -> bytes:
    frames = [flat(colour=colour) for colour in (GREEN, RED, BLUE)]
    return saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=50, lossless=True)


def swapped_profile() -> bytes:
    """The sRGB profile with its red and green primaries exchanged."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"tXYZ").replace(b"gXYZ", b"rXYZ").replace(b"tXYZ", b"gXYZ")


def adobe_cmyk() -> bytes:
    return saved(flat("CMYK", (0, 255, 255, 0)), "JPEG", quality=95)


def float_tiff(value: float) -> bytes:
    return saved(flat("F", value), "TIFF")


def wide_int_tiff() -> bytes:
    image = flat("I", 0)
    image.paste(2_000_000_000, (0, 40, 100, 80))
    return saved(image, "TIFF")


def in_a_zip(data: bytes) -> bytes:
    file = io.BytesIO(data)
    file.seek(0, io.SEEK_END)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("evil.txt", "evil")
    return file.getvalue()


def plain_zip() -> bytes:
    return in_a_zip(b"")


def comment_jpeg(text: bytes) -> bytes:
    data = saved(halves(), "JPEG", quality=95)
    return data[:2] + b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text + data[2:]


def palette_png(transparent: bool) -> bytes:
    image = Image.new("P", (100, 80), 1)
    image.putpalette([*GREEN, *RED])
    image.paste(0, (0, 40, 100, 80))
    return saved(image, "PNG", **({"transparency": 0} if transparent else {}))


TOP, BOTTOM, LEFT, RIGHT = (50, 5), (50, 74), (5, 50), (74, 50)

UPRIGHT = Picture(pixels=((TOP, RED), (BOTTOM, BLUE)))

ALL_RED = Picture(pixels=((TOP, RED), (BOTTOM, RED)))

ALL_GREEN = Picture(pixels=((TOP, GREEN),))


def grey(value: int) -> Picture:
    return Picture(pixels=((TOP, (value, value, value)),), near=1)


PICTURES: list[tuple[str, Builder, Picture]] = [
    ("png", lambda: saved(halves(), "PNG"), UPRIGHT),
    ("jpeg", lambda: saved(halves(), "JPEG", quality=95), UPRIGHT),
    ("progressive-jpeg", lambda: saved(halves(), "JPEG", quality=95, progressive=True), UPRIGHT),
    ("phone-mpo", lambda: saved(halves(), "MPO", save_all=True, append_images=[flat()], quality=95), UPRIGHT),
    ("webp", lambda: saved(halves(), "WEBP", lossless=True), UPRIGHT),
    ("gif", lambda: saved(halves(), "GIF"), UPRIGHT),
    ("bmp", lambda: saved(halves(), "BMP"), UPRIGHT),
    ("tiff", lambda: saved(halves(), "TIFF"), UPRIGHT),
    ("deflated-tiff", lambda: saved(halves(), "TIFF", compression="tiff_adobe_deflate"), UPRIGHT),
    ("ycbcr-tiff", lambda: saved(flat().convert("YCbCr"), "TIFF"), ALL_RED),
    ("scaled-down", lambda: saved(flat(size=(1000, 500)), "PNG"), Picture((256, 128), (((5, 5), RED),))),
    (
        "jpeg-scaled-down",
        lambda: saved(flat(size=(500, 1000)), "JPEG"),
        Picture((128, 256), (((5, 5), RED),)),
    ),
    ("smallest", lambda: saved(flat(size=(64, 64)), "PNG"), Picture((64, 64))),
    ("tallest", lambda: saved(flat(size=(64, 256)), "PNG"), Picture((64, 256))),
    ("exif-3", lambda: turned_jpeg(3), Picture(pixels=((TOP, BLUE), (BOTTOM, RED)))),
    ("exif-6", lambda: turned_jpeg(6), Picture((80, 100), ((RIGHT, RED), (LEFT, BLUE)))),
    ("exif-8", lambda: turned_jpeg(8), Picture((80, 100), ((LEFT, RED), (RIGHT, BLUE)))),
    ("exif-99", lambda: turned_jpeg(99), UPRIGHT),
    ("tiff-turned-once", turned_tiff, Picture((80, 100), ((RIGHT, RED), (LEFT, BLUE)))),
    ("png-turned", turned_png, Picture((80, 100), ((RIGHT, RED), (LEFT, BLUE)))),
    ("broken-exif", lambda: saved(halves(), "PNG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f"), UPRIGHT),
    ("grey16", lambda: grey16_png(40000), grey(156)),
    ("grey16-dark", lambda: grey16_png(300), grey(1)),
    ("grey16-tiff", lambda: saved(flat("I;16", 40000), "TIFF"), grey(156)),
    ("grey16-big-endian-tiff", lambda: saved(flat("I;16B", 40000), "TIFF"), grey(156)),
    ("rgb16", rgb16_png, ALL_RED),
    ("rgb16-with-a-clear-colour", lambda: rgb16_png(chunk(b"tRNS", bytes(6))), ALL_RED),
    ("int32-of-16-bits", lambda: saved(flat("I", 40000), "TIFF"), grey(156)),
    ("int32-of-8-bits", lambda: saved(flat("I", 156), "TIFF"), grey(156)),
    (
        "int32-wide",
        wide_int_tiff,
        Picture(pixels=((TOP, (0, 0, 0)), (BOTTOM, WHITE))),
    ),
    ("float-to-1", lambda: float_tiff(0.5), grey(128)),
    ("float-to-255", lambda: float_tiff(156.0), grey(156)),
    ("float-to-65535", lambda: float_tiff(40000.0), grey(156)),
    ("1-bit", lambda: saved(flat("1", 1), "PNG"), grey(255)),
    ("grey", lambda: saved(flat("L", 90), "PNG"), grey(90)),
    ("grey-alpha", lambda: saved(flat("LA", (90, 0)), "PNG"), grey(255)),
    ("grey-half-alpha", lambda: saved(flat("LA", (55, 128)), "PNG"), grey(155)),
    ("clear-on-white", lambda: saved(flat("RGBA", (*RED, 0)), "PNG"), Picture(pixels=((TOP, WHITE),))),
    ("clear-webp", lambda: saved(flat("RGBA", (*RED, 0)), "WEBP"), Picture(pixels=((TOP, WHITE),))),
    ("opaque-alpha", lambda: saved(flat("RGBA", (*RED, 255)), "PNG"), ALL_RED),
    ("palette", lambda: palette_png(False), Picture(pixels=((TOP, RED), (BOTTOM, GREEN)))),
    ("clear-palette", lambda: palette_png(True), Picture(pixels=((TOP, RED), (BOTTOM, WHITE)))),
    (
        "cmyk-tiff",
        lambda: saved(flat("CMYK", (0, 255, 255, 0)), "TIFF"),
        Picture(pixels=((TOP, (255, 0, 0)),)),
    ),
    ("inverted-cmyk-jpeg", adobe_cmyk, Picture(pixels=((TOP, (254, 0, 0)),))),
    (
        "lab-tiff",
        lambda: saved(flat("LAB", (138, 166, 174)), "TIFF"),
        Picture(pixels=((TOP, (199, 100, 50)),)),
    ),
    ("animated-gif", lambda: animation("GIF"), ALL_GREEN),
    ("animated-webp", lambda: animation("WEBP"), ALL_GREEN),
    ("animated-png", lambda: animation("PNG"), ALL_GREEN),
    (
        "profile-converted",
        lambda: saved(flat(colour=(0, 255, 0)), "PNG", icc_profile=swapped_profile()),
        Picture(pixels=((TOP, (255, 0, 0)),)),
    ),
    ("broken-profile", lambda: saved(halves(), "PNG", icc_profile=b"\0" * 400), UPRIGHT),
    ("cut-profile", lambda: saved(halves(), "PNG", icc_profile=swapped_profile()[:200]), UPRIGHT),
    (
        "profile-of-another-space",
        lambda: saved(flat("L", 90), "PNG", icc_profile=swapped_profile()),
        grey(90),
    ),
    ("script-in-a-comment", lambda: comment_jpeg(b"<script>alert(1)</script>"), UPRIGHT),
    ("video-behind", lambda: saved(halves(), "JPEG", quality=95) + b"\0\0\0\x18ftypmp42" * 50, UPRIGHT),
]

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100"/>'

REFUSED: list[tuple[str, Builder, type[LikenessError]]] = [
    ("nothing", lambda: b"", ReferenceNotAnImage),
    ("one-byte", lambda: b"\x89", ReferenceNotAnImage),
    ("signature-only", lambda: b"\x89PNG\r\n\x1a\n", ReferenceNotAnImage),
    ("text", lambda: b"not a picture at all" * 20, ReferenceNotAnImage),
    ("svg", lambda: SVG, ReferenceNotAnImage),
    ("html", lambda: b"<!doctype html><title>404</title>", ReferenceNotAnImage),
    ("zip", plain_zip, ReferenceNotAnImage),
    ("pdf", lambda: b"%PDF-1.7\n" + b"\0" * 500, ReferenceNotAnImage),
    ("heic", lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 200, ReferenceNotAnImage),
    ("avif-of-zeros", lambda: b"\0\0\0\x18ftypavif\0\0\0\0mif1avif" + b"\0" * 200, ReferenceNotAnImage),
    ("postscript", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", ReferenceNotAnImage),
    ("format-not-accepted", lambda: saved(halves(), "PPM"), ReferenceNotAnImage),
    ("icon", lambda: saved(halves(), "ICO"), ReferenceNotAnImage),
    ("jpeg-and-zip", lambda: in_a_zip(saved(halves(), "JPEG")), ReferenceNotAnImage),
    ("png-and-zip", lambda: in_a_zip(saved(halves(), "PNG")), ReferenceNotAnImage),
    ("jpeg-and-pdf", lambda: comment_jpeg(b"%PDF-1.7 obj"), ReferenceNotAnImage),
    ("script-called-gif", lambda: b"GIF89a/*" + b" " * 900 + b"*/=1;alert(1)", ReferenceNotAnImage),
    ("wrong-pixel-sum", wrong_pixel_sum, ReferenceNotAnImage),
    ("wrong-header-sum", wrong_header_sum, ReferenceNotAnImage),
    ("png-without-pixels", lambda: png(100, 80, 8, 2, b""), ReferenceNotAnImage),
    ("png-with-few-pixels", lambda: png(100, 80, 8, 2, b"\0" * 400), ReferenceNotAnImage),
    ("float-of-nothing", lambda: float_tiff(float("nan")), ReferenceNotAnImage),
    ("float-of-infinity", lambda: float_tiff(float("inf")), ReferenceNotAnImage),
    ("too-many-bytes", lambda: saved(halves(), "PNG") + bytes(LIMITS.max_bytes), ReferenceTooLarge),
    ("too-many-pixels", lambda: saved(flat(size=(2001, 2000)), "PNG"), ReferenceTooLarge),
    ("too-small", lambda: saved(flat(size=(63, 500)), "PNG"), UnusableReference),
    ("one-pixel", lambda: saved(flat(size=(1, 1)), "PNG"), UnusableReference),
    ("a-thread", lambda: saved(flat(size=(1, 60000)), "PNG"), UnusableReference),
    ("a-strip", lambda: saved(flat(size=(64, 2000)), "PNG"), UnusableReference),
]
