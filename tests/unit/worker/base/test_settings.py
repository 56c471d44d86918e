"""Settings from the environment: each mistake is named, and no secret is shown."""

from importlib.metadata import EntryPoint

import pytest
from pydantic import SecretStr

from api.settings import ApiSettings
from models.errors import InvalidSettings
from worker.base import environment
from worker.base import settings as module
from worker.base.settings import Settings
from worker.queue.jobs.connection import connect


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


def test_whitespace_round_a_value_is_left_out_and_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("LIKENESS_S3_SECRET_ACCESS_KEY", "hunter2\n")
    monkeypatch.setenv("LIKENESS_S3_ACCESS_KEY_ID", " key")
    monkeypatch.setenv("LIKENESS_DATABASE_URL", "sqlite:///x.db ")
    read = module.settings()
    assert read.s3_secret_access_key == SecretStr("hunter2")
    assert read.s3_access_key_id == SecretStr("key")
    assert ApiSettings().database_url == SecretStr("sqlite:///x.db")
    assert [record.message.partition(" ")[0] for record in caplog.records] == [
        "LIKENESS_S3_ACCESS_KEY_ID",
        "LIKENESS_S3_SECRET_ACCESS_KEY",
        "LIKENESS_DATABASE_URL",
    ]
    assert "hunter2" not in caplog.text


def test_a_variable_that_is_no_setting_is_named_with_the_nearest_that_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    given = {
        "LIKENESS_REDIS_ULR": "LIKENESS_REDIS_URL",
        "likeness_api_prot": "LIKENESS_API_PORT",
        "LIKENESS_ZZZZ": None,
    }
    # The last three are settings, or a caller's.
    fine = ("LIKENESS_REDIS_URL", "likeness_api_port", "LIKENESS_API_KEY")
    assert environment.misspelt([*given, *fine, "PATH"]) == given
    for name in (*given, *fine):
        monkeypatch.setenv(name, "8080" if name.lower().endswith("port") else "redis://:hunter2@h:1")
    environment._warn_once.cache_clear()
    module.settings()
    ApiSettings()
    assert len(caplog.records) == len(given), "each is warned of once"
    assert "LIKENESS_REDIS_ULR is no setting" in caplog.text
    assert "Did you mean LIKENESS_REDIS_URL?" in caplog.text
    assert "hunter2" not in caplog.text


def test_settings_of_another_package_that_can_not_be_loaded_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = EntryPoint("other", "no_such_module:Settings", environment.GROUP)
    monkeypatch.setattr(environment, "entry_points", lambda group: [broken])
    assert environment.misspelt(["LIKENESS_QUEUE"]) == {"LIKENESS_QUEUE": None}
