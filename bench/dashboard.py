"""Draws what the Grafana dashboard in deploy/ would show, from a running Prometheus.

It isn't a picture of Grafana: it asks Prometheus for the dashboard's own queries, and draws the answers on the
dashboard's grid. `python -m bench.dashboard http://localhost:9090 --minutes 20 --out docs/dashboard.png`
"""

import argparse
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from PIL import Image, ImageDraw, ImageFont

DASHBOARD = Path(__file__).parents[1] / "deploy" / "grafana" / "likeness.json"

# Of one cell of Grafana's grid, in pixels; of the heading above it; and of the margin around each panel.
CELL, HEAD, GAP = (70, 36), 56, 5
COLUMNS = 24
INK, FAINT, LINES, BACK, PAPER = "#24292f", "#6e7781", "#e4e7eb", "#f4f5f7", "#ffffff"
COLOURS = ("#3274d9", "#d9622b", "#37872d", "#a352cc", "#c4162a", "#b8860b", "#0f8a8a", "#7a7a7a")
STEPS = {"green": "#37872d", "orange": "#d9822b", "red": "#c4162a"}
POINTS = 240
_SAID = "The dashboard's queries, drawn by bench/dashboard.py; this is not a picture of Grafana."


@dataclass(frozen=True, slots=True)
class Series:
    """One line: its name, and its values by time (seconds of the epoch)."""

    name: str
    values: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Window:
    """The time that is shown, in seconds of the epoch."""

    start: float
    end: float

    @property
    def step(self) -> float:
        return max(1.0, (self.end - self.start) / POINTS)


def asked(base: str, expression: str, legend: str, window: Window) -> list[Series]:
    """Asks Prometheus for one query of a panel."""
    query = {"query": expression, "start": window.start, "end": window.end, "step": window.step}
    with urlopen(f"{base}/api/v1/query_range?{urlencode(query)}", timeout=60) as answer:
        found = json.load(answer)["data"]["result"]
    return [
        Series(named(legend, one["metric"]), [(float(at), float(value)) for at, value in one["values"]])
        for one in found
    ]


def named(legend: str, labels: Mapping[str, str]) -> str:
    """The legend with the labels' values in it."""
    for name, value in labels.items():
        legend = legend.replace(f"{{{{{name}}}}}", value)
    # A label that is empty isn't among them.
    return " ".join(part for part in legend.split() if not part.startswith("{{"))


def worded(value: float, unit: str) -> str:
    """A value as Grafana words it."""
    if math.isnan(value):
        return "no data"
    if unit == "percentunit":
        return f"{value:.0%}"
    if unit == "s":
        sizes = ((86400, "d"), (3600, "h"), (60, "min"))
        size, name = next((one for one in sizes if abs(value) >= one[0]), (1, "s"))
        return f"{value / size:.3g} {name}"
    return f"{value:.3g}" if value % 1 else f"{value:.0f}"


class Panel:
    """One panel of the dashboard, and where it is in the picture."""

    def __init__(self, panel: Mapping[str, Any], draw: ImageDraw.ImageDraw, window: Window) -> None:
        place = panel["gridPos"]
        self._defaults = panel["fieldConfig"]["defaults"]
        self._unit: str = self._defaults["unit"]
        self._panel, self._draw, self._window = panel, draw, window
        self._left = place["x"] * CELL[0] + GAP
        self._top = place["y"] * CELL[1] + HEAD + GAP
        self._right = self._left + place["w"] * CELL[0] - 2 * GAP
        self._bottom = self._top + place["h"] * CELL[1] - 2 * GAP

    def paint(self, series: Sequence[Series]) -> None:
        box = (self._left, self._top, self._right, self._bottom)
        self._draw.rectangle(box, PAPER, LINES)
        self._text(self._left + 10, self._top + 6, self._panel["title"], INK, 15)
        if self._panel["type"] == "stat":
            self._paint_number(series)
        else:
            self._paint_lines(series)

    def _paint_number(self, series: Sequence[Series]) -> None:
        value = series[0].values[-1][1] if series and series[0].values else math.nan
        steps = self._defaults.get("thresholds", {}).get("steps", ())
        reached = [one["color"] for one in steps if one["value"] is None or value >= one["value"]]
        colour = STEPS[reached[-1]] if reached and not math.isnan(value) else INK
        self._text(self._left + 14, self._top + 42, worded(value, self._unit), colour, 44)

    def _paint_lines(self, series: Sequence[Series]) -> None:
        left, right, top, bottom = self._left + 58, self._right - 14, self._top + 34, self._bottom - 76
        shown = [one for one in series if any(not math.isnan(value) for _, value in one.values)]
        if not shown:
            self._text((left + right) / 2 - 30, (top + bottom) / 2, "no data", FAINT, 14)
            return
        stacked = "stacking" in self._defaults.get("custom", {})
        lines = list(_stacked(shown) if stacked else (dict(one.values) for one in shown))
        most = max(value for line in lines for value in line.values() if not math.isnan(value))
        most = self._defaults.get("max", _rounded_up(most))

        def spot(at: float, value: float) -> tuple[float, float]:
            share = (at - self._window.start) / (self._window.end - self._window.start)
            return left + share * (right - left), bottom - min(value / most, 1) * (bottom - top)

        for part in range(5):
            value = most * part / 4
            y = spot(0, value)[1]
            self._draw.line((left, y, right, y), LINES)
            self._text(self._left + 8, y - 8, worded(value, self._unit), FAINT, 12)
        for part in range(5):
            at = self._window.start + (self._window.end - self._window.start) * part / 4
            told = f"{datetime.fromtimestamp(at, UTC):%H:%M}"
            self._text(
                spot(at, 0)[0] - (0 if part == 0 else 30 if part == 4 else 16), bottom + 6, told, FAINT, 12
            )
        for line, colour in reversed(list(zip(lines, _colours(), strict=False))):
            for piece in _pieces(line, self._window.step):
                spots = [spot(at, value) for at, value in piece]
                if stacked and len(spots) > 1:
                    self._draw.polygon(
                        [(spots[0][0], bottom), *spots, (spots[-1][0], bottom)], _lighter(colour)
                    )
                self._draw.line(spots if len(spots) > 1 else spots * 2, colour, 2)
        self._paint_legend(shown, bottom + 28)

    def _paint_legend(self, series: Sequence[Series], top: float) -> None:
        x, y = float(self._left + 12), top
        for one, colour in zip(series, _colours(), strict=False):
            width = self._draw.textlength(one.name, _font(12)) + 30
            if x + width > self._right and x > self._left + 12:
                x, y = float(self._left + 12), y + 16
            if y > self._bottom - 14:
                return
            self._draw.rectangle((x, y + 5, x + 10, y + 9), colour)
            self._text(x + 15, y, one.name, INK, 12)
            x += width

    def _text(self, x: float, y: float, text: str, colour: str, size: int) -> None:
        self._draw.text((x, y), text, colour, _font(size))


def _stacked(series: Sequence[Series]) -> Iterator[dict[float, float]]:
    total: dict[float, float] = {}
    for one in series:
        total = total | {at: total.get(at, 0) + value for at, value in one.values if not math.isnan(value)}
        yield {at: total[at] for at, value in one.values if not math.isnan(value)}


def _pieces(line: Mapping[float, float], step: float) -> Iterator[list[tuple[float, float]]]:
    """The parts of a line between gaps."""
    piece: list[tuple[float, float]] = []
    for at, value in sorted(line.items()):
        if math.isnan(value) or (piece and at - piece[-1][0] > 1.5 * step):
            if piece:
                yield piece
            piece = []
        if not math.isnan(value):
            piece.append((at, value))
    if piece:
        yield piece


def _rounded_up(value: float) -> float:
    if value <= 0:
        return 1.0
    size = 10.0 ** math.floor(math.log10(value))
    return next(step * size for step in (1, 2, 4, 5, 8, 10) if value <= step * size)


def _colours() -> Iterator[str]:
    while True:
        yield from COLOURS


def _lighter(colour: str) -> str:
    parts = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{round(255 - (255 - part) * 0.25):02x}" for part in parts)


def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("prometheus", help="its URL")
    options.add_argument("--minutes", type=float, default=60)
    options.add_argument("--out", type=Path, required=True)
    given = options.parse_args()
    now = time.time()
    window = Window(now - given.minutes * 60, now)
    dashboard = json.loads(DASHBOARD.read_text())
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"])
    sheet = Image.new("RGB", (COLUMNS * CELL[0], rows * CELL[1] + HEAD), BACK)
    draw = ImageDraw.Draw(sheet)
    start, end = (datetime.fromtimestamp(at, UTC) for at in (window.start, window.end))
    told = f"{start:%Y-%m-%d %H:%M} to {end:%H:%M} UTC. {_SAID}"
    draw.text((GAP * 2, 14), dashboard["title"], INK, _font(26))
    draw.text((150, 22), told, FAINT, _font(15))
    for panel in dashboard["panels"]:
        series = [
            one
            for target in panel["targets"]
            for one in asked(given.prometheus, target["expr"], target["legendFormat"], window)
        ]
        Panel(panel, draw, window).paint(series)
    sheet.save(given.out, optimize=True)


if __name__ == "__main__":
    main()
