"""`likeness keys`: API keys of organisations."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from api.rows.database import Database

app = typer.Typer(no_args_is_help=True, help="API keys: create, list and revoke them.")


@app.command()
def create(
    organisation: Annotated[str, typer.Argument(metavar="ORGANISATION", show_default=False)],
    scope: Annotated[
        list[str] | None, typer.Option(help="May be given again. Without it, all scopes but `operate`.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
) -> None:
    """Make a key for an organisation and print its id and its secret. The secret is shown only now."""
    from json import dumps

    from api.rows.keys import OWN_SCOPES, create_key

    with _database() as database:
        key = create_key(database, organisation, tuple(scope or OWN_SCOPES))
    typer.echo(dumps({"keyId": key.key_id, "secret": key.secret}) if json else f"{key.key_id} {key.secret}")


@app.command("list")
def list_all(
    organisation: Annotated[str | None, typer.Option(help="Only this organisation's.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document a line.")] = False,
) -> None:
    """List keys with their last use, to the minute. No secret is shown: none is kept."""
    from api.rows.keys import list_keys
    from models.base import format_time
    from worker.cli.table import print_table

    with _database() as database:
        keys = list_keys(database, organisation)
    if json:
        for key in keys:
            typer.echo(key.to_json())
        return
    rows = (
        (
            key.key_id,
            key.organisation,
            format_time(key.created_at),
            format_time(key.last_used_at) if key.last_used_at else "",
            format_time(key.revoked_at) if key.revoked_at else "",
            " ".join(key.scopes),
        )
        for key in keys
    )
    print_table(("key", "organisation", "created", "last used", "revoked", "scopes"), rows)


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
