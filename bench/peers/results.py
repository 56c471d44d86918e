"""The rounds' results, in a file that each round is added to."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Setting:
    """Seconds that the device takes for an image, and how many jobs of four images a round has."""

    seconds: float
    jobs: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One round: its time as a multiple of the device's, seconds of CPU an image, and the machine's load before."""

    ratio: float
    cpu: float
    load: float

    def __str__(self) -> str:
        cpu = f"{self.cpu * 1e3:.0f} ms of CPU an image"
        return f"{self.ratio:.3f} of the device's time, {cpu}, load {self.load:.1f}"


class Results:
    """All rounds so far. What the file has already counts."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._rounds: dict[str, list[dict[str, Any]]] = json.loads(file.read_text()) if file.exists() else {}

    def count(self, name: str, setting: Setting) -> int:
        return len(self._of(name, setting))

    def add(self, name: str, setting: Setting, measured: Measured) -> None:
        self._rounds.setdefault(_key(name, setting), []).append(asdict(measured))
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(self._rounds, indent=1) + "\n")

    def median(self, name: str, setting: Setting) -> Measured | None:
        """The median of each figure; None if the side wasn't measured."""
        rounds = self._of(name, setting)
        if not rounds:
            return None
        return Measured(*(median(getattr(each, of) for each in rounds) for of in ("ratio", "cpu", "load")))

    def table(self, names: Sequence[str], settings: Sequence[Setting]) -> str:
        """A table in Markdown, with one row for each side."""
        heads = " | ".join(f"{each.seconds:g} s an image, {each.jobs} jobs | CPU" for each in settings)
        rows = [f"| | {heads} | load |", f"|---{'|---|---' * len(settings)}|---|"]
        for name in names:
            cells, loads = [], []
            for setting in settings:
                found = self.median(name, setting)
                cells += ["", ""] if found is None else [f"{found.ratio:.3f}", f"{found.cpu * 1e3:.0f} ms"]
                loads += [] if found is None else [found.load]
            if loads:
                rows.append(f"| {name} | {' | '.join(cells)} | {max(loads):.1f} |")
        return "\n".join(rows)

    def _of(self, name: str, setting: Setting) -> list[Measured]:
        return [Measured(**each) for each in self._rounds.get(_key(name, setting), [])]


def _key(name: str, setting: Setting) -> str:
    return f"{name} | {setting.seconds:g} s, {setting.jobs} jobs"
