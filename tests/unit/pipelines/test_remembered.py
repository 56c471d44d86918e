"""What was computed from a picture is computed once, and only the last results are remembered."""

from PIL import Image

from pipelines.remembered import Remembered, pixels_hash


class Measuring:
    """Measures pictures with a memory for 256 of them."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self._remembered = Remembered[list[int]](256)

    def of(self, image: Image.Image) -> list[int]:
        return self._remembered.get(pixels_hash(image), lambda: self._measure(image))

    def _measure(self, image: Image.Image) -> list[int]:
        self.asked.append(image.size)
        return []


def test_a_picture_is_measured_once() -> None:
    measuring = Measuring()
    first = measuring.of(Image.new("RGB", (4, 6), "red"))
    assert measuring.of(Image.new("RGB", (4, 6), "red")) is first
    assert measuring.of(Image.new("RGB", (6, 4), "red")) is not first, "it has the same bytes"
    assert measuring.of(Image.new("RGB", (4, 6), "blue")) is not first
    assert measuring.asked == [(4, 6), (6, 4), (4, 6)]


def test_the_one_that_was_asked_for_longest_ago_is_forgotten() -> None:
    measuring = Measuring()
    for shade in [*range(256), 0, 256]:
        measuring.of(Image.new("RGB", (1, 1), (shade % 256, shade // 256, 0)))
    assert len(measuring.asked) == 257
    measuring.of(Image.new("RGB", (1, 1), (0, 0, 0)))
    assert len(measuring.asked) == 257
    measuring.of(Image.new("RGB", (1, 1), (1, 0, 0)))
    assert len(measuring.asked) == 258
