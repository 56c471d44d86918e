"""Hostile and odd pictures. All bytes are made here."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image, features

from models.errors import (
    LikenessError,
    ReferenceNotAnImage,
    UnusableReference,
)
from tests.support.pictures.hostile import (
    ALL_GREEN,
    LIMITS,
    PICTURES,
    REFUSED,
    UPRIGHT,
    Builder,
    Picture,
    animation,
    flat,
    halves,
    saved,
)
from worker.base.settings import Settings
from worker.references.decode import decode_reference
from worker.references.limits import DecodeLimits


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def noise(size: tuple[int, int] = (100, 80)) -> Image.Image:
    return Image.effect_noise(size, 60).convert("RGB")


if features.check("avif"):
    PICTURES += [
        ("avif", lambda: saved(halves(), "AVIF", quality=95), UPRIGHT),
        ("animated-avif", lambda: animation("AVIF"), ALL_GREEN),
    ]


@pytest.mark.parametrize(("build", "expected"), [pytest.param(b, e, id=i) for i, b, e in PICTURES])
def test_odd_pictures_come_out_as_upright_rgb(build: Builder, expected: Picture) -> None:
    image = decode_reference(build(), LIMITS)

    assert type(image) is Image.Image
    assert image.mode == "RGB"
    assert image.info == {}
    assert image.size == expected.size
    for at, colour in expected.pixels:
        found = image.getpixel(at)
        assert isinstance(found, tuple)
        assert all(abs(a - b) <= expected.near for a, b in zip(found, colour, strict=True)), (
            at,
            found,
            colour,
        )


def half_of(kind: str) -> Builder:
    return lambda: cut(saved(noise(), kind))


def head_of(kind: str) -> Builder:
    return lambda: saved(noise(), kind)[:24]


for name in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", *(("AVIF",) if features.check("avif") else ())):
    REFUSED += [
        (f"half-a-{name}", half_of(name), ReferenceNotAnImage),
        (f"{name}-head", head_of(name), ReferenceNotAnImage),
    ]


@pytest.mark.parametrize(("build", "kind"), [pytest.param(b, k, id=i) for i, b, k in REFUSED])
def test_broken_and_foreign_files_are_refused(build: Builder, kind: type[LikenessError]) -> None:
    with pytest.raises(UnusableReference) as caught:
        decode_reference(build(), LIMITS)

    assert type(caught.value) is kind
    assert len(caught.value.message) < 300
    assert caught.value.message.endswith(".")
    assert all(isinstance(value, str | int) for value in caught.value.details.values())


def test_many_threads_decode_alike() -> None:
    good, bomb = saved(halves(), "PNG"), saved(flat(size=(2001, 2000)), "PNG")

    def outcome(data: bytes) -> str:
        try:
            return str(decode_reference(data, LIMITS).size)
        except UnusableReference as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(outcome, [good, bomb] * 40))

    assert outcomes == ["(100, 80)", "REFERENCE_TOO_LARGE"] * 40


def test_limits_follow_the_settings() -> None:
    settings = Settings(
        reference_max_bytes=1,
        reference_max_pixels=2,
        reference_min_side=3,
        reference_max_side=64,
        fetch_timeout=5,
    )

    assert DecodeLimits.from_settings(settings) == DecodeLimits(1, 2, 3, 64, 5)
