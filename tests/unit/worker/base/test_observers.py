"""Observers: all are told, and none can do harm."""

import pytest

from models.errors import InvalidSettings
from worker.base.observers import all as module
from worker.base.observers.all import Observers, added_observers
from worker.base.observers.observer import Observer


class Ledger(Observer):
    def __init__(self) -> None:
        self.lines: list[tuple[str, ...]] = []

    def job_ended(self, job_id: str, status: str, code: str = "") -> None:
        self.lines.append((job_id, status, code))


class Broken(Observer):
    def job_ended(self, job_id: str, status: str, code: str = "") -> None:
        raise RuntimeError(job_id)


def test_what_one_raises_does_not_keep_it_from_the_others() -> None:
    first, last = Ledger(), Ledger()
    Observers([first, Broken(), last]).job_ended("job_1", "failed", "NO_USABLE_REFERENCE")
    assert first.lines == last.lines == [("job_1", "failed", "NO_USABLE_REFERENCE")]


def test_every_hook_is_handed_on() -> None:
    hooks = [name for name in vars(Observer) if not name.startswith("_")]
    assert hooks
    assert all(name in vars(Observers) for name in hooks)


def test_one_that_can_not_be_made_is_told_before_a_job_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    class Found:
        name, value = "audit", "audit:Log"

        def load(self) -> object:
            raise ImportError("no module named audit")

    monkeypatch.setattr(module, "entry_points", lambda group: [Found()] if group == module.GROUP else [])
    with pytest.raises(InvalidSettings, match="audit"):
        added_observers()
