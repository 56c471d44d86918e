"""An API on the stack's Redis and an SQLite file. Nothing lands but when somebody asks for the job."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from api.app import make_app
from api.rows.keys import create_key
from api.settings import ApiSettings
from tests.support.api.client import Api
from worker.base.settings import Settings
from worker.queue.jobs import JobStore


@pytest.fixture
def api(settings: Settings, tmp_path: Path) -> Api:
    app = make_app(settings, ApiSettings(database_url=SecretStr(f"sqlite:///{tmp_path}/api.db")))
    app.state.services.database.migrate()
    return Api(app, create_key(app.state.services.database, "acme").secret)


@pytest.fixture
def store(settings: Settings) -> JobStore:
    return JobStore(settings)
