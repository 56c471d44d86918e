"""What a handler declares in its decorator: the body that it parses, and the errors that it raises.

    @router.post(
        "/projects/{project_id}/influencers",
        status_code=201,
        response_model=Influencer,
        responses=errors(NotFound, Conflict, InvalidInput),
        openapi_extra=body(CreateInfluencer, {"name": "Nova"}),
    )
    def create_influencer(project_id: str, call: Call = WRITES) -> Response: ...

FastAPI only documents these arguments, since a handler parses its body and returns a complete response. The scope
is declared by `call`'s default, which also enforces it.
"""

from collections.abc import Iterable
from typing import Any

from api.http.errors import status_for
from models.base import Document
from models.errors import LikenessError

SCHEMA_OF = "#/components/schemas/{model}"
BODIES: set[type[Document]] = set()
"""All declared bodies. FastAPI doesn't know these documents, so `openapi.py` adds their schemas."""


def body(
    kind: type[Document],
    example: Any,
    *,
    required: bool = True,
    or_bytes: Iterable[str] = (),
    or_file: str | None = None,
) -> dict[str, Any]:
    """The `openapi_extra` of a handler that parses its body as `kind`. `or_bytes` lists the media types that it
    also accepts, unparsed; `or_file` is the field of a form with one file, which it accepts as well."""
    BODIES.add(kind)
    schema = {"$ref": SCHEMA_OF.format(model=kind.__name__)}
    content: dict[str, Any] = {"application/json": {"schema": schema, "example": example}}
    binary = {"type": "string", "format": "binary"}
    content |= {media_type: {"schema": binary} for media_type in or_bytes}
    if or_file is not None:
        form = {"type": "object", "properties": {or_file: binary}, "required": [or_file]}
        content["multipart/form-data"] = {"schema": form | {"additionalProperties": False}}
    return {"requestBody": {"required": required, "content": content}}


def pictures(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a handler that answers 200 with a picture of one of these types."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {200: {"content": dict.fromkeys(media_types, binary)}}


def server_sent(kind: type[Document], *names: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a handler that answers 200 with server-sent events. `kind` is the document in `data`, and
    `names` are the events'. OpenAPI 3.2 describes events so, as does FastAPI for its own `fastapi.sse`."""
    event = {
        "type": "object",
        "properties": {
            "id": {"type": "string", "description": "For `Last-Event-ID`."},
            "event": {"type": "string", "enum": list(names)},
            "data": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": {"$ref": SCHEMA_OF.format(model=kind.__name__)},
            },
        },
        "required": ["id", "event", "data"],
    }
    return {200: {"content": {"text/event-stream": {"schema": {"type": "string"}, "itemSchema": event}}}}


def errors(*kinds: type[LikenessError]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a handler that raises these. `openapi.py` adds the errors that every call can have."""
    return {status_for(kind): {} for kind in kinds}
