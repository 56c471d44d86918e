"""JPEGs of which a part is missing, though their end is marked."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.errors import ReferenceNotAnImage
from worker.references.decode import decode_reference
from worker.references.limits import DecodeLimits

LIMITS = DecodeLimits(max_bytes=10_000_000, max_pixels=64_000_000, min_side=64, max_side=256)
END = b"\xff\xd9"


def jpeg(picture: Image.Image, **options: Any) -> bytes:
    file = BytesIO()
    picture.save(file, "JPEG", **options)
    return file.getvalue()


def noise(side: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (side, side, 3), np.uint8))


@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"progressive": True}, {"subsampling": 0}])
def test_a_jpeg_of_which_99_percent_are_missing_is_truncated(options: dict[str, Any]) -> None:
    whole = jpeg(noise(2000), **options)
    for cut in (whole[: len(whole) // 100] + END, whole[: len(whole) // 100] + END + bytes(len(whole))):
        if options.get("progressive") and len(cut) > len(whole):
            continue  # its end can't be told from its tables
        with pytest.raises(ReferenceNotAnImage, match="truncated") as caught:
            decode_reference(cut, LIMITS)
        assert caught.value.details["reason"] == "truncated"


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"optimize": True},
        {"progressive": True},
        {"subsampling": 0},
        {"subsampling": 1},
        {"quality": 1, "optimize": True},
        {"restart_marker_rows": 1},
    ],
)
def test_the_plainest_whole_jpeg_is_taken(mode: str, options: dict[str, Any]) -> None:
    for size in ((64, 64), (1023, 517), (4000, 4000)):
        decode_reference(jpeg(Image.new(mode, size), **options), LIMITS)
