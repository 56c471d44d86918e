"""`likeness watch`: follows a job to its end, as bars, lines or JSON."""

import typer
from rich.console import Console

from models.record import JobStatus
from worker.base.endings import ExitCode
from worker.base.settings import settings
from worker.cli.jobs.progress import shown_on
from worker.client import JobClient
from worker.queue.jobs.connection import within_reach

_CODES: dict[JobStatus, ExitCode] = {
    "completed": ExitCode.DONE,
    "failed": ExitCode.FAILED,
    "canceled": ExitCode.CANCELED,
}


def follow(job_id: str, after: int = 0, *, as_json: bool) -> ExitCode:
    """Shows the job's events until it is final. Returns the exit code for its end. Raises NotFound."""
    client = JobClient(within_reach(settings()))
    if as_json:
        for event in client.watch(job_id, after):
            typer.echo(event.to_json())
    else:
        with shown_on(Console()) as shown:
            for event in client.watch(job_id, after):
                shown.event(event)
    return _CODES[client.get(job_id).status]
