"""`likeness jobs`: lists jobs. There is no index of all of them: this goes through Redis's keys, page by page."""

from collections.abc import Iterator
from heapq import nlargest
from itertools import islice
from typing import cast

import typer

from models.base import format_time
from models.record import JobRecord
from worker.base.settings import Settings, settings
from worker.cli.table import print_table
from worker.queue.jobs import JobStore
from worker.queue.jobs.connection import connect, guarded, within_reach

_PAGE = 1000
_FIELDS = ("job_id", "project_id", "organisation", "status", "kind", "submitted_at")


def run(most: int, *, as_json: bool, **asked: str | None) -> None:
    """Prints the records of the latest jobs that match `asked`. Raises QueueUnavailable."""
    records = latest(within_reach(settings()), most, **asked)
    if as_json:
        for record in records:
            typer.echo(record.to_json())
        return
    rows = (
        (
            record.job_id,
            format_time(record.submitted_at),
            record.kind,
            record.status,
            record.stage,
            f"{record.progress:.0%}",
            record.project_id,
            record.influencer_id,
            record.error.code if record.error else "",
        )
        for record in records
    )
    print_table(
        ("job", "submitted", "kind", "status", "stage", "done", "project", "influencer", "error"), rows
    )


def latest(configured: Settings, most: int, **asked: str | None) -> list[JobRecord]:
    """The records of at most so many jobs that Redis knows, the latest first. `asked`: values that their fields
    must have."""
    wanted = {name: value for name, value in asked.items() if value is not None}
    found = (
        (int(fields["submitted_at"]), fields["job_id"])
        for fields in _all_fields(configured)
        # A key without them is one that expired meanwhile.
        if fields["submitted_at"] and all(fields[name] == value for name, value in wanted.items())
    )
    records = JobStore(configured).records([job_id for _, job_id in nlargest(most, found)])
    return [record for record in records if record]


def _all_fields(configured: Settings) -> Iterator[dict[str, str]]:
    redis = connect(configured)
    keys = redis.scan_iter(match=f"{_escaped(configured.redis_prefix)}:job:*", count=_PAGE)
    # A scan may show a key twice.
    seen: set[str] = set()
    while page := cast("list[str]", guarded(lambda: list(islice(keys, _PAGE)))):
        new = [key for key in dict.fromkeys(page) if key not in seen]
        seen.update(new)
        with redis.pipeline(transaction=False) as pipeline:
            for key in new:
                pipeline.hmget(key, _FIELDS)
            for values in guarded(pipeline.execute):
                yield dict(zip(_FIELDS, (value or "" for value in values), strict=True))


def _escaped(text: str) -> str:
    """Text as a glob pattern that matches it alone."""
    return "".join(f"\\{letter}" if letter in "*?[]\\" else letter for letter in text)
