"""`likeness dead`: lists, shows, retries and drops dead letters (failed jobs, and messages that aren't jobs)."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from models.dead import DeadLetter
    from worker.queue.jobs.dead import DeadLetters

app = typer.Typer(no_args_is_help=True, help="Dead letters: list, show, retry or drop them.")
AlreadyJson = Annotated[bool, typer.Option("--json", help="Changes nothing: the output is JSON.")]
LetterIdArgument = Annotated[
    str, typer.Argument(metavar="ID", show_default=False, help="As `list` shows it.")
]


@app.command("list")
def list_letters(
    code: Annotated[str | None, typer.Option(help="Only those with this error code.")] = None,
    most: Annotated[int, typer.Option("--limit", min=1, help="How many.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="One JSON document a line.")] = False,
) -> None:
    """List dead letters, the latest first."""
    from models.base import format_time
    from worker.base.settings import settings
    from worker.cli.table import print_table
    from worker.queue.jobs.connection import within_reach
    from worker.queue.jobs.dead import DeadLetters

    letters = DeadLetters(within_reach(settings())).letters(code, most)
    if json:
        for letter in letters:
            typer.echo(letter.to_json())
        return
    rows = (
        (one.letter_id, format_time(one.at), one.error.code, one.retried_as or "", one.error.message)
        for one in letters
    )
    print_table(("id", "at", "code", "retried as", "message"), rows)


@app.command()
def show(letter_id: LetterIdArgument, _json: AlreadyJson = False) -> None:
    """Print a dead letter with its message, as JSON."""
    from worker.base.settings import settings
    from worker.queue.jobs.connection import within_reach
    from worker.queue.jobs.dead import DeadLetters

    typer.echo(DeadLetters(within_reach(settings())).get(letter_id).to_json())


@app.command()
def retry(
    letter_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", show_default=False, help="As `list` shows them.")
    ] = None,
    code: Annotated[str | None, typer.Option(help="All with this error code.")] = None,
    since: Annotated[
        datetime | None, typer.Option(help="All that failed since then, UTC, such as 2026-11-28T20:15:00.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that there are.")] = False,
    _json: AlreadyJson = False,
) -> None:
    """Submit dead letters' contents as new jobs, without their deadlines, and print each new record.

    A final job never changes, so the new one has an id of its own, which the letter keeps: retrying a letter again
    gives the same new job. With both `--code` and `--since`, a letter must match both. They and `--all` leave out
    letters that were already retried, and those that aren't jobs.
    """
    from models.errors import InvalidInput
    from worker.base.settings import settings
    from worker.client import JobClient
    from worker.queue.jobs.connection import within_reach
    from worker.queue.jobs.dead import DeadLetters

    is_choice = every or code is not None or since is not None
    if is_choice == bool(letter_ids):
        raise InvalidInput("Give ids of dead letters, or some of --code, --since and --all.")
    letters, client = DeadLetters(within_reach(settings())), JobClient()
    for letter_id in letter_ids or _chosen(letters, code, since):
        typer.echo(client.submit(letters.heir(letter_id)).to_json())


def _chosen(letters: "DeadLetters", code: str | None, since: datetime | None) -> list[str]:
    """Ids of the letters to retry, the oldest first: the order in which they were submitted."""
    after = since.astimezone(UTC) if since and since.tzinfo else since and since.replace(tzinfo=UTC)
    return [
        letter.letter_id
        for letter in reversed(letters.letters(code))
        if _can_be_retried(letter) and (after is None or letter.at >= after)
    ]


def _can_be_retried(letter: "DeadLetter") -> bool:
    return (
        letter.retried_as is None and isinstance(letter.message, dict) and letter.letter_id.startswith("job_")
    )


@app.command()
def drop(letter_id: LetterIdArgument) -> None:
    """Forget a dead letter. Its job's record stays."""
    from worker.base.settings import settings
    from worker.queue.jobs.connection import within_reach
    from worker.queue.jobs.dead import DeadLetters

    DeadLetters(within_reach(settings())).drop(letter_id)
