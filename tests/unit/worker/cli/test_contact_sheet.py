"""The contact sheet shows every image, wraps long rows and survives any text."""

import pytest
from PIL import Image

from worker.cli.demo.contact_sheet import contact_sheet


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (100, 100)) -> Image.Image:
    return Image.new("RGB", size, colour)


def colours(sheet: Image.Image) -> set[object]:
    found = sheet.getcolors(sheet.width * sheet.height)
    assert found is not None
    return {colour for _, colour in found}


def test_every_picture_is_on_it_on_white() -> None:
    references = [picture((200, 10 * i, 0)) for i in range(3)]
    images = [(f"shot-{i}", picture((0, 10 * i, 200))) for i in range(11)]
    sheet = contact_sheet("Robin", references, images)
    assert sheet.mode == "RGB"
    assert sheet.getpixel((0, 0)) == (255, 255, 255)
    wanted = {image.getpixel((0, 0)) for image in (*references, *(image for _, image in images))}
    assert wanted <= colours(sheet)


def test_rows_wrap_after_eight() -> None:
    sheets = [
        contact_sheet("t", [picture((1, 2, 3))], [("s", picture((3, 2, 1)))] * n) for n in (8, 9, 16, 17)
    ]
    assert len({sheet.width for sheet in sheets}) == 1
    heights = [sheet.height for sheet in sheets]
    assert heights[0] < heights[1] == heights[2] < heights[3]


@pytest.mark.parametrize("which", ["title", "caption"])
def test_captions_and_title_are_drawn(which: str) -> None:
    def sheet(text: str) -> bytes:
        title, caption = (text, "c") if which == "title" else ("t", text)
        return contact_sheet(title, [picture((9, 9, 9))], [(caption, picture((8, 8, 8)))]).tobytes()

    assert sheet("front") != sheet("smile")


def test_a_note_goes_under_the_shot_that_it_is_of() -> None:
    images = [("a", picture((9, 9, 9))), ("b", picture((8, 8, 8)))]
    plain = contact_sheet("t", [picture((7, 7, 7))], images)
    noted = contact_sheet("t", [picture((7, 7, 7))], images, {"b": "0.71"})
    assert noted.height > plain.height
    # The left of the two shots has none.
    left, right = ((0, 0, 290, plain.height), (290, 0, plain.width, plain.height))
    assert noted.crop(left).tobytes() == plain.crop(left).tobytes()
    assert noted.crop(right).tobytes() != plain.crop(right).tobytes()


def test_a_reference_is_noted_by_its_number() -> None:
    references = [picture((9, 9, 9)), picture((8, 8, 8))]
    plain = contact_sheet("t", references, [])
    noted = contact_sheet("t", references, [], {"2": "left out"})
    right = (290, 0, plain.width, plain.height)
    assert noted.height > plain.height
    assert noted.crop(right).tobytes() != plain.crop(right).tobytes()


def test_a_long_caption_does_not_run_into_its_neighbour() -> None:
    def right_half(caption: str) -> bytes:
        sheet = contact_sheet("t", [], [(caption, picture((9, 9, 9))), ("b", picture((8, 8, 8)))])
        return sheet.crop((290, 0, sheet.width, sheet.height)).tobytes()

    assert right_half("w" * 200) == right_half("a")


def test_nothing_to_show_is_a_sheet_too_and_a_wide_picture_is_not_cropped() -> None:
    assert contact_sheet("", [], []).height > 100
    assert (7, 70, 170) in colours(contact_sheet("t", [picture((7, 70, 170), (400, 20))], []))
