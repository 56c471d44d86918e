"""The OpenAPI document: what FastAPI knows of the calls, and what the handlers, which read bodies themselves,
know besides."""

from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from api.documents import (
    MEDIA_TYPES,
    AddMedia,
    BeginUpload,
    BindReferences,
    CreateInfluencer,
    CreateProject,
    DeleteInfluencer,
    PatchInfluencer,
    RenderReferences,
    SelectInfluencer,
    SetPrimary,
)
from models.base import Document
from models.event import JobEvent
from models.influencer import Influencer, Personality, ReferenceImage
from models.job import CLONE, CREATE, CloneRequest
from models.record import CancelAnswer, JobRecord

_REF = "#/components/schemas/{model}"
_TEXT = {"type": "string"}


@dataclass(frozen=True, slots=True)
class _Told:
    """What is to be told of one call. `answers` are its good statuses, each with its body's schema."""

    answers: dict[str, dict[str, Any] | None]
    errors: tuple[int, ...]
    scope: str | None = "influencers:write"
    body: type[Document] | None = None
    example: Any = None
    body_required: bool = True
    pictures: bool = False
    """Whether the body may be a picture instead."""


@dataclass(frozen=True, slots=True)
class _Error:
    """A status that isn't good: its codes, an example of it, and a header that only it has."""

    codes: tuple[str, ...]
    message: str
    details: dict[str, Any] = field(default_factory=dict)
    header: str | None = None


def _ref(kind: type[Document]) -> dict[str, Any]:
    return {"$ref": _REF.format(model=kind.__name__)}


def _object(**fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields)}


def _page_of(kind: type[Document]) -> dict[str, Any]:
    return _object(items={"type": "array", "items": _ref(kind)}, nextCursor={"type": ["string", "null"]})


_PROJECT = _object(projectId=_TEXT, name=_TEXT, createdAt=_TEXT)
_MEDIA = _object(
    assetId=_TEXT, projectId=_TEXT, url=_TEXT, thumbnailUrl={"type": ["string", "null"]}, createdAt=_TEXT
)
_UPLOAD = _object(
    assetId=_TEXT,
    uploadUrl=_TEXT,
    method={"const": "PUT"},
    headers={"type": "object", "additionalProperties": _TEXT},
    expiresAt=_TEXT,
)
_REFERENCES = _object(influencerId=_TEXT, referenceImages={"type": "array", "items": _ref(ReferenceImage)})
_DELETED = _object(influencerId=_TEXT, status={"const": "deleted"}, deletedAt=_TEXT)
_CLONING, _CREATING = (
    _object(jobId=_TEXT, kind={"const": kind}, status={"const": "running"}, influencerId=_TEXT)
    for kind in (CLONE, CREATE)
)
# A project without an influencer has only the first three.
_PROJECT["properties"] |= {"influencer": _ref(Influencer), "job": _CREATING}
_PRIMARY = _object(projectId=_TEXT, influencerId={"type": ["string", "null"]})
_SELECTED = _object(
    selectionId=_TEXT,
    createdAt=_TEXT,
    projectId=_TEXT,
    influencerId=_TEXT,
    name=_TEXT,
    personality=_ref(Personality),
    referenceImages={"type": "array", "items": _ref(ReferenceImage)},
)
_CLONE = {
    "name": "Nova (B variant)",
    "newInfluencerId": "inf_01HX9Y6K7EJ4T2NOVAB",
    "overrides": {"personality": {"humorStyle": "dry-witty"}},
}
_ASSETS = {"assetIds": ["med_01HX9Y6K7EJ4T2REF01"]}
_ROW = {"name": "Nova", "gender": "female", "ageRange": "25-34", "referenceImages": _ASSETS}

_CALLS: dict[tuple[str, str], _Told] = {
    ("post", "/v1/projects"): _Told(
        {"201": _PROJECT},
        (409, 422),
        body=CreateProject,
        example={
            "name": "Spring",
            "audience": "parents, 30-44",
            "language": "en",
            "voice": "warm and playful",
        },
    ),
    ("post", "/v1/projects/{project_id}/media"): _Told(
        {"201": _MEDIA},
        (404, 409, 422),
        body=AddMedia,
        example={"url": "https://images.example/nova.png"},
        pictures=True,
    ),
    ("post", "/v1/projects/{project_id}/media/uploads"): _Told(
        {"201": _UPLOAD},
        (404, 409, 422),
        body=BeginUpload,
        example={"mediaType": "image/png", "bytes": 4_000_000},
    ),
    ("post", "/v1/media/{asset_id}/finalize"): _Told({"200": _MEDIA}, (404, 409, 422)),
    ("post", "/v1/projects/{project_id}/influencers"): _Told(
        {"201": _ref(Influencer)}, (404, 409, 422), body=CreateInfluencer, example=_ROW
    ),
    ("get", "/v1/projects/{project_id}/influencers"): _Told(
        {"200": _page_of(Influencer)}, (404, 422), scope=None
    ),
    ("get", "/v1/influencers/{influencer_id}"): _Told({"200": _ref(Influencer)}, (404, 422), scope=None),
    ("patch", "/v1/influencers/{influencer_id}"): _Told(
        {"200": _ref(Influencer)},
        (404, 422),
        body=PatchInfluencer,
        example={"personality": {"tone": "playful"}},
    ),
    ("delete", "/v1/influencers/{influencer_id}"): _Told(
        {"200": _DELETED},
        (404, 422),
        body=DeleteInfluencer,
        example={"reason": "The campaign is over."},
        body_required=False,
    ),
    ("post", "/v1/influencers/{influencer_id}/reference-images"): _Told(
        {"200": _REFERENCES}, (404, 409, 422), body=BindReferences, example=_ASSETS
    ),
    ("post", "/v1/influencers/{influencer_id}/reference-images/render"): _Told(
        {"202": _CREATING},
        (404, 409, 422),
        body=RenderReferences,
        example={"shots": ["front", "smile"]},
        body_required=False,
    ),
    ("post", "/v1/influencers/{influencer_id}/clone"): _Told(
        {"202": _CLONING}, (404, 409, 422), body=CloneRequest, example=_CLONE
    ),
    ("put", "/v1/projects/{project_id}/primary-influencer"): _Told(
        {"200": _PRIMARY},
        (404, 409, 422),
        body=SetPrimary,
        example={"influencerId": "inf_01HX9Y6K7EJ4T2NOVAB"},
    ),
    ("post", "/v1/projects/{project_id}/content/selection"): _Told(
        {"200": _SELECTED}, (404, 409, 422), scope=None, body=SelectInfluencer, example={"brief": {}}
    ),
    ("get", "/v1/projects/{project_id}/content/selections/{selection_id}"): _Told(
        {"200": _SELECTED}, (404, 422), scope=None
    ),
    ("get", "/v1/jobs"): _Told({"200": _page_of(JobRecord)}, (422,), scope="jobs:read"),
    ("get", "/v1/jobs/{job_id}"): _Told({"200": _ref(JobRecord), "304": None}, (404, 422), scope="jobs:read"),
    ("get", "/v1/jobs/{job_id}/events"): _Told({"204": None}, (404, 422), scope="jobs:read"),
    ("post", "/v1/jobs/{job_id}/cancel"): _Told(
        {"200": _ref(CancelAnswer), "202": _ref(CancelAnswer)}, (404, 409, 422), scope="jobs:cancel"
    ),
}
_ERRORS = {
    401: _Error(
        ("UNAUTHENTICATED",), "The API key isn't valid. It may have been revoked.", header="WWW-Authenticate"
    ),
    403: _Error(
        ("FORBIDDEN_SCOPE",),
        "This API key hasn't the scope jobs:cancel. Use a key that has it.",
        {"scope": "jobs:cancel"},
    ),
    404: _Error(("NOT_FOUND",), "There is no such job. Check its id: GET /v1/jobs lists yours."),
    409: _Error(
        ("CONFLICT", "IDEMPOTENCY_CONFLICT"),
        "The influencer's images are being rendered. Wait for its job.",
        {"subcode": "RENDER_UNDER_WAY", "status": "pending"},
    ),
    422: _Error(
        ("VALIDATION",),
        "The CloneRequest document is not valid: name: Field required",
        {"fields": [{"path": "name", "reason": "Field required"}]},
    ),
    429: _Error(
        ("RATE_LIMITED",), "This API key calls too often. Wait, then go on.", {"retryAfter": 1}, "Retry-After"
    ),
    500: _Error(
        ("INTERNAL",), "Something went wrong here. Try again, and tell us the requestId if it stays."
    ),
    503: _Error(
        ("QUEUE_UNAVAILABLE", "DATABASE_UNAVAILABLE"),
        "Redis refuses (LOADING): it is still loading its data. Wait.",
    ),
}
_CODES = [code for error in _ERRORS.values() for code in error.codes]
_ERROR = _object(
    error=_object(
        code={"type": "string", "enum": _CODES}, message=_TEXT, requestId=_TEXT, details={"type": "object"}
    ),
)
_HEADERS = {
    "X-Request-Id": {"description": "The request's id, as errors and logs have it.", "schema": _TEXT},
    "ETag": {"description": "For If-None-Match: 304 until the job has moved.", "schema": _TEXT},
    "Retry-After": {"description": "When to try again, in seconds.", "schema": {"type": "integer"}},
    "WWW-Authenticate": {"description": "How to say who calls.", "schema": {"const": "Bearer"}},
}
_KEY_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "For 24 hours, the same request under it gets the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


def describe(app: FastAPI) -> dict[str, Any]:
    """The whole document. A call that isn't in the table above is a KeyError here, and so in a test."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description="HEAD is answered as GET is, without the body.",
        routes=app.routes,
    )
    read = [told.body for told in _CALLS.values() if told.body]
    written: list[type[Document]] = [Influencer, JobRecord, CancelAnswer, JobEvent]
    _, schemas = models_json_schema(
        [
            *((kind, "validation") for kind in dict.fromkeys(read)),
            *((kind, "serialization") for kind in written),
        ],
        ref_template=_REF,
    )
    components = document.setdefault("components", {})
    components["schemas"] = schemas["$defs"] | {"Error": _ERROR}
    components["headers"] = {name: header | {"required": True} for name, header in _HEADERS.items()}
    components["responses"] = {error.codes[0]: _error_response(error) for error in _ERRORS.values()}
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for path, calls in document["paths"].items():
        for method, operation in calls.items():
            _complete(operation, _CALLS[method, path], is_post=method == "post")
    return document


def _complete(operation: dict[str, Any], told: _Told, *, is_post: bool) -> None:
    operation["security"] = [{"key": [told.scope] if told.scope else []}]
    if is_post:
        operation.setdefault("parameters", []).append(_KEY_HEADER)
    if told.body:
        operation["requestBody"] = {
            "required": told.body_required,
            "content": {"application/json": {"schema": _ref(told.body), "example": told.example}},
        }
    if told.pictures:
        # Bytes, which have no schema.
        operation["requestBody"]["content"] |= {media_type: {} for media_type in MEDIA_TYPES}
    responses: dict[str, Any] = {}
    for status, schema in told.answers.items():
        headers = _headers("ETag" if "304" in told.answers else None)
        responses[status] = {"description": "Done." if schema else "Nothing new.", "headers": headers}
        if schema:
            responses[status]["content"] = {"application/json": {"schema": schema}}
    if "204" in told.answers:
        responses["200"] = {
            "description": "Server-sent events; `data` is a JobEvent.",
            "headers": _headers(),
            "content": {"text/event-stream": {"schema": _TEXT}},
        }
    for status in (401, *((403,) if told.scope else ()), *told.errors, 429, 500, 503):
        responses[str(status)] = {"$ref": f"#/components/responses/{_ERRORS[status].codes[0]}"}
    operation["responses"] = responses


def _error_response(error: _Error) -> dict[str, Any]:
    told = {
        "code": error.codes[0],
        "message": error.message,
        "requestId": "req_01JDG3T4Q8J9W2M5X7Y0Z1A2B3",
        "details": error.details,
    }
    content = {"schema": {"$ref": "#/components/schemas/Error"}, "example": {"error": told}}
    return {
        "description": " or ".join(error.codes),
        "headers": _headers(error.header),
        "content": {"application/json": content},
    }


def _headers(own: str | None = None) -> dict[str, Any]:
    names = ("X-Request-Id", own) if own else ("X-Request-Id",)
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
