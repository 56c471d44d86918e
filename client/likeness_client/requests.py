"""What each call sends. It does no input or output: both clients use it."""

import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from likeness_client.errors import Invalid, LikenessError

SMALL = 1024 * 1024
"""Bytes of a picture that the API takes as the body of a request."""
TERMINAL = frozenset(("job.completed", "job.failed", "job.canceled"))

_KINDS = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}
# Answers that say *not now*. A POST is repeated under its idempotency key, so that it counts once.
_NOT_NOW = frozenset((429, 502, 503, 504))


@dataclass(frozen=True, slots=True)
class Request:
    """Any request to the API. `path` begins with `/v1/`."""

    method: str
    path: str
    json: Any = None
    content: bytes | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def options(self) -> dict[str, Any]:
        """What httpx's `request` takes beside the method and the path."""
        return {
            "json": self.json,
            "content": self.content,
            "params": dict(self.params),
            "headers": dict(self.headers),
        }


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a call is tried, and how many seconds the client waits in between: longer each time, and as long as
    the API asks for. If it asks for more than `longest`, the call fails at once."""

    tries: int = 5
    first: float = 0.3
    longest: float = 20.0

    def wait(self, number: int, error: LikenessError | None = None) -> float:
        """Seconds after the try `number`, from 1 on, which ended with the error. Raises it after the last try."""
        asked = 0.0 if error is None else (error.retry_after or 0.0)
        if error is not None and (number >= self.tries or asked > self.longest):
            raise error
        wait = min(self.longest, self.first * 2.0 ** (number - 1))
        return max(wait * random.uniform(0.7, 1.3), asked)  # noqa: S311 - it keeps no secret


def is_not_now(status: int) -> bool:
    return status in _NOT_NOW


def get(path: str, **params: Any) -> Request:
    given = {name: text_of(value) for name, value in params.items() if value is not None}
    return Request("GET", f"/v1/{path}", params=given)


def post(path: str, body: Any = None, *, key: str | None = None) -> Request:
    """`key`: its idempotency key; a new one for each call, unless the caller has one."""
    return Request("POST", f"/v1/{path}", json=body, headers={"Idempotency-Key": key or str(uuid.uuid4())})


def creation(project_id: str, name: str, references: Sequence[str], fields: dict[str, Any]) -> Request:
    body = {"name": name, **fields}
    if references:
        body["referenceImages"] = {"assetIds": list(references)}
    return post(f"projects/{segment(project_id)}/influencers", body)


def patching(influencer_id: str, fields: dict[str, Any]) -> Request:
    return Request("PATCH", f"/v1/influencers/{segment(influencer_id)}", json=fields)


def deletion(influencer_id: str, reason: str | None, *, images: bool) -> Request:
    body = None if reason is None else {"reason": reason}
    query = {"images": "true"} if images else {}
    return Request("DELETE", f"/v1/influencers/{segment(influencer_id)}", json=body, params=query)


def setting_primary(project_id: str, influencer_id: str | None) -> Request:
    path = f"/v1/projects/{segment(project_id)}/primary-influencer"
    return Request("PUT", path, json={"influencerId": influencer_id})


def cloning(influencer_id: str, name: str, key: str | None, **fields: Any) -> Request:
    return post(f"influencers/{segment(influencer_id)}/clone", {"name": name, **given(**fields)}, key=key)


def rendering(influencer_id: str, key: str | None, **fields: Any) -> Request:
    return post(f"influencers/{segment(influencer_id)}/reference-images/render", given(**fields), key=key)


def selecting(project_id: str, text: str | None, influencer_id: str | None) -> Request:
    brief = given(text=text, influencerId=influencer_id)
    return post(f"projects/{segment(project_id)}/content/selection", {"brief": brief})


def segment(text: str) -> str:
    """An id as a part of a path."""
    return quote(text, safe="")


def given(**fields: Any) -> dict[str, Any]:
    """The fields that aren't None, as JSON has them."""
    return {name: _json(value) for name, value in fields.items() if value is not None}


def text_of(value: Any) -> str:
    """A value as a query has it. A time without a zone is this machine's."""
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return text_of(value)
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture's bytes and their media type."""

    data: bytes
    media_type: str

    @classmethod
    def of(cls, picture: "bytes | str | Path") -> "Picture":
        """Raises Invalid for what is no PNG, JPEG or WebP."""
        data = picture if isinstance(picture, bytes) else Path(picture).read_bytes()
        for magic, media_type in _KINDS.items():
            if data.startswith(magic):
                return cls(data, media_type)
        raise Invalid("The picture is none of PNG, JPEG and WebP.", code="VALIDATION")

    def small(self, project_id: str) -> Request:
        headers = {"Content-Type": self.media_type, "Idempotency-Key": str(uuid.uuid4())}
        return Request(
            "POST", f"/v1/projects/{segment(project_id)}/media", content=self.data, headers=headers
        )

    def announced(self, project_id: str) -> Request:
        body = {"mediaType": self.media_type, "bytes": len(self.data)}
        return post(f"projects/{segment(project_id)}/media/uploads", body)


class EventReader:
    """Reads server-sent events line by line, from one connection after another."""

    def __init__(self, after: int = 0) -> None:
        self._last = str(after) if after else ""
        self._id = ""
        self._data: list[str] = []

    def begin(self) -> dict[str, str]:
        """The headers of a new connection, which goes on after the last event that came as a whole."""
        self._id, self._data = "", []
        return {"Accept": "text/event-stream"} | ({"Last-Event-ID": self._last} if self._last else {})

    def feed(self, line: str) -> Iterator[str]:
        """Yields an event's JSON text when its last line came."""
        if line.startswith("data:"):
            self._data.append(line.removeprefix("data:").removeprefix(" "))
        elif line.startswith("id:"):
            self._id = line.removeprefix("id:").strip()
        elif not line and self._data:
            text, self._data = "\n".join(self._data), []
            self._last = self._id or self._last
            yield text
