"""The API in this process, on the stack's Redis. Nothing lands but when a test says so.

Every test that needs a database runs twice: on SQLite and on PostgreSQL, in a database that is empty. Without
PostgreSQL's binaries the second is skipped, except in CI.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from structlog.testing import capture_logs

from api.app import make_app
from api.http.call import Services
from api.rows.database import Database
from api.rows.keys import SCOPES, create_key
from api.rows.tables import Base
from api.settings import ApiSettings
from tests.integration.webhooks.conftest import receive
from tests.support.api.client import Api
from tests.support.servers.postgresql import PostgreSQL, binaries, running
from worker.base.settings import Settings
from worker.queue.jobs import JobStore

__all__ = ["receive"]


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    """What the test logs. Drawing tracebacks would take seconds."""
    with capture_logs() as events:
        yield events


@pytest.fixture(scope="session")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a database that has its tables. A test takes a copy, which is quicker than migrations."""
    file = tmp_path_factory.mktemp("database") / "api.db"
    _migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    folder = binaries()
    if folder is None and "CI" not in os.environ:
        pytest.skip("PostgreSQL's server isn't installed")
    assert folder, "CI must have PostgreSQL's server"
    with running(folder, tmp_path_factory.mktemp("postgresql") / "server.log") as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_url(postgresql: PostgreSQL) -> str:
    """Of the one database that tests take in turns."""
    url = postgresql.new()
    _migrate(url)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def new_database_url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """Of a database that hasn't even tables."""
    if kind == "sqlite":
        return f"sqlite:///{tmp_path}/new.db"
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.new()


@pytest.fixture
def database_url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """Of a database with empty tables."""
    if kind == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_file"), tmp_path / "api.db")
        return f"sqlite:///{tmp_path}/api.db"
    url = str(request.getfixturevalue("postgresql_url"))
    _empty(url)
    return url


@pytest.fixture
def api_settings(database_url: str) -> ApiSettings:
    return ApiSettings(database_url=SecretStr(database_url), api_rate=1000)


def _migrate(url: str) -> None:
    database = Database(url)
    database.migrate()
    database.close()


def _empty(url: str) -> None:
    database = Database(url)
    with database.write() as session:
        # Quicker than TRUNCATE by far, where there are few rows.
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(table.delete())
    database.close()


@pytest.fixture
def app(settings: Settings, api_settings: ApiSettings) -> Iterator[FastAPI]:
    made = make_app(settings, api_settings)
    services: Services = made.state.services
    yield made
    services.database.close()


@pytest.fixture
def api(app: FastAPI) -> Api:
    return Api(app, create_key(app.state.services.database, "acme").secret)


@pytest.fixture
def stranger(app: FastAPI) -> Api:
    """Of another organisation."""
    return Api(app, create_key(app.state.services.database, "other").secret)


@pytest.fixture
def operator(app: FastAPI) -> Api:
    """Whose key may do everything, in an organisation of its own."""
    return Api(app, create_key(app.state.services.database, "operators", SCOPES).secret)


@pytest.fixture
def store(settings: Settings) -> JobStore:
    return JobStore(settings)
