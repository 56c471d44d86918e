"""`likeness keys`: API keys of organisations."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from api.rows.database import Database

app = typer.Typer(no_args_is_help=True, help="API keys: create and revoke them.")


@app.command()
def create(
    organisation: Annotated[str, typer.Argument(metavar="ORGANISATION", show_default=False)],
    scope: Annotated[
        list[str] | None, typer.Option(help="May be given again. Without it, all scopes but `operate`.")
    ] = None,
) -> None:
    """Make a key for an organisation and print its id and its secret. The secret is shown only now."""
    from api.rows.keys import OWN_SCOPES, create_key

    with _database() as database:
        key = create_key(database, organisation, tuple(scope or OWN_SCOPES))
    typer.echo(f"{key.key_id} {key.secret}")


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(metavar="KEY_ID", show_default=False)]) -> None:
    """Revoke a key: it stops working within a second."""
    from api.rows.keys import revoke_key

    with _database() as database:
        revoke_key(database, key_id)


@contextmanager
def _database() -> "Iterator[Database]":
    from api.rows.database import Database
    from api.settings import api_settings

    database = Database(api_settings().database_url.get_secret_value())
    try:
        database.migrate()
        yield database
    finally:
        database.close()
