"""Draws a run's log: the training loss and every held-out figure against the steps."""

import json
from pathlib import Path

from PIL import Image, ImageDraw

WIDTH, HEIGHT, MARGIN = 480, 220, 34
INK, LINE = (60, 60, 60), (31, 90, 160)


def plot_log(log: Path, out: Path) -> None:
    """One panel for each figure in `log` (JSON lines), two in a row, as a PNG."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for text in log.read_text().splitlines():
        entry = json.loads(text)
        for name, value in entry.items():
            if name not in {"step", "rate", "kind", "seconds"}:
                curves.setdefault(f"{entry['kind']}: {name}", []).append((entry["step"], value))
    rows = (len(curves) + 1) // 2
    sheet = Image.new("RGB", (2 * WIDTH, max(1, rows) * HEIGHT), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (name, points) in enumerate(sorted(curves.items(), reverse=True)):
        _panel(draw, name, points, number % 2 * WIDTH, number // 2 * HEIGHT)
    sheet.save(out)


def _panel(
    draw: ImageDraw.ImageDraw, name: str, points: list[tuple[float, float]], left: int, top: int
) -> None:
    values = sorted(value for _, value in points)
    low, high = values[0], values[max(0, int(len(values) * 0.98) - 1)]  # the first steps may be far off
    if high <= low:
        high = low + 1e-6
    last = max(step for step, _ in points)
    box = (left + MARGIN, top + MARGIN, left + WIDTH - 10, top + HEIGHT - 20)

    def place(step: float, value: float) -> tuple[float, float]:
        part = min(1.05, (value - low) / (high - low))
        return box[0] + (box[2] - box[0]) * step / max(1, last), box[3] - (box[3] - box[1]) * part

    draw.rectangle(box, outline=(210, 210, 210))
    draw.text((left + MARGIN, top + 12), f"{name}   now {points[-1][1]:.4g}", INK)
    draw.text((left + 2, box[1] - 4), f"{high:.3g}", INK)
    draw.text((left + 2, box[3] - 8), f"{low:.3g}", INK)
    draw.text((box[2] - 60, box[3] + 4), f"step {int(last)}", INK)
    if len(points) > 1:
        draw.line([place(*point) for point in points], LINE, 2)
