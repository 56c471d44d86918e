"""`likeness keys`, on a database of its own."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from api import settings as settings_module
from api.cli.keys import app
from api.rows.database import Database
from api.rows.keys import SCOPES, KnownKeys, authenticate, list_keys
from models.base import format_time
from models.errors import DatabaseUnavailable, InvalidInput, Unauthenticated


@pytest.fixture
def database(new_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setenv("LIKENESS_DATABASE_URL", new_database_url)
    settings_module.api_settings.cache_clear()
    made = Database(new_database_url)
    yield made
    made.close()
    settings_module.api_settings.cache_clear()


class Clock:
    """The time that the keys' module sees."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 30, 12, tzinfo=UTC)

    def now(self, _: object) -> datetime:
        return self._now

    def pass_by(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    @property
    def text(self) -> str:
        return format_time(self._now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("api.rows.keys.datetime", made)
    return made


def keys(*arguments: str) -> str:
    done = CliRunner().invoke(app, arguments)
    if done.exception:
        raise done.exception
    return done.stdout


def test_a_key_crosses_organisations_only_where_that_was_asked_for(database: Database) -> None:
    plain, operator = keys("create", "acme"), keys("create", "acme", "--scope", "operate")
    scopes = [authenticate(database, f"Bearer {made.split()[1]}").scopes for made in (plain, operator)]
    assert scopes == [set(SCOPES) - {"operate"}, {"operate"}]


def test_keys_are_listed_with_their_last_use(database: Database, clock: Clock) -> None:
    secrets = {}
    for organisation in ("beta", "acme"):
        key_id, secrets[organisation] = keys("create", organisation, "--scope", "jobs:read").split()
    keys("revoke", key_id)
    known = KnownKeys(database)
    known.look_up(f"Bearer {secrets['beta']}")
    listed = [json.loads(line) for line in keys("list", "--json").splitlines()]
    assert [key["organisation"] for key in listed] == ["acme", "beta"]
    acme, beta = listed
    assert (acme["revokedAt"], "lastUsedAt" in acme) == (clock.text, False)
    assert (beta["lastUsedAt"], "revokedAt" in beta) == (clock.text, False)
    assert secrets["beta"] not in str(listed)
    assert [json.loads(line) for line in keys("list", "--json", "--organisation", "beta").splitlines()] == [
        beta
    ]
    assert acme["keyId"] in keys("list")


def test_a_use_is_noted_once_a_minute(database: Database, clock: Clock) -> None:
    secret = keys("create", "acme").split()[1]
    authenticate(database, f"Bearer {secret}")
    first = clock.text
    clock.pass_by(59)
    authenticate(database, f"Bearer {secret}")
    assert list_keys(database)[0].to_data()["lastUsedAt"] == first
    clock.pass_by(1)
    authenticate(database, f"Bearer {secret}")
    assert list_keys(database)[0].to_data()["lastUsedAt"] == clock.text


def test_a_database_that_takes_no_writes_still_knows_its_keys(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = keys("create", "acme").split()[1]

    def refuse(_: Database) -> None:
        raise DatabaseUnavailable("It is a replica.")

    monkeypatch.setattr(Database, "write", refuse)
    assert authenticate(database, f"Bearer {secret}").organisation == "acme"


def test_a_key_is_made_and_revoked(database: Database) -> None:
    key_id, secret = keys("create", "acme", "--scope", "jobs:read").split()
    caller = authenticate(database, f"Bearer {secret}")
    assert (caller.organisation, caller.key_id, caller.scopes) == ("acme", key_id, frozenset(["jobs:read"]))
    keys("revoke", key_id)
    with pytest.raises(Unauthenticated):
        authenticate(database, f"Bearer {secret}")
    made = json.loads(keys("create", "acme", "--json"))
    assert authenticate(database, f"Bearer {made['secret']}").key_id == made["keyId"]
    with pytest.raises(InvalidInput, match="There is no scope"):
        keys("create", "acme", "--scope", "all")
