"""The fault suite's short form, and every fault in it at least once. `make faults` is the long one."""

import os
from pathlib import Path

import pytest
import typer

from tests.e2e.faults import figures
from tests.e2e.faults.run import SMALL, run


@pytest.mark.timeout(300)
def test_thirty_jobs_through_every_fault(tmp_path: Path) -> None:
    # The plan is the same each time, unless another is asked for. Its moments never are.
    seed = int(os.environ.get("FAULTS_SEED", "6"))
    report = run(SMALL, seed, tmp_path)
    typer.echo(figures.table(report))
    assert not report.wrong, "\n".join([f"seed {seed}", *report.wrong])
    assert len(report.injected) >= 15
