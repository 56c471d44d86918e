"""`likeness queue`: what waits, by tier, and which workers hold what."""

import typer


def run(*, as_json: bool) -> None:
    """Prints the backlog. Raises QueueUnavailable."""
    from models.base import format_time
    from worker.base.settings import settings
    from worker.cli.table import print_table
    from worker.queue.fleet.backlog import BacklogReader
    from worker.queue.jobs.connection import within_reach

    backlog = BacklogReader(within_reach(settings())).read()
    if as_json:
        typer.echo(backlog.to_json())
        return
    print_table(
        ("tier", "waiting", "parked", "held", "oldest waiting, s"),
        (
            (tier.tier, *map(str, (tier.waiting, tier.parked, tier.held, tier.oldest_waiting_seconds)))
            for tier in backlog.tiers
        ),
    )
    typer.echo("")
    print_table(
        ("worker", "node", "profile", "device", "since", "ready", "jobs"),
        (
            (
                worker.worker or "",
                worker.node,
                worker.profile or "",
                worker.device or "",
                format_time(worker.since) if worker.since else "",
                "yes" if worker.ready else "; ".join(worker.reasons) or "no",
                " ".join(job.job_id for job in worker.jobs),
            )
            for worker in backlog.workers
        ),
    )
    typer.echo(f"\n{backlog.dead_letters} dead letters, {backlog.webhooks_pending} webhooks pending")
    if backlog.signer_ends:
        typer.echo(f"The certificate that images are signed with ends on {backlog.signer_ends:%Y-%m-%d}.")
