"""`likeness doctor`: checks what a worker needs, one thing after another, and says what to do about each."""

from worker.cli.doctor.report import examine

__all__ = ["examine"]
