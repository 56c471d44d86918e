"""Converts a delivery's row in Redis to the webhook's body."""

import json
from typing import Any

from models.webhook import Webhook
from worker.queue.jobs.documents import time_of

# Webhooks are thin: a receiver that wants more reads the record.
_MOST_DETAILS = 8_000
_ALIKE = ("job_id", "status", "progress", "influencer_id", "project_id")
# Rows from before the source type was part of a webhook lack it.
_RESULT = ("manifest_key", "manifest_url", "digital_source_type")
_TIMES = ("submitted_at", "started_at", "finished_at")


def webhook_from(fields: dict[str, str]) -> Webhook:
    """Builds the webhook from a delivery's row; it is the same at every try."""
    data: dict[str, Any] = {name: fields[name] for name in _ALIKE}
    data |= {name: time_of(fields[name]) for name in _TIMES if name in fields}
    if "kind" in fields:
        data["kind"] = fields["kind"]
    data["location_url"] = f"/v1/jobs/{fields['job_id']}"
    if "manifest_key" in fields:
        data["result"] = {name: fields[name] for name in _RESULT if name in fields}
    if "error" in fields:
        data["error"] = json.loads(fields["error"])
        if len(fields["error"]) > _MOST_DETAILS:
            data["error"]["details"] = {}
    told = {"type": fields["type"], "timestamp": data["finished_at"], "data": data}
    return Webhook.read_fields(told)
