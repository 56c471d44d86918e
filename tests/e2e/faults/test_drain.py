"""SIGTERM while the queue is full."""

import json
from pathlib import Path

import pytest

from tests.e2e.faults.planned import Planned
from tests.e2e.faults.run import DRAIN_GRACE, Form, run


@pytest.mark.timeout(180)
def test_a_worker_that_leaves_under_load_keeps_nobody_waiting(tmp_path: Path) -> None:
    # Whatever it has in hand, one job takes longer than the grace, or waits for the device.
    form = Form(
        jobs=8, faults=0, seconds=1, patience=90, workers=2, image_seconds=DRAIN_GRACE / 3, project_limit=None
    )
    report = run(form, 0, tmp_path, [Planned("SIGTERM of a worker", at=1, lasts=0, draw=0)])
    assert not report.wrong, "\n".join(report.wrong)
    (left,) = report.injected
    assert left.jobs, "it had some in its hands"
    # Its processes end after the last job does.
    assert report.slowest_drain < DRAIN_GRACE + 5
    reasons = {event.reason for seen in report.seen for event in seen.events if event.type == "job.requeued"}
    assert reasons == {"WORKER_DRAINS"}, "no lease had to run out"
    said = [json.loads(line) for log in tmp_path.glob("worker-*.log") for line in _documents(log)]
    assert any(line["event"] == "job.handed_back" for line in said)
    assert not any(line["event"] == "job.sent_again" for line in said), "no reaper had to look after it"
    assert report.left_over == [], "jobs clean up after themselves"


def _documents(log: Path) -> list[str]:
    return [line for line in log.read_text().splitlines() if line.startswith("{")]
