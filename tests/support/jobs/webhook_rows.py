"""Rows of the outbox."""

import json

ROW = {
    "webhook_id": "evt_1",
    "type": "job.failed",
    "url": "https://user:sesame@a.example/hook?token=sesame#sesame",
    "state": "pending",
    "tries": "2",
    "created_at": "1795000000000",
    "last_at": "1795000001000",
    "last_answer": "503",
    "job_id": "job_1",
    "status": "failed",
    "progress": "0.25",
    "influencer_id": "inf_1",
    "project_id": "project-1",
    "submitted_at": "1795000000000",
    "finished_at": "1795000000500",
    "error": json.dumps({"code": "X", "message": "No.", "details": {"n": 1}}),
}
