"""`likeness migrate`, and what `likeness doctor` says of the API's database."""

import typer

from api.rows.database import Database, Revision
from api.settings import ApiSettings, api_settings
from models.errors import DoctorFinding
from worker.base.settings import Settings


def run(wait: float, *, check: bool) -> bool:
    """Brings the tables up to date, or only looks, and prints what it did. Returns whether they are up to date now.

    Waits for the database for `wait` seconds. Raises DatabaseUnavailable.
    """
    database = Database(api_settings().database_url.get_secret_value())
    try:
        before = database.revision() if check else database.wait(wait)
    finally:
        database.close()
    if before.is_behind and not check:
        typer.echo(f"Migrated from {before.found or 'an empty database'} to {before.newest}.")
        return True
    typer.echo(_standing(before))
    return not before.is_behind


def examine(_: Settings) -> str:
    """What the database's state is. Raises DatabaseUnavailable and DoctorFinding."""
    configured = api_settings()
    if "database_url" not in configured.model_fields_set:
        return f"none is set; the API would use {_default()}. A worker needs none"
    database = Database(configured.database_url.get_secret_value())
    try:
        found = database.revision()
    finally:
        database.close()
    if found.is_behind:
        raise DoctorFinding(f"{_standing(found)} Run: likeness migrate")
    return _standing(found)


def _standing(found: Revision) -> str:
    if found.is_newer:
        return f"Its tables are a newer version's ({found.found}, not {found.newest}), which work as well."
    if found.is_behind:
        return f"Its tables are at {found.found or 'nothing'}, and this version needs {found.newest}."
    return f"Its tables are up to date ({found.newest})."


def _default() -> str:
    return str(ApiSettings.model_fields["database_url"].default.get_secret_value())
