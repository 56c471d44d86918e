"""Draws a contact sheet: a persona's references above its clone's images, with captions and optional notes."""

from collections.abc import Mapping, Sequence
from math import ceil

from PIL import Image, ImageDraw, ImageFont, ImageOps

_CELL = 224
_GAP = 20
_MARGIN = 48
_CAPTION = 34
_NOTE = 20
_MOST_COLUMNS = 8
_SAID = {"Clone": ": AI-made images"}
_INK = (28, 28, 32)
_FAINT = (122, 124, 132)
_RULE = (226, 227, 231)


def contact_sheet(
    title: str,
    references: Sequence[Image.Image],
    images: Sequence[tuple[str, Image.Image]],
    notes: Mapping[str, str] | None = None,
) -> Image.Image:
    """Draws an RGB sheet on white. `images` are pairs of a shot's name and its picture. Rows wrap after eight.

    `notes` go under the captions that they are keyed by: a shot's name, or a reference's number, from 1.
    """
    notes = notes or {}
    sections = [
        ("References", [(str(number), image) for number, image in enumerate(references, start=1)]),
        ("Clone", list(images)),
    ]
    columns = max(3, min(_MOST_COLUMNS, max(len(cells) for _, cells in sections)))
    width = 2 * _MARGIN + columns * (_CELL + _GAP) - _GAP
    heading, row = 48, _CELL + _CAPTION + _GAP // 2
    rows = [row + _NOTE * any(caption in notes for caption, _ in cells) for _, cells in sections]
    heights = [
        heading + ceil(len(cells) / columns) * row for row, (_, cells) in zip(rows, sections, strict=True)
    ]
    top = _MARGIN + 60
    sheet = Image.new("RGB", (width, top + sum(heights) + 24 + _MARGIN - _GAP), "white")
    draw = ImageDraw.Draw(sheet)
    _write(draw, (_MARGIN, _MARGIN - 10), title, size=34, ink=_INK, width=width - 2 * _MARGIN)
    for (name, cells), row, height in zip(sections, rows, heights, strict=True):
        draw.line((_MARGIN, top, width - _MARGIN, top), fill=_RULE, width=2)
        heading_text = f"{name} ({len(cells)}){_SAID.get(name, '')}"
        _write(draw, (_MARGIN, top + 13), heading_text, size=18, ink=_FAINT, width=width - 2 * _MARGIN)
        for index, (caption, image) in enumerate(cells):
            left = _MARGIN + index % columns * (_CELL + _GAP)
            upper = top + heading + index // columns * row
            sheet.paste(_thumbnail(image), (left, upper))
            _write(draw, (left, upper + _CELL + 6), caption, size=17, ink=_INK, width=_CELL)
            if caption in notes:
                at = (left, upper + _CELL + 6 + _NOTE)
                _write(draw, at, notes[caption], size=14, ink=_FAINT, width=_CELL)
        top += height + 24
    return sheet


def _thumbnail(image: Image.Image) -> Image.Image:
    return ImageOps.pad(image.convert("RGB"), (_CELL, _CELL), Image.Resampling.LANCZOS, color=(243, 244, 246))


def _write(
    draw: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    *,
    size: int,
    ink: tuple[int, int, int],
    width: int,
) -> None:
    """Writes one line of text, cut off with an ellipsis if it would be wider than `width` pixels."""
    # Pillow's own font: the sheet looks the same wherever it is made.
    font = ImageFont.load_default(size=size)
    line = " ".join(text.split())
    shown = line
    while shown and draw.textlength(shown + ("" if shown == line else "..."), font=font) > width:
        shown = shown[:-1]
    draw.text(at, shown if shown == line else shown.rstrip() + "...", font=font, fill=ink)
