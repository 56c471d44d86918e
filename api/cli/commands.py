"""The API's commands as the command line shows them. What they need is imported when they run."""

from pathlib import Path
from typing import Annotated

import typer


def api() -> None:
    """Serve the HTTP API until SIGTERM, and end with 0. LIKENESS_DATABASE_URL says where its rows are."""
    from api.cli.api import run

    run()


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
