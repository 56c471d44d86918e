"""`likeness keys`, on a database of its own."""

from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from api import settings as settings_module
from api.cli.keys import app
from api.rows.database import Database
from api.rows.keys import SCOPES, authenticate
from models.errors import InvalidInput, Unauthenticated


@pytest.fixture
def database(new_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setenv("LIKENESS_DATABASE_URL", new_database_url)
    settings_module.api_settings.cache_clear()
    made = Database(new_database_url)
    yield made
    made.close()
    settings_module.api_settings.cache_clear()


def keys(*arguments: str) -> str:
    done = CliRunner().invoke(app, arguments)
    if done.exception:
        raise done.exception
    return done.stdout


def test_a_key_crosses_organisations_only_where_that_was_asked_for(database: Database) -> None:
    plain, operator = keys("create", "acme"), keys("create", "acme", "--scope", "operate")
    scopes = [authenticate(database, f"Bearer {made.split()[1]}").scopes for made in (plain, operator)]
    assert scopes == [set(SCOPES) - {"operate"}, {"operate"}]


def test_a_key_is_made_and_revoked(database: Database) -> None:
    key_id, secret = keys("create", "acme", "--scope", "jobs:read").split()
    caller = authenticate(database, f"Bearer {secret}")
    assert (caller.organisation, caller.key_id, caller.scopes) == ("acme", key_id, frozenset(["jobs:read"]))
    keys("revoke", key_id)
    with pytest.raises(Unauthenticated):
        authenticate(database, f"Bearer {secret}")
    with pytest.raises(InvalidInput, match="There is no scope"):
        keys("create", "acme", "--scope", "all")
