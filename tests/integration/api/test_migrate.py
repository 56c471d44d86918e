"""`likeness migrate`, and an API whose tables are older or newer than it is."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
import typer
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from typer.testing import CliRunner

from api.cli.commands import migrate
from api.cli.migrate import examine
from api.rows.database import Database, _config
from api.settings import api_settings
from models.errors import DatabaseUnavailable, DoctorFinding, LikenessError
from tests.support.servers.postgresql import PostgreSQL
from worker.base.settings import Settings

APP = typer.Typer()
APP.command()(migrate)
NEWEST = str(ScriptDirectory.from_config(_config()).get_current_head())


@pytest.fixture
def at(new_database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("LIKENESS_DATABASE_URL", new_database_url)
    api_settings.cache_clear()
    return new_database_url


def migrated(*arguments: str, exit_code: int = 0) -> str:
    """What the command prints. Raises what it raises."""
    done = CliRunner().invoke(APP, arguments)
    if isinstance(done.exception, LikenessError):
        raise done.exception
    assert done.exit_code == exit_code
    return done.stdout


def set_revision(url: str, revision: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": revision})
    engine.dispose()


def migrate_to(url: str, revision: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def test_it_says_what_it_did_and_does_nothing_twice(at: str, settings: Settings) -> None:
    assert NEWEST in migrated("--check", exit_code=1)
    with pytest.raises(DoctorFinding, match="likeness migrate"):
        examine(settings)
    assert migrated() == f"Migrated from an empty database to {NEWEST}.\n"
    assert migrated() == f"Its tables are up to date ({NEWEST}).\n"
    assert migrated("--check") == f"Its tables are up to date ({NEWEST}).\n"
    assert NEWEST in examine(settings)


def test_it_goes_on_from_an_older_version(at: str) -> None:
    migrate_to(at, "0005")
    assert migrated() == f"Migrated from 0005 to {NEWEST}.\n"


def test_several_at_once_migrate_once(at: str) -> None:
    databases = [Database(at) for _ in range(4)]
    with ThreadPoolExecutor(4) as processes:
        found = list(processes.map(Database.migrate, databases))
    assert sorted(str(before.found) for before in found) == [*[NEWEST] * 3, "None"]
    for database in databases:
        database.close()


def test_tables_of_a_newer_version_are_used_as_they_are(
    at: str, settings: Settings, logged: list[Any]
) -> None:
    """An API that was rolled back, or restarts in the middle of an update."""
    migrated()
    set_revision(at, "9999")
    database = Database(at)
    assert database.wait().is_newer
    assert [line["found"] for line in logged if line["event"] == "database.newer"] == ["9999"]
    database.close()
    assert "9999" in migrated()
    assert "9999" in examine(settings)


def test_a_database_that_does_not_answer_is_an_error_and_is_waited_for_as_long_as_wanted(
    monkeypatch: pytest.MonkeyPatch, logged: list[Any]
) -> None:
    monkeypatch.setenv("LIKENESS_DATABASE_URL", "postgresql+psycopg://127.0.0.1:1/none")
    api_settings.cache_clear()
    with pytest.raises(DatabaseUnavailable):
        migrated()
    assert not logged
    with pytest.raises(DatabaseUnavailable):
        migrated("--wait", "0.1")
    assert [line["event"] for line in logged] == ["database.unavailable"]


def test_a_user_without_rights_is_told_to_migrate_with_another(
    postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql.new()
    migrate_to(url, "0005")
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as owner:
        owner.execute("DROP ROLE IF EXISTS narrow")
        owner.execute("CREATE ROLE narrow LOGIN")
        owner.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO narrow")
    narrow = Database(url.replace("likeness@", "narrow@"))
    with pytest.raises(DatabaseUnavailable, match="likeness migrate"):
        narrow.migrate()
    monkeypatch.setenv("LIKENESS_DATABASE_URL", url)
    api_settings.cache_clear()
    migrated()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as owner:
        owner.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO narrow")
    # Then there is nothing to do that it hasn't the right to.
    assert not narrow.wait().is_behind
    narrow.close()
