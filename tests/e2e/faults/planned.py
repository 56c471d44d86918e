"""Faults: those to come, and those that were."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault to come: `at` seconds from the start, for `lasts` seconds where it lasts."""

    kind: str
    at: float
    lasts: float
    draw: int


@dataclass(frozen=True, slots=True)
class Injected:
    """A fault that was. `jobs` were in the hands of whom it hit, and go on from `since` at the earliest: when it
    came, or for outages when it was over. Seconds since 1970."""

    kind: str
    at: float
    since: float
    jobs: tuple[str, ...]
