"""What each call sends, and what its answer means. It does no input or output: both clients use it."""

import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from likeness_client.errors import Invalid, error_of

SMALL = 1024 * 1024
"""Bytes of a picture that the API takes as the body of a request."""
TERMINAL = frozenset(("job.completed", "job.failed", "job.canceled"))

_KINDS = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}
# Answers that say *not now*. A POST is repeated under its idempotency key, so that it counts once.
_NOT_NOW = frozenset((429, 502, 503, 504))


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    json: Any = None
    content: bytes | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a call is tried, and how long the client waits in between: longer each time, and as long as the API
    asks for."""

    tries: int = 5
    first: float = 0.3
    longest: float = 20.0

    def wait(self, number: int, asked: str | None = None) -> float:
        """Seconds after the try `number`, from 1 on. `asked`: the answer's Retry-After."""
        wait = min(self.longest, self.first * 2.0 ** (number - 1))
        wait *= random.uniform(0.7, 1.3)  # noqa: S311 - it keeps no secret
        return max(wait, float(asked)) if asked and asked.isdigit() else wait


def is_not_now(status: int) -> bool:
    return status in _NOT_NOW


def result_of(status: int, body: Any) -> Any:
    """The answer's document. Raises the answer's error."""
    if status >= 400:
        raise error_of(status, body)
    return body


def get(path: str, **params: Any) -> Request:
    given = {name: str(value) for name, value in params.items() if value is not None}
    return Request("GET", f"/v1/{path}", params=given)


def post(path: str, body: Any = None, *, key: str | None = None) -> Request:
    """`key`: its idempotency key; a new one for each call, unless the caller has one."""
    return Request("POST", f"/v1/{path}", json=body, headers={"Idempotency-Key": key or str(uuid.uuid4())})


def creation(project_id: str, name: str, references: Sequence[str], fields: dict[str, Any]) -> Request:
    body = {"name": name, **fields}
    if references:
        body["referenceImages"] = {"assetIds": list(references)}
    return post(f"projects/{segment(project_id)}/influencers", body)


def deletion(influencer_id: str, reason: str | None) -> Request:
    body = None if reason is None else {"reason": reason}
    return Request("DELETE", f"/v1/influencers/{segment(influencer_id)}", json=body)


def cloning(
    influencer_id: str,
    name: str,
    *,
    new_influencer_id: str | None,
    overrides: dict[str, Any] | None,
    shots: Sequence[str] | None,
    accept_partial: bool | None,
    expires_at: str | None,
    key: str | None,
) -> Request:
    body = without_none(
        name=name,
        newInfluencerId=new_influencer_id,
        overrides=overrides,
        shots=None if shots is None else list(shots),
        acceptPartial=accept_partial,
        expiresAt=expires_at,
    )
    return post(f"influencers/{segment(influencer_id)}/clone", body, key=key)


def rendering(influencer_id: str, shots: Sequence[str] | None) -> Request:
    body = without_none(shots=None if shots is None else list(shots))
    return post(f"influencers/{segment(influencer_id)}/reference-images/render", body)


def segment(text: str) -> str:
    """An id as a part of a path."""
    return quote(text, safe="")


def without_none(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


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
    """Reads server-sent events line by line. `last` is the id of the last one, to go on from."""

    def __init__(self, last: int = 0) -> None:
        self.last = last
        self._data: list[str] = []

    @property
    def headers(self) -> dict[str, str]:
        return {"Accept": "text/event-stream"} | ({"Last-Event-ID": str(self.last)} if self.last else {})

    def feed(self, line: str) -> Iterator[str]:
        """Yields an event's JSON text when its last line came."""
        if line.startswith("data:"):
            self._data.append(line.removeprefix("data:").removeprefix(" "))
        elif line.startswith("id:"):
            self.last = int(line.removeprefix("id:").strip())
        elif not line and self._data:
            text, self._data = "\n".join(self._data), []
            yield text
