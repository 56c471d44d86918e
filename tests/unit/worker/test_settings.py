"""Settings from the environment: each mistake is named, and no secret is shown."""

import pytest

from models.errors import InvalidSettings
from worker import settings as module
from worker.jobs.connection import connect
from worker.settings import Settings


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    module.settings.cache_clear()
    monkeypatch.setattr(module, "settings", module.settings.__wrapped__)


def test_a_bad_value_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKENESS_LEASE_TTL", "0")
    with pytest.raises(InvalidSettings, match="LIKENESS_LEASE_TTL: Input should be greater"):
        module.settings()


def test_records_outlive_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKENESS_RECORD_TTL", "60")
    with pytest.raises(InvalidSettings, match="record_ttl must exceed"):
        module.settings()


def test_a_redis_url_that_can_not_be_read_keeps_its_password() -> None:
    with pytest.raises(InvalidSettings, match="LIKENESS_REDIS_URL") as caught:
        connect(Settings(redis_url="redys://:hunter2@h:1"))
    assert "hunter2" not in str(caught.value)


def test_secrets_never_print() -> None:
    settings = Settings(redis_url="redis://:hunter2@h", s3_secret_access_key="hunter2")
    assert "hunter2" not in repr(settings) + settings.model_dump_json()
