"""A run in figures, as Markdown for bench/RESULTS.md."""

from collections import Counter
from statistics import median
from typing import TYPE_CHECKING

from models.event import JobEvent

if TYPE_CHECKING:
    from tests.e2e.faults.run import Report

# A lost lease shows within its term and a look of the reaper.
_SHOWS_WITHIN = 8.0


def recovery(events: list[JobEvent], since: float) -> float | None:
    """Seconds from `since` until the job moves on: a step of an image is told, or its end. If it was put back on
    the queue for the fault, then the step after that. None if it had ended before."""
    later = [event for event in events if event.at.timestamp() > since]
    if not later:
        return None
    for number, event in enumerate(later):
        if event.type == "job.requeued" and event.at.timestamp() < since + _SHOWS_WITHIN:
            later = later[number:]
            break
    for event in later:
        if event.type == "job.progress" or event.is_terminal:
            return event.at.timestamp() - since
    return None


def table(report: "Report") -> str:
    events = {seen.job.job_id: list(seen.events) for seen in report.seen}
    rows = [
        "| fault | times | jobs in hand | went on after, median | max |",
        "|---|---|---|---|---|",
    ]
    for kind in sorted({fault.kind for fault in report.injected}):
        faults = [fault for fault in report.injected if fault.kind == kind]
        waits = [
            wait
            for fault in faults
            for job in fault.jobs
            if (wait := recovery(events[job], fault.since)) is not None
        ]
        jobs = sum(len(fault.jobs) for fault in faults)
        told = f"{median(waits):.1f} s | {max(waits):.1f} s" if waits else "| "
        rows.append(f"| {kind} | {len(faults)} | {jobs or ''} | {told} |")
    ends = Counter(seen.record.status if seen.record else "lost" for seen in report.seen)
    attempts = Counter(seen.record.attempts for seen in report.seen if seen.record)
    images = sum(len(seen.rendered) for seen in report.seen)
    return "\n".join(
        [
            *rows,
            "",
            f"seed {report.seed}; {report.took:.0f} s; {len(report.seen)} jobs ended {dict(ends)}; "
            f"{len(report.injected)} faults; {report.workers_started} workers started; "
            f"{images} images rendered, {report.rendered_again} of them again; "
            f"attempts of a job: {dict(sorted(attempts.items()))}; "
            f"slowest end after SIGTERM {report.slowest_drain:.1f} s; "
            f"left over, and deleted by `likeness gc`: {len(report.left_over)} objects",
        ]
    )
