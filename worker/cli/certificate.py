"""`likeness certificate`: makes what images are signed with."""

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from models.errors import InvalidInput

app = typer.Typer(no_args_is_help=True, help="The certificate that images are signed with.")
_KEY = "key.pem"
_MOST_DAYS = 3650


@app.callback()
def _certificate() -> None:
    """The certificate that images are signed with."""


@app.command()
def create(
    *,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", file_okay=False, help="Where the files go. None is overwritten.")
    ] = Path("signing"),
    days: Annotated[int, typer.Option(min=1, max=_MOST_DAYS, help="Of a development certificate.")] = 365,
    request: Annotated[
        bool,
        typer.Option("--request", help="Make a signing request for an authority in place of a certificate."),
    ] = False,
    organisation: Annotated[
        str | None,
        typer.Option(show_default=False, help="With --request: who signs. Readers of images see it."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(show_default=False, help="With --request: the signer's name; the same by default."),
    ] = None,
    country: Annotated[
        str | None, typer.Option(show_default=False, help="With --request: two letters, such as DE.")
    ] = None,
) -> None:
    """Make a development certificate, which nobody trusts, or a request for one that others trust. Also makes its
    key, which only you can read, and prints what to do next."""
    from worker.mark.certificates.development import development_chain
    from worker.mark.certificates.request import make_request

    if not request:
        if organisation or name or country:
            raise InvalidInput("--organisation, --name and --country are for --request: give that, too.")
        chain, key = development_chain(days)
        _write(out, {"chain.pem": chain, _KEY: key})
        typer.echo(f"export LIKENESS_SIGN_CERTIFICATE={shlex.quote(str(out / 'chain.pem'))}")
        typer.echo(f"export LIKENESS_SIGN_KEY={shlex.quote(str(out / _KEY))}")
        typer.echo("# For development: its signatures are valid, and nobody trusts the signer.")
        return
    if not organisation or not organisation.strip():
        raise InvalidInput("A request must say who signs: give --organisation.")
    try:
        text, key = make_request(
            organisation.strip(), (name or organisation).strip(), country and country.upper()
        )
    except ValueError as error:
        raise InvalidInput(
            f"No request can be made of that: {error}. A name has 1 to 64 characters, a country two letters."
        ) from None
    _write(out, {"request.pem": text, _KEY: key})
    typer.echo(
        f"# Send {out / 'request.pem'} to the authority. Write the certificate that comes back, and then"
    )
    typer.echo(f"# those up to its root, into one file, such as {out / 'chain.pem'}, and set:")
    typer.echo(f"export LIKENESS_SIGN_CERTIFICATE={shlex.quote(str(out / 'chain.pem'))}")
    typer.echo(f"export LIKENESS_SIGN_KEY={shlex.quote(str(out / _KEY))}")
    typer.echo("# Then `likeness doctor` signs a trial image with it.")


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """Writes new files that only their owner can read. Raises InvalidInput if there is one already, and then writes
    none, or if that isn't possible."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if there := [name for name in files if (folder / name).exists()]:
            raise InvalidInput(
                f"{folder / there[0]} is there already. Move it away, or choose another --out."
            )
        for name, content in files.items():
            # Nobody gets ahead of this: a file, or a link, that appears meanwhile is an error, too.
            with os.fdopen(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
    except OSError as error:
        raise InvalidInput(
            f"Nothing can be written to {folder}: {error.strerror}. Choose another --out."
        ) from None
