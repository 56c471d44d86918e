"""Small files that ask for much memory or time. Pillow's memory is seen by the kernel only, so the decoding
runs in a process of its own, whose peak is measured."""

import io
import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

MEBI = 1024 * 1024

# Prints, per file: the outcome, the seconds, and by how many bytes memory rose at its peak. The peak is of
# this address space alone and set back for each file; `ru_maxrss` would begin with the parent's.
MEASURE = """
import json, pathlib, sys, time
from models.errors import UnusableReference
from worker.references.decode import decode_reference
from worker.references.limits import DecodeLimits
from worker.base.settings import Settings

def memory(field):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))

limits = DecodeLimits.from_settings(Settings())
for path in sys.argv[1:]:
    data = pathlib.Path(path).read_bytes()
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    before, start = memory("VmRSS"), time.process_time()
    try:
        outcome = str(decode_reference(data, limits).size)
    except UnusableReference as error:
        outcome = error.code
    print(json.dumps([outcome, time.process_time() - start, memory("VmHWM") - before]))
"""


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *extra: bytes, rows: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", header), *extra, chunk(b"IDAT", zlib.compress(rows, 1)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def jpeg(*, size: tuple[int, int] = (100, 100), progressive: bool = False) -> bytes:
    file = io.BytesIO()
    Image.new("L", size, 90).save(file, "JPEG", progressive=progressive)
    return file.getvalue()


def tiff(body: bytes, *entries: tuple[int, int, int]) -> bytes:
    """A 100 by 100 TIFF in grey. Entries are (tag, count, value); `body` begins at byte 200."""
    fields = [(256, 1, 100), (257, 1, 100), (258, 1, 8), (262, 1, 1), (277, 1, 1), *entries]
    directory = b"".join(struct.pack("<HHII", tag, 4, count, value) for tag, count, value in sorted(fields))
    head = b"II*\0" + struct.pack("<IH", 8, len(fields)) + directory + bytes(4)
    return head.ljust(200, b"\0") + body


@cache
def deflated_zeros(size: int) -> bytes:
    squeeze = zlib.compressobj(1)
    parts = [squeeze.compress(bytes(MEBI)) for _ in range(size // MEBI)]
    return b"".join(parts) + squeeze.flush()


def huge_png() -> bytes:
    return png(50_000, 50_000)


def png_that_pillow_permits() -> bytes:
    """Below Pillow's own ceiling, above ours: 169 million pixels, all there."""
    return png(13_000, 13_000, rows=bytes(13_001 * 13_000))


def gif_with_a_huge_first_frame() -> bytes:
    frame = b"," + struct.pack("<HHHHB", 0, 0, 13_000, 13_000, 0) + b"\x02\x02L\x01\0"
    dispose = b"!\xf9\x04\x08\0\0\0\0"
    return b"GIF89a" + struct.pack("<HHBBB", 100, 100, 0, 0, 0) + dispose + frame + b";"


def webp_with_a_huge_canvas() -> bytes:
    file = io.BytesIO()
    frames = [Image.new("RGB", (100, 100), colour) for colour in ("red", "blue")]
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    data = bytearray(file.getvalue())
    data[24:30] = struct.pack("<I", 12_999)[:3] * 2
    return bytes(data)


def text_bombs() -> bytes:
    bomb = chunk(b"zTXt", b"Comment\0\0" + deflated_zeros(400 * MEBI))
    return png(100, 100, bomb, rows=bytes(101 * 100))


def many_text_bombs() -> bytes:
    bomb = chunk(b"zTXt", b"Comment\0\0" + deflated_zeros(MEBI))
    return png(100, 100, *[bomb] * 1000, rows=bytes(101 * 100))


def profile_bomb() -> bytes:
    bomb = chunk(b"iCCP", b"icc\0\0" + deflated_zeros(400 * MEBI))
    return png(100, 100, bomb, rows=bytes(101 * 100))


def pixel_bomb() -> bytes:
    """Behind a hundred rows come 400 MiB of zeros."""
    data = png(100, 100)
    return data.replace(chunk(b"IDAT", zlib.compress(b"", 1)), chunk(b"IDAT", deflated_zeros(400 * MEBI)))


def many_comments() -> bytes:
    data = jpeg()
    return data[:2] + b"\xff\xfe\x00\x02" * 4_000_000 + data[2:]


def late_comments() -> bytes:
    """A million empty chunks behind the pixels, where no header limit counts."""
    data = png(100, 100, rows=bytes(101 * 100))
    end = chunk(b"IEND", b"")
    return data.removesuffix(end) + chunk(b"tEXt", b"a\0b") * 1_500_000 + end


def many_scans() -> bytes:
    """A progressive JPEG of 36 million pixels whose last scan is there five hundred times."""
    data = jpeg(size=(6000, 6000), progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * 500 + data[-2:]


def many_strips() -> bytes:
    count = 4_000_000
    return tiff(struct.pack("<I", 8) * count, (273, count, 200), (278, 1, 1))


def huge_tile() -> bytes:
    body = deflated_zeros(400 * MEBI)
    size = 16_384
    return tiff(body, (259, 1, 8), (322, 1, size), (323, 1, size), (324, 1, 200), (325, 1, len(body)))


def nested_exif() -> bytes:
    """An EXIF directory, reached from the TIFF's, with three million rational numbers."""
    count = 3_000_000
    directory = struct.pack("<HHHIII", 1, 0x829A, 5, count, 220, 0).ljust(20, b"\0")
    pixels = 220 + 8 * count
    return tiff(
        directory + b"\1\0\0\0" * 2 * count + bytes(100 * 100),
        (273, 1, pixels),
        (278, 1, 100),
        (279, 1, 100 * 100),
        (0x8769, 1, 200),
    )


def many_frames() -> bytes:
    """A GIF of twenty thousand frames; only the first is looked at."""
    frame = b"," + struct.pack("<HHHHB", 0, 0, 100, 100, 0) + b"\x07\x03\x80\x80\x01\0"
    file = io.BytesIO()
    Image.new("P", (100, 100), 3).save(file, "GIF")
    return file.getvalue()[:-1] + frame * 20_000 + b";"


def gif_comments() -> bytes:
    file = io.BytesIO()
    Image.new("P", (100, 100), 3).save(file, "GIF")
    data = file.getvalue()
    at = data.index(b",")
    return data[:at] + b"!\xfe" + b"\1a" * 8_000_000 + b"\0" + data[at:]


def bmp_of_runs() -> bytes:
    """A run-length coded BMP of 8000 by 8000: Pillow reads its runs one by one, in Python."""
    runs = b"\1\0" * 8_000_000
    head = struct.pack("<IiiHHIIiiII", 40, 8000, 8000, 1, 8, 1, len(runs), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 1024 + len(runs), 0, 0, 54 + 1024) + head + bytes(1024) + runs


def thread() -> bytes:
    return png(1, 60_000, rows=bytes(2 * 60_000))


NOT_AN_IMAGE, TOO_LARGE, UNUSABLE = "REFERENCE_NOT_AN_IMAGE", "REFERENCE_TOO_LARGE", "REFERENCE_UNUSABLE"
BOMBS: list[tuple[Callable[[], bytes], str]] = [
    (huge_png, TOO_LARGE),
    (png_that_pillow_permits, TOO_LARGE),
    (gif_with_a_huge_first_frame, TOO_LARGE),
    (webp_with_a_huge_canvas, TOO_LARGE),
    (text_bombs, NOT_AN_IMAGE),
    (many_text_bombs, NOT_AN_IMAGE),
    (profile_bomb, NOT_AN_IMAGE),
    (pixel_bomb, "(100, 100)"),
    (many_comments, NOT_AN_IMAGE),
    (late_comments, NOT_AN_IMAGE),
    (many_scans, NOT_AN_IMAGE),
    (many_strips, NOT_AN_IMAGE),
    (huge_tile, NOT_AN_IMAGE),
    (nested_exif, "(100, 100)"),
    (many_frames, "(100, 100)"),
    (gif_comments, NOT_AN_IMAGE),
    (bmp_of_runs, NOT_AN_IMAGE),
    (thread, UNUSABLE),
]


def measure(*paths: Path) -> list[tuple[str, float, int]]:
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, paths)],
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    return [(outcome, seconds, rise) for outcome, seconds, rise in map(json.loads, run.stdout.splitlines())]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, float, int]]:
    """Every bomb in one process, after a harmless picture that loads what is loaded on first use."""
    folder = tmp_path_factory.mktemp("bombs")
    warm_up = folder / "warm-up"
    warm_up.write_bytes(jpeg())
    for build, _ in BOMBS:
        (folder / build.__name__).write_bytes(build())
    names = [build.__name__ for build, _ in BOMBS]
    results = measure(warm_up, *(folder / name for name in names))
    return dict(zip(names, results[1:], strict=True))


@pytest.mark.parametrize(("name", "expected"), [(build.__name__, expected) for build, expected in BOMBS])
def test_bombs_cost_little(measured: dict[str, tuple[str, float, int]], name: str, expected: str) -> None:
    outcome, seconds, rise = measured[name]

    assert outcome == expected
    assert rise < 200 * MEBI
    assert seconds < 4


def test_the_measure_sees_the_memory_of_pixels(tmp_path: Path) -> None:
    """A large picture that is permitted does raise the peak, so the bounds above mean something."""
    large = tmp_path / "large"
    large.write_bytes(png(8000, 7000, rows=bytes(8001 * 7000)))

    [(outcome, _, rise)] = measure(large)

    assert outcome == "(1536, 1344)"
    assert rise > 40 * MEBI
