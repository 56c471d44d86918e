"""A Redis client without the settings' prefix."""

import json
from typing import Any
from uuid import uuid4


def raw(body: str, headers: dict[str, Any] | None = None, **changed: Any) -> str:
    """A message as it lies on the queue."""
    properties = {"delivery_tag": uuid4().hex, "delivery_info": {"exchange": "", "routing_key": "any"}}
    headers = {"task": "influencer_clone", "id": uuid4().hex} | (headers or {})
    message = {"body": body, "content-type": "application/json", "content-encoding": "utf-8"}
    return json.dumps(message | {"headers": headers, "properties": properties} | changed)
