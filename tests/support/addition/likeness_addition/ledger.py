"""An observer: a line for each job that ends, in the file that LEDGER names."""

import os
from pathlib import Path

from models.record import JobStatus
from worker.base.observers.observer import Observer


class Ledger(Observer):
    def __init__(self) -> None:
        self._file = Path(os.environ["LEDGER"])

    def job_ended(self, job_id: str, status: JobStatus, code: str = "") -> None:
        with self._file.open("a") as file:
            file.write(f"{job_id} {status} {code}\n")
