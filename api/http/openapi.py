"""The OpenAPI document. FastAPI writes it from the handlers; this adds what all calls have in common: headers,
errors, the idempotency key."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from api.http.declared import BODIES, SCHEMA_OF
from models.base import without_defaults

_TEXT = {"type": "string"}
_REFERENCE = re.compile(r'"#/components/schemas/([^"]+)"')


@dataclass(frozen=True, slots=True)
class _Error:
    """An error status: its codes, an example, and the header that only it has."""

    codes: tuple[str, ...]
    message: str
    details: dict[str, Any] = field(default_factory=dict)
    header: str | None = None


def _object(**fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields)}


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
        "The request is not valid: name: Field required",
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
    "ETag": {"description": "For If-None-Match: 304 until there is something new.", "schema": _TEXT},
    "RateLimit-Policy": {
        "description": "How many calls the key may make in how many seconds: `q` and `w`.",
        "schema": _TEXT,
        "example": '"key";q=100;w=1',
    },
    "RateLimit": {
        "description": "How many of these are left, and in how many seconds all are again: `r` and `t`.",
        "schema": _TEXT,
        "example": '"key";r=99;t=1',
    },
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


def describe(app: FastAPI, routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """Builds the document for `routes`. Raises KeyError, and so fails a test, for a handler without `calling`."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description="HEAD is answered as GET is, without the body.",
        servers=[{"url": "/", "description": "Where this document came from."}],
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        routes=routes,
    )
    components = document["components"]
    components["schemas"] = _schemas(routes) | {"Error": _ERROR}
    components["headers"] = {name: header | {"required": True} for name, header in _HEADERS.items()}
    components["responses"] = {
        error.codes[0]: _error_response(status, error) for status, error in _ERRORS.items()
    }
    for route in (route for route in routes if isinstance(route, APIRoute)):
        for method in (name.lower() for name in route.methods or ()):
            operation = document["paths"][route.path][method]
            # Generated clients name a function after it.
            operation["operationId"] = route.name
            _complete(operation, is_post=method == "post")
    return document


def _schemas(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """The schemas of bodies and answers, made together so that a document used in both has one schema."""
    calls = [route for route in routes if isinstance(route, APIRoute)]
    sent = [route.response_model for route in calls if route.response_model is not None]
    sent += [more["model"] for route in calls for more in route.responses.values() if "model" in more]
    _, schemas = models_json_schema(
        [
            *((kind, "validation") for kind in BODIES),
            *((kind, "serialization") for kind in dict.fromkeys(sent)),
        ],
        ref_template=SCHEMA_OF,
    )
    found: dict[str, Any] = schemas["$defs"]
    sent_to_us = _reachable(found, [kind.__name__ for kind in BODIES])
    for name, schema in found.items():
        if name not in sent_to_us:
            _require_what_is_always_there(schema)
        # A generated client would send a default, or ask for the field.
        without_defaults(schema)
    return found


def _require_what_is_always_there(schema: dict[str, Any]) -> None:
    """Answers leave out what is null, and have everything else."""
    fields = schema.get("properties", {})
    required = schema.get("required", [])
    if more := [name for name, field in fields.items() if field.get("default") is not None]:
        schema["required"] = [name for name in fields if name in (*required, *more)]


def _reachable(schemas: dict[str, Any], names: Sequence[str]) -> set[str]:
    """The names of schemas that these refer to, directly or through others, and their own."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _REFERENCE.findall(json.dumps(schemas[name]))
    return found


def _complete(operation: dict[str, Any], *, is_post: bool) -> None:
    """Add the idempotency key, the answers' headers, and the errors of every call."""
    if is_post:
        operation.setdefault("parameters", []).append(_KEY_HEADER)
    answers: dict[str, Any] = operation["responses"]
    needs_scope = bool(operation["security"][0]["key"])
    failed = {int(status) for status in answers if status >= "400"}
    failed |= {401, 429, 500, 503} | ({403} if needs_scope else set())
    responses: dict[str, Any] = {}
    for status, answer in answers.items():
        if status < "400":
            # FastAPI's default, where a handler has no description of its own.
            if answer["description"] == "Successful Response":
                answer["description"] = "Done."
            # Where there is nothing, there is nothing to compare with.
            tag = "ETag" if "304" in answers and status != "204" else None
            responses[status] = answer | {"headers": _headers(tag, counted=True)}
    for code in sorted(failed):
        responses[str(code)] = {"$ref": f"#/components/responses/{_ERRORS[code].codes[0]}"}
    operation["responses"] = responses


def _error_response(status: int, error: _Error) -> dict[str, Any]:
    told = {
        "code": error.codes[0],
        "message": error.message,
        "requestId": "req_01JDG3T4Q8J9W2M5X7Y0Z1A2B3",
        "details": error.details,
    }
    content = {"schema": {"$ref": "#/components/schemas/Error"}, "example": {"error": told}}
    return {
        "description": " or ".join(error.codes),
        # Without a key there is no rate, and what fails before the key is known has none either.
        "headers": _headers(error.header, counted=400 < status < 500 and status != 401),
        "content": {"application/json": content},
    }


def _headers(own: str | None, *, counted: bool) -> dict[str, Any]:
    """`counted`: whether the call counts towards its key's rate."""
    names = (
        "X-Request-Id",
        *(("RateLimit-Policy", "RateLimit") if counted else ()),
        *((own,) if own else ()),
    )
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
