"""From a row to what is told and shown."""

import json

import pytest

from models.source_type import SourceType
from tests.support.jobs.webhook_rows import ROW
from worker.queue.jobs.deliveries import delivery_from
from worker.webhooks.documents import webhook_from


def test_what_is_told() -> None:
    told = json.loads(webhook_from(ROW).to_json())
    assert told["type"] == "job.failed"
    assert told["timestamp"] == told["data"]["finishedAt"] == "2026-11-18T11:06:40.500Z"
    assert told["data"]["locationUrl"] == "/v1/jobs/job_1"
    assert told["data"]["error"] == {"code": "X", "message": "No.", "retryable": False, "details": {"n": 1}}
    assert "result" not in told["data"]


def test_long_details_are_left_out() -> None:
    error = json.dumps({"code": "X", "message": "No.", "details": {"much": "x" * 30_000}})
    body = webhook_from(ROW | {"error": error}).to_json()
    assert len(body) < 2_000
    assert json.loads(body)["data"]["error"]["details"] == {}


def test_a_row_from_before_source_types_were_told_was_of_generated_images() -> None:
    row = {name: value for name, value in ROW.items() if name != "error"}
    row |= {"type": "job.completed", "status": "completed", "manifest_key": "m", "manifest_url": "https://m"}
    told = webhook_from(row).data.result
    assert told
    assert told.digital_source_type == SourceType.GENERATED


@pytest.mark.parametrize("url", [ROW["url"], "http://[broken?sesame"])
def test_a_shown_url_has_no_credentials_and_no_query(url: str) -> None:
    shown = delivery_from(ROW | {"url": url}, 1795000002000.0)
    assert "sesame" not in shown.to_json()
    assert shown.next_try_at
    assert delivery_from(ROW, None).next_try_at is None
    assert delivery_from(ROW, None).url == "https://a.example/hook?…"
