"""Draws the results: for each side, how much longer than the device alone the jobs took."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bench.peers.results import Results, Setting

_WIDTH, _LEFT, _RIGHT, _TOP, _FOOT = 1800, 520, 180, 170, 90
_BAR, _GAP, _BETWEEN = 26, 4, 26
_INK = (38, 38, 42)
# From the slowest device to the fastest one.
_OWN = ((150, 186, 226), (76, 132, 194), (24, 78, 146))
_PEERS = ((222, 210, 196), (190, 166, 138), (140, 112, 82))
_TITLE = "Time beyond what the device alone takes"


def draw(results: Results, names: Sequence[str], settings: Sequence[Setting], file: Path) -> None:
    """Writes a PNG with a bar for each side and setting, with `settings` from the slowest device to the fastest."""
    rows = [
        (name, setting, _OWN if name.startswith("Likeness") else _PEERS, number)
        for name in names
        for number, setting in enumerate(settings)
        if results.count(name, setting)
    ]
    if not rows:
        return
    extras = [_extra(results, name, setting) for name, setting, _, _ in rows]
    most = max(*extras, 1.0)
    groups = len({name for name, *_ in rows})
    height = _TOP + len(rows) * (_BAR + _GAP) + groups * _BETWEEN + _FOOT
    sheet = Image.new("RGB", (_WIDTH, height), "white")
    pen = ImageDraw.Draw(sheet)
    _head(pen, settings)
    y, last = _TOP, ""
    for (name, _, colours, number), extra in zip(rows, extras, strict=True):
        if name != last:
            y += _BETWEEN if last else 0
            count = sum(other == name for other, *_ in rows)
            middle = y + (count * (_BAR + _GAP) - _GAP) / 2
            _write(pen, (_LEFT - 24, middle), name, 32, anchor="rm")
            last = name
        end = _LEFT + (_WIDTH - _LEFT - _RIGHT) * max(extra, 0) / most
        pen.rectangle((_LEFT, y, max(end, _LEFT + 2), y + _BAR), colours[number])
        _write(pen, (end + 12, y + _BAR / 2), f"+{extra:.1f} %", 26, anchor="lm")
        y += _BAR + _GAP
    pen.line((_LEFT, _TOP - 12, _LEFT, y + 4), _INK, 3)
    _write(pen, (_LEFT, y + 28), "0 %: the device never waits", 26, anchor="lm")
    file.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(file, optimize=True)


def _extra(results: Results, name: str, setting: Setting) -> float:
    found = results.median(name, setting)
    assert found
    return (found.ratio - 1) * 100


def _head(pen: ImageDraw.ImageDraw, settings: Sequence[Setting]) -> None:
    _write(pen, (40, 52), _TITLE, 44, anchor="lm")
    x = 40
    for setting, own, peers in zip(settings, _OWN, _PEERS, strict=True):
        for colour in (own, peers):
            pen.rectangle((x, 102, x + 26, 128), colour)
            x += 30
        text = f"{setting.seconds:g} s an image, {setting.jobs} jobs of 4"
        _write(pen, (x + 8, 115), text, 26, anchor="lm")
        x += 40 + round(pen.textlength(text, font=ImageFont.load_default(size=26)))


def _write(pen: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size: int, *, anchor: str) -> None:
    pen.text(at, text, fill=_INK, font=ImageFont.load_default(size=size), anchor=anchor)
