"""The tables: what the migrations make of an empty database, and what the code thinks is there."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from api.rows.database import Database
from api.rows.tables import Base, ProjectRow
from api.settings import api_settings
from models.errors import InvalidSettings
from tests.support.servers.postgresql import PostgreSQL
from tests.support.servers.process import ApiProcess
from worker.base.settings import Settings
from worker.cli import main


def test_the_migrations_make_what_the_code_expects(new_database_url: str) -> None:
    databases = [Database(new_database_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as processes:
        list(processes.map(Database.migrate, databases))
    with databases[0].read() as session:
        context = MigrationContext.configure(session.connection(), opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    for database in databases:
        database.close()


def test_a_new_file_that_another_process_writes_to_is_waited_for(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "new.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE theirs (id)")
    database = Database(f"sqlite:///{tmp_path}/new.db")
    with ThreadPoolExecutor(1) as processes:
        migration = processes.submit(database.migrate)
        # It fails at once, or waits.
        assert wait([migration], timeout=0.5).not_done
        other.execute("COMMIT")
        migration.result()
    other.close()
    database.close()


def test_a_transaction_that_fails_leaves_nothing(database_url: str) -> None:
    database = Database(database_url)
    row = ProjectRow(project_id="p", organisation="o", document="{}", created_at=datetime.now(UTC))

    def write_and_fail() -> None:
        with database.write() as session:
            session.add(row)
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with database.read() as session:
        assert session.get(ProjectRow, "p") is None
    database.close()


@pytest.mark.parametrize(
    "url", ["hunter2", "nodb://u:hunter2@h/d", "sqlite+hunter2://", "postgresql+psycopg://u:a@b:hunter2@h/d"]
)
def test_a_url_that_can_not_be_read_keeps_its_password(url: str) -> None:
    with pytest.raises(InvalidSettings, match="LIKENESS_DATABASE_URL") as caught:
        Database(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("option", ["sslmod=hunter2", "connect_timeout=hunter2"])
def test_an_option_that_nobody_knows_is_a_setting_that_can_not_be_used(option: str) -> None:
    database = Database(f"postgresql+psycopg://likeness@127.0.0.1:1/likeness?{option}")
    with pytest.raises(InvalidSettings, match=r"LIKENESS_DATABASE_URL: an option") as caught:
        database.migrate()
    assert "hunter2" not in str(caught.value)
    database.close()


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_can_not_hold_every_name_is_refused_in_a_sentence(
    encoding: str,
    postgresql: PostgreSQL,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = postgresql.new(encoding)
    sentence = f"whose encoding is {encoding}, and Likeness needs UTF8"
    monkeypatch.setenv("LIKENESS_DATABASE_URL", url)
    for command in (["migrate"], ["migrate", "--check"], ["keys", "list"]):
        api_settings.cache_clear()
        monkeypatch.setattr("sys.argv", ["likeness", *command])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert sentence in said
    api_settings.cache_clear()
    api = ApiProcess(settings, url, 0.5, tmp_path / "api.log")
    try:
        assert api.process.wait(120) == 2
        (failed,) = api.logged("process.failed")
        assert sentence in failed["error"]
    finally:
        api.kill()
