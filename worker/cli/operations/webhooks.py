"""`likeness webhooks`: delivers webhooks, lists deliveries, and delivers one again."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from worker.base.observers.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.webhook import Delivery

app = typer.Typer(no_args_is_help=True, help="Webhooks: deliver them, list deliveries, deliver again.")


class State(StrEnum):
    pending = "pending"
    delivered = "delivered"
    failed = "failed"


@app.command()
def deliver() -> None:
    """Deliver webhooks until SIGTERM. One process is enough; more share the work. Needs no device."""
    with serving():
        from worker.base.settings import settings
        from worker.webhooks.deliverer import run

        run(settings())


@app.command("list")
def list_deliveries(
    state: Annotated[State | None, typer.Option(help="Only those that stand so.")] = None,
    most: Annotated[int, typer.Option("--limit", min=1, help="How many.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="One JSON document a line.")] = False,
) -> None:
    """List deliveries: pending ones first, then ended ones, the latest first."""
    from worker.base.settings import settings
    from worker.queue.jobs.connection import within_reach
    from worker.webhooks.outbox import Outbox

    _print(Outbox(within_reach(settings())).deliveries(state.value if state else None, most), as_json=json)


@app.command()
def replay(
    name: Annotated[str, typer.Argument(metavar="JOB_ID|WEBHOOK_ID", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="One JSON document a line.")] = False,
) -> None:
    """Deliver a webhook again, with the same webhook id, whatever came of it before. Also lifts a 410's stop."""
    from worker.base.settings import settings
    from worker.queue.jobs.connection import within_reach
    from worker.webhooks.outbox import Outbox

    _print(Outbox(within_reach(settings())).replay(name), as_json=json)


def _print(deliveries: "Iterable[Delivery]", *, as_json: bool) -> None:
    from models.base import format_time
    from worker.cli.table import print_table

    if as_json:
        for delivery in deliveries:
            typer.echo(delivery.to_json())
        return
    rows = (
        (
            delivery.webhook_id,
            delivery.job_id,
            delivery.type,
            delivery.state,
            str(delivery.tries),
            delivery.last_answer or "",
            format_time(delivery.next_try_at) if delivery.next_try_at else "",
            delivery.url,
        )
        for delivery in deliveries
    )
    print_table(("webhook", "job", "type", "state", "tries", "last answer", "next try", "URL"), rows)
