"""All calls of the API, and what refusals say."""

import re
from typing import Any

CALLS: list[tuple[str, str, dict[str, Any] | None, str | None]] = [
    ("POST", "/v1/projects/{project}/influencers", {"name": "Nova"}, "influencers:write"),
    ("POST", "/v1/projects/{project}/media", {"url": "https://images.example/a.png"}, "influencers:write"),
    (
        "POST",
        "/v1/projects/{project}/media/uploads",
        {"mediaType": "image/png", "bytes": 9},
        "influencers:write",
    ),
    ("POST", "/v1/media/{asset}/finalize", None, "influencers:write"),
    ("GET", "/v1/projects/{project}/influencers", None, None),
    ("GET", "/v1/projects/{project}/media", None, None),
    ("GET", "/v1/media/{asset}", None, None),
    ("GET", "/v1/files/{asset}", None, None),
    ("GET", "/v1/files/{asset}/thumbnail", None, None),
    ("GET", "/v1/files/{asset}/provenance", None, None),
    ("GET", "/v1/influencers/{influencer}", None, None),
    ("PATCH", "/v1/influencers/{influencer}", {"name": "Nova 2"}, "influencers:write"),
    ("DELETE", "/v1/influencers/{influencer}", None, "influencers:write"),
    ("POST", "/v1/influencers/{influencer}/reference-images", {"assetIds": ["med_1"]}, "influencers:write"),
    ("POST", "/v1/influencers/{influencer}/reference-images/render", None, "influencers:write"),
    (
        "PUT",
        "/v1/projects/{project}/primary-influencer",
        {"influencerId": "inf_1"},
        "influencers:write",
    ),
    ("POST", "/v1/projects/{project}/content/selection", {"brief": {}}, None),
    ("GET", "/v1/projects/{project}/content/selections/{selection}", None, None),
    ("POST", "/v1/influencers/{influencer}/clone", {"name": "Nova B"}, "influencers:write"),
    ("GET", "/v1/influencers/{influencer}/clones", None, None),
    ("DELETE", "/v1/webhook-secrets/{secret}", None, "webhooks:write"),
    ("GET", "/v1/jobs/{job}", None, "jobs:read"),
    ("GET", "/v1/jobs/{job}/events", None, "jobs:read"),
    ("GET", "/v1/jobs/{job}/previews/{shot}", None, "jobs:read"),
    ("POST", "/v1/jobs/{job}/cancel", None, "jobs:cancel"),
    ("POST", "/v1/jobs/{job}/retry", None, "influencers:write"),
    ("POST", "/v1/operations/dead-letters/{letter}/retry", None, "operate"),
    ("DELETE", "/v1/operations/dead-letters/{letter}", None, "operate"),
    ("POST", "/v1/operations/webhooks/{webhook}/replay", None, "operate"),
]

NOBODYS = {
    "influencer": "inf_nobody",
    "project": "nobody",
    "job": "job_nobody",
    "shot": "front",
    "asset": "med_nobody",
    "selection": "sel_nobody",
    "letter": "msg_nobody",
    "webhook": "evt_nobody",
    "secret": "whs_nobody",
}


def documented(path: str) -> str:
    """A path of CALLS as the OpenAPI document has it."""
    return re.sub(r"\{(?!shot\})(\w+)\}", r"{\1_id}", path)


def error_of(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"}
    error: dict[str, Any] = answer.json()["error"]
    assert set(error) == {"code", "message", "requestId", "details"}
    assert error["code"] == code
    assert error["requestId"] == answer.headers["x-request-id"]
    assert error["requestId"].startswith("req_")
    return error
