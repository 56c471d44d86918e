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


def form(*parts: tuple[str, str | None, bytes], media_type: str = "image/png", boundary: str = "b") -> bytes:
    """A form as `curl -F` writes it, of parts with a field's name, a file's name if it is one, and the content."""
    body = b""
    for name, file, content in parts:
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'.encode()
        if file is not None:
            body += f'; filename="{file}"\r\nContent-Type: {media_type}'.encode()
        body += b"\r\n\r\n" + content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode()


def add_form(api: Api, project: str, data: bytes, boundary: str = "b", **headers: str) -> Any:
    return add(api, project, data, f"multipart/form-data; boundary={boundary}", **headers)
