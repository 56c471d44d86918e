"""Pictures that come again are measured once, and only the last ones are remembered."""

from PIL import Image

from pipelines.identity.portrait import Portrait
from pipelines.identity.remembered import RememberedPortraits


def measured(portraits: dict[str, list[Portrait]]) -> tuple[RememberedPortraits, list[tuple[int, int]]]:
    asked: list[tuple[int, int]] = []

    def measure(image: Image.Image) -> Portrait:
        asked.append(image.size)
        return portraits["jonas"][len(asked) % 6]

    return RememberedPortraits(measure), asked


def test_a_picture_is_measured_once(portraits: dict[str, list[Portrait]]) -> None:
    remembered, asked = measured(portraits)
    first = remembered.of(Image.new("RGB", (4, 6), "red"))
    assert remembered.of(Image.new("RGB", (4, 6), "red")) is first
    assert remembered.of(Image.new("RGB", (6, 4), "red")) is not first, "it has the same bytes"
    assert remembered.of(Image.new("RGB", (4, 6), "blue")) is not first
    assert asked == [(4, 6), (6, 4), (4, 6)]


def test_the_one_that_was_asked_for_longest_ago_is_forgotten(portraits: dict[str, list[Portrait]]) -> None:
    remembered, asked = measured(portraits)
    for shade in [*range(256), 0, 256]:
        remembered.of(Image.new("RGB", (1, 1), (shade % 256, shade // 256, 0)))
    assert len(asked) == 257
    remembered.of(Image.new("RGB", (1, 1), (0, 0, 0)))
    assert len(asked) == 257
    remembered.of(Image.new("RGB", (1, 1), (1, 0, 0)))
    assert len(asked) == 258
