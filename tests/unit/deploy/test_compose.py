"""What compose.yaml says, as far as that can be told without Docker."""

import re
from typing import Any

import pytest

from tests.support.env_example import DEPLOY, OPTIONAL, REQUIRED, made
from tests.support.manifests import documents
from worker.base.settings import Settings
from worker.webhooks.own_secrets import MasterKeys
from worker.webhooks.signing import WebhookSigner

COMPOSE = DEPLOY / "compose.yaml"


def services() -> dict[str, Any]:
    found: dict[str, Any] = documents(COMPOSE)[0]["services"]
    return found


def test_a_worker_has_time_to_drain() -> None:
    grace = Settings().drain_grace
    worker = services()["worker"]
    assert int(worker["stop_grace_period"].removesuffix("s")) > grace + 5
    assert float(worker["environment"]["LIKENESS_DRAIN_GRACE"]) == grace


def test_every_service_tells_of_its_health() -> None:
    assert all(service["healthcheck"]["test"] for service in services().values())
    assert "noeviction" in services()["redis"]["command"]


def test_the_store_has_the_name_in_presigned_urls() -> None:
    endpoint = services()["worker"]["environment"]["LIKENESS_S3_ENDPOINT_URL"]
    store = services()["s3"]
    (alias,) = store["networks"]["default"]["aliases"]
    assert endpoint == f"http://{alias}:9000"
    assert store["ports"] == ["9000:9000"]


def test_env_example_has_every_variable_and_no_other() -> None:
    text = COMPOSE.read_text()
    used = re.findall(r"\$\{(\w+)(:\?|:-[\w-]+)\}", text)
    assert text.count("${") == len(used)
    assert {name for name, rule in used if rule == ":?"} == REQUIRED
    assert {name: rule.removeprefix(":-") for name, rule in used if rule != ":?"} == OPTIONAL


def test_what_env_example_says_makes_values_that_can_be_used() -> None:
    values = made()
    assert set(values) == REQUIRED - {"S3_HOST"}
    settings = Settings.model_validate(
        {"webhook_secrets": values["WEBHOOK_SECRETS"], "webhook_master_keys": values["WEBHOOK_MASTER_KEYS"]}
    )
    WebhookSigner(settings)
    assert MasterKeys(settings).newest
    # These are put into a URL and between quotes.
    assert all(values[name].isalnum() for name in set(values) - {"WEBHOOK_SECRETS"})


@pytest.mark.parametrize("name", ["webhooks", "api"])
def test_what_needs_no_device_has_the_small_image(name: str) -> None:
    assert services()[name]["image"] == "likeness"
    assert services()["worker"]["image"] == "likeness-gpu"
