"""Maps errors to HTTP statuses and bodies: `{"error": {code, message, requestId, details}}`."""

from typing import Any

from models.errors import (
    BodyTooLarge,
    Conflict,
    DatabaseUnavailable,
    ForbiddenScope,
    InvalidInput,
    LikenessError,
    MethodNotAllowed,
    NotFound,
    QueueUnavailable,
    RateLimited,
    Unauthenticated,
    Unforeseen,
)

_STATUS: tuple[tuple[type[LikenessError], int], ...] = (
    (Unauthenticated, 401),
    (ForbiddenScope, 403),
    (MethodNotAllowed, 405),
    (NotFound, 404),
    (Conflict, 409),
    (BodyTooLarge, 413),
    (InvalidInput, 422),
    (RateLimited, 429),
    (QueueUnavailable, 503),
    (DatabaseUnavailable, 503),
)


def status_of(error: LikenessError) -> int:
    return status_for(type(error))


def status_for(kind: type[LikenessError]) -> int:
    return next((status for base, status in _STATUS if issubclass(kind, base)), 500)


def body_of(error: LikenessError, request_id: str) -> dict[str, Any]:
    """The body for an error. One outside the contract becomes INTERNAL, with its code in `details.subcode`."""
    if status_of(error) != 500:
        return _body(error.code, error.message, request_id, error.details)
    if isinstance(error, Unforeseen):
        return _body(error.code, error.message, request_id, {})
    # Its details are for operators, not for callers.
    return _body(Unforeseen.code, error.message, request_id, {"subcode": error.code})


def _body(code: str, message: str, request_id: str, details: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "requestId": request_id, "details": details}}
