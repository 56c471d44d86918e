"""A job's progress: bars on a terminal, a plain line for each event in a pipe."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from models.event import JobEvent
from worker.cli.jobs.progress import sentence, shown_on
from worker.cli.table import print_table


def event(type_: str, **fields: Any) -> JobEvent:
    base = {
        "type": type_,
        "jobId": "job_1",
        "sequence": 1,
        "at": "2026-11-27T10:58:00.125Z",
        "status": "running",
        "stage": "rendering",
        "progress": 0.25,
    }
    return JobEvent.parse(base | fields)


STEP = event("job.progress", shot="front", step=1, steps=2)


@pytest.mark.parametrize(
    ("happened", "said"),
    [
        (event("job.submitted"), "submitted"),
        (event("job.started", attempt=2), "attempt 2 begins"),
        (event("job.stage"), "rendering"),
        (STEP, "front: step 1 of 2"),
        (event("job.requeued", reason="draining"), "back on the queue: draining"),
        (
            event(
                "job.reference_rejected",
                reference={"index": 3, "assetId": "med_1", "code": "REFERENCE_NOT_FOUND", "message": "Gone."},
            ),
            "reference 4 left out: REFERENCE_NOT_FOUND",
        ),
        (
            event("job.failed", status="failed", error={"code": "NO_USABLE_REFERENCE", "message": "None."}),
            "failed with NO_USABLE_REFERENCE: None.",
        ),
        (event("job.canceled", status="canceled"), "canceled"),
        (
            event(
                "job.failed", status="failed", error={"code": "X", "message": "A \x1b[2J\n\u202ebell\x07."}
            ),
            "failed with X: A \ufffd[2J\ufffd\ufffdbell\ufffd.",
        ),
    ],
)
def test_each_event_is_a_sentence(happened: JobEvent, said: str) -> None:
    assert sentence(happened) == said


def test_in_a_pipe_there_are_lines() -> None:
    out = StringIO()
    with shown_on(Console(file=out)) as shown:
        shown.waits("loads its model")
        shown.waits("loads its model")
        shown.event(STEP)
    assert out.getvalue() == "loads its model\n10:58:00  25%  front: step 1 of 2\n"


def test_on_a_terminal_there_are_bars() -> None:
    out = StringIO()
    with shown_on(Console(file=out, force_terminal=True, width=100)) as shown:
        shown.waits("loads its model")
        shown.event(STEP)
        shown.event(event("job.failed", status="failed", error={"code": "INTERNAL", "message": "A [bug]."}))
    drawn = out.getvalue()
    assert "━" in drawn
    assert "  25 %" in drawn
    assert "failed with INTERNAL: A [bug]." in drawn


def test_a_table_s_cells_steer_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("id", "message"), [("job_1", "\x1b]0;owned\x07 [bold]Zoë[/]\nforged row")])
    assert "job_1  \ufffd]0;owned\ufffd [bold]Zoë[/]\ufffdforged row" in capsys.readouterr().out
