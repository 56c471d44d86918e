"""Converts Redis's flat fields to the contract's documents."""

import json
from datetime import UTC, datetime
from typing import Any

from models.event import JobEvent
from models.record import Asked, JobRecord, StageTimes

_STAGES = tuple(StageTimes.model_fields)
_TIMES = ("submitted_at", "started_at", "updated_at", "finished_at", "expires_at")
_JSON = ("rejected_references", "reference_notes", "last_error", "result", "error")
_PLAIN = ("job_id", "status", "stage", "progress", "sequence", "influencer_id", "project_id", "attempts")


def record_from(fields: dict[str, str], queue_place: int | None = None) -> JobRecord:
    """The record in a job's hash."""
    record: dict[str, Any] = {name: fields[name] for name in _PLAIN}
    record |= {name: time_of(fields[name]) for name in _TIMES if name in fields}
    record |= {name: json.loads(fields[name]) for name in _JSON if name in fields}
    if "kind" in fields:
        record["kind"] = fields["kind"]
    if "message" in fields:
        record["asked"] = Asked.of(json.loads(fields["message"]))
    record["worker"] = fields.get("worker") or None
    record["queue_place"] = queue_place
    # Jobs from before stages had times have none.
    entered = {stage: time_of(fields[f"at_{stage}"]) for stage in _STAGES if f"at_{stage}" in fields}
    record["stage_times"] = StageTimes(**entered) if entered else None
    record["cancel_requested"] = fields.get("cancel_requested") == "1"
    record["location_url"] = f"/v1/jobs/{fields['job_id']}"
    return JobRecord.read_fields(record)


def event_from(job_id: str, entry_id: str, fields: dict[str, str]) -> JobEvent:
    """The event in a stream's entry."""
    return JobEvent.read_fields(
        {
            "type": fields["type"],
            "job_id": job_id,
            "sequence": int(entry_id.partition("-")[0]),
            "at": time_of(fields["at"]),
            "status": fields["status"],
            "stage": fields["stage"],
            "progress": fields["progress"],
            **json.loads(fields["data"]),
        }
    )


def time_of(milliseconds: str | float) -> datetime:
    """Converts Redis's milliseconds to a time."""
    return datetime.fromtimestamp(float(milliseconds) / 1000, UTC)
