"""Pictures for the media library."""

from io import BytesIO
from typing import Any

from PIL import Image

from tests.support.api.client import Api


def picture(
    kind: str = "PNG", size: tuple[int, int] = (300, 400), colour: str = "red", **options: Any
) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, kind, **options)
    return buffer.getvalue()


def add(api: Api, project: str, data: bytes, media_type: str = "image/png", **headers: str) -> Any:
    return api.call("POST", f"/v1/projects/{project}/media", data, content_type=media_type, **headers)
