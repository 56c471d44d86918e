"""`likeness dead`: jobs that failed though they might have gone well, and messages that became no job."""

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Dead letters: list, show, retry or drop them.")
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
    from worker.cli.table import print_table
    from worker.jobs.dead import DeadLetters
    from worker.settings import settings

    letters = DeadLetters(settings()).letters(code, most)
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
def show(letter_id: LetterIdArgument) -> None:
    """Print a dead letter with its message, as JSON."""
    from worker.jobs.dead import DeadLetters
    from worker.settings import settings

    typer.echo(DeadLetters(settings()).get(letter_id).to_json())


@app.command()
def retry(letter_id: LetterIdArgument) -> None:
    """Submit a dead letter's content as a new job, without its deadline, and print the new record.

    A final job never changes, so the new one has an id of its own, which the letter keeps: retrying a letter
    again is the same new job.
    """
    from worker.client import JobClient
    from worker.jobs.dead import DeadLetters
    from worker.settings import settings

    typer.echo(JobClient().submit(DeadLetters(settings()).heir(letter_id)).to_json())


@app.command()
def drop(letter_id: LetterIdArgument) -> None:
    """Forget a dead letter. Its job's record stays."""
    from worker.jobs.dead import DeadLetters
    from worker.settings import settings

    DeadLetters(settings()).drop(letter_id)
