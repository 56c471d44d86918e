"""The API's commands as the command line shows them. What they need is imported when they run."""

from pathlib import Path
from typing import Annotated

import typer


def api() -> None:
    """Serve the HTTP API until SIGTERM, and end with 0. LIKENESS_DATABASE_URL says where its rows are."""
    from api.cli.api import run

    run()


def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing. Exit code 1 if there is something to do.")
    ] = False,
    wait: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Wait for the database so long.")] = 0,
) -> None:
    """Bring the API's tables up to date, before processes of a new version start. Doing it again does nothing.

    An API process does the same when it starts, one at a time, so this is for a user with more rights, or for a
    moment of your choice.
    """
    from api.cli.migrate import run

    if not run(wait, check=check):
        raise typer.Exit(1)


def up(
    data: Annotated[Path, typer.Option(help="Where everything is kept.", file_okay=False)] = Path("up-data"),
    port: Annotated[
        int,
        typer.Option(min=0, max=65535, envvar="LIKENESS_API_PORT", help="The API's; 0 takes a free one."),
    ] = 8080,
    fake: Annotated[
        bool, typer.Option("--fake", help="With a worker that draws placeholders: for clients' tests.")
    ] = False,
) -> None:
    """Run the API with all that it needs, a worker and a deliverer, until Ctrl-C. Prints a key and a first call.

    Ports, keys and secrets stay the same for one folder. DATA/env has the variables, for a shell to source.
    """
    from api.cli.up import run

    run(data, port, fake=fake)
