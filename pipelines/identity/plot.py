"""Draws a calibration: how similar the same and different people are, and where the thresholds lie."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from models.calibration import Calibration
from pipelines.identity.statistics import Pairs

_WIDTH, _HEIGHT, _MARGIN = 960, 480, 56
_BINS = 90
_INK, _FAINT = (40, 40, 44), (205, 206, 212)
_GENUINE, _IMPOSTOR = (31, 90, 160), (196, 84, 36)


def plot(calibration: Calibration, pairs: Pairs) -> Image.Image:
    """Draws a density for each kind of one-to-one pairs, with the thresholds as lines. RGB, by Pillow alone."""
    sheet = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    draw = ImageDraw.Draw(sheet)
    low = float(min(pairs.genuine.min(), pairs.impostor.min()))
    edges = np.linspace(np.floor(low * 10) / 10, 1, _BINS + 1)
    counts = [np.histogram(values, edges, density=True)[0] for values in (pairs.impostor, pairs.genuine)]
    highest = max(float(count.max()) for count in counts)
    for count, colour in zip(counts, (_IMPOSTOR, _GENUINE), strict=True):
        draw.line(_outline(edges, count / highest), colour, 2)
    comparison = calibration.faces[0]
    lines = (
        ("FMR 10 %", comparison.widened),
        ("FMR 1 %", comparison.at_fmr_1_percent),
        ("FMR 0.1 %", comparison.at_fmr_01_percent),
    )
    for row, (name, floor) in enumerate(lines):
        _threshold(draw, edges, floor.similarity, f"{name}: {floor.similarity:.3f}", row)
    _axis(draw, edges)
    _write(
        draw,
        (_MARGIN, 12),
        f"{calibration.embedder.name}: EER {comparison.eer:.2%}, AUC {comparison.auc:.4f}",
        _INK,
        18,
    )
    _write(draw, (_MARGIN, 36), f"same person ({comparison.genuine.count} pairs)", _GENUINE)
    _write(draw, (_MARGIN + 230, 36), f"different people ({comparison.impostor.count} pairs)", _IMPOSTOR)
    return sheet


def _outline(edges: npt.NDArray[np.float64], heights: npt.NDArray[np.float64]) -> list[tuple[float, float]]:
    base, top = _HEIGHT - _MARGIN, 2 * _MARGIN
    corners = []
    for left, right, height in zip(edges[:-1], edges[1:], heights, strict=True):
        level = base - (base - top) * float(height)
        corners += [(_across(edges, float(left)), level), (_across(edges, float(right)), level)]
    return corners


def _across(edges: npt.NDArray[np.float64], value: float) -> float:
    return _MARGIN + (_WIDTH - 2 * _MARGIN) * (value - float(edges[0])) / float(edges[-1] - edges[0])


def _threshold(
    draw: ImageDraw.ImageDraw, edges: npt.NDArray[np.float64], value: float, name: str, row: int
) -> None:
    x, top = _across(edges, value), 62 + 16 * row
    draw.line((x, top, x, _HEIGHT - _MARGIN), _FAINT, 1)
    _write(draw, (x + 4, top), name, _INK)


def _axis(draw: ImageDraw.ImageDraw, edges: npt.NDArray[np.float64]) -> None:
    base = _HEIGHT - _MARGIN
    draw.line((_MARGIN, base, _WIDTH - _MARGIN, base), _INK, 1)
    for tenth in range(round(float(edges[0]) * 10), 11):
        x = _across(edges, tenth / 10)
        draw.line((x, base, x, base + 5), _INK, 1)
        _write(draw, (x - 8, base + 8), f"{tenth / 10:g}", _INK)
    _write(
        draw, (_WIDTH // 2 - 150, base + 28), "similarity of two pictures' faces (1: the same picture)", _INK
    )


def _write(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, ink: tuple[int, int, int], size: int = 13
) -> None:
    draw.text(at, text, fill=ink, font=ImageFont.load_default(size=size))
