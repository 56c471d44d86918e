"""Pictures in forms, as browsers and `curl -F` send them."""

import os
import shutil
import subprocess
import tracemalloc
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from api.calls.media.forms import picture_in
from tests.support.api.calls import error_of
from tests.support.api.client import Api, on_a_port
from tests.support.api.media import add, add_form, form, picture

MEBI = 1024 * 1024


def test_a_picture_in_a_form_is_the_picture_as_the_body(api: Api) -> None:
    project, data = api.project(), picture()
    added = add_form(api, project, form(("file", "nova.png", data)))
    assert added.status_code == 201, added.text
    asset = added.json()
    assert httpx2.get(asset["url"]).content == data
    assert set(asset) == set(add(api, project, data).json())


@pytest.mark.parametrize("encoding", ["PNG", "JPEG", "WEBP"])
def test_a_form_that_knows_no_type_is_looked_at(api: Api, encoding: str) -> None:
    project = api.project()
    body = form(("file", "nova", picture(encoding)), media_type="application/octet-stream")
    asset = add_form(api, project, body).json()
    assert httpx2.get(asset["url"]).headers["content-type"] == f"image/{encoding.lower()}"


def test_a_form_is_repeated_whatever_its_boundary(api: Api) -> None:
    project, part = api.project(), ("file", "nova.png", picture())
    answers = [
        add_form(api, project, form(part, boundary=boundary), boundary, idempotency_key="k")
        for boundary in ("one", "two")
    ]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize(
    ("parts", "says", "path"),
    [
        ((), "The form has 0 pictures.", "file"),
        ((("file", "a.png", b"x"), ("file", "b.png", b"y")), "The form has 2 pictures.", "file"),
        ((("picture", "a.png", b"x"),), "The form has a field 'picture'.", "picture"),
        ((("file", "a.png", b"x"), ("name", None, b"Nova")), "The form has a field 'name'.", "name"),
        ((("file", None, b"text"),), "The form's field 'file' is text.", "file"),
        ((("file", "a.png", b"x"),) * 5, "Too many files.", "(form)"),
    ],
)
def test_a_form_with_anything_else_is_refused_with_what_to_do(
    api: Api, parts: tuple[Any, ...], says: str, path: str
) -> None:
    error = error_of(add_form(api, api.project(), form(*parts)), 422, "VALIDATION")
    assert says in error["message"]
    assert "curl -F file=@nova.png" in error["message"]
    assert [field["path"] for field in error["details"]["fields"]] == [path]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (form(("file", "a.png", picture()))[:-20], "multipart/form-data; boundary=b"),
        (b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--", "multipart/form-data; boundary=b"),
        (b"--c\r\n", "multipart/form-data; boundary=b"),
        (b"", "multipart/form-data; boundary=b"),
        (b"--b", "multipart/form-data"),
        (b"--b", "multipart/form-data; boundary=" + "b" * 1000),
        (form(("file", "a.png", picture())), "multipart/form-data; boundary=b; charset=undefined"),
        (form(("file", "a.png", picture())), "multipart/form-data; boundary=b; charset=punycode"),
        (b"\xff\xfe\x00", "multipart/form-data; boundary=\xff; charset=none"),
    ],
)
def test_what_is_no_form_is_refused(api: Api, body: bytes, content_type: str) -> None:
    error_of(add(api, api.project(), body, content_type), 422, "VALIDATION")


def test_the_checks_of_a_picture_hold_in_a_form_too(api: Api, stranger: Api) -> None:
    project = api.project()
    error = error_of(add_form(api, project, form(("file", "a.png", b"no picture"))), 422, "VALIDATION")
    assert error["details"]["subcode"] == "REFERENCE_NOT_AN_IMAGE"
    body = form(("file", "a.jpg", picture()), media_type="image/jpeg")
    assert (
        error_of(add_form(api, project, body), 422, "VALIDATION")["details"]["subcode"]
        == "MEDIA_TYPE_DIFFERS"
    )
    body = form(("file", "a.svg", b"<svg/>"), media_type="image/svg+xml")
    error_of(add_form(api, project, body), 422, "VALIDATION")
    error_of(add_form(stranger, project, form(("file", "a.png", picture()))), 404, "NOT_FOUND")
    body = form(("file", "a.png", os.urandom(MEBI)))
    error = error_of(add_form(api, project, body), 413, "VALIDATION")
    assert "/uploads gives a URL that takes larger pictures" in error["message"]


@pytest.mark.parametrize("piece", [b"\r", b"\r\n--", b"\r\n--b\rx", b"\0"])
def test_a_hostile_file_takes_little_more_memory_than_it_has_bytes(piece: bytes) -> None:
    """A parser could keep each piece between two line ends as an object of its own."""
    data = piece * (MEBI // len(piece))
    body = form(("file", "a.png", data))
    tracemalloc.start()
    try:
        assert picture_in("multipart/form-data; boundary=b", body) == (data, "image/png")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12 * MEBI


def test_a_file_is_not_written_to_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The body is in memory already, and a temporary folder may be small, or a tmpfs."""

    def roll(_: Any) -> None:
        raise AssertionError("it went to the disk")

    monkeypatch.setattr("tempfile.SpooledTemporaryFile.rollover", roll)
    data = os.urandom(3 * MEBI)
    body = form(("file", "a.png", data), boundary="a-boundary")
    assert picture_in("multipart/form-data; boundary=a-boundary", body) == (data, "image/png")


@pytest.mark.parametrize("kind", ["sqlite"])
def test_curl_sends_one(app: FastAPI, api: Api, tmp_path: Path) -> None:
    curl = shutil.which("curl")
    if curl is None and "CI" not in os.environ:
        pytest.skip("curl isn't installed")
    assert curl, "CI must have curl"
    (tmp_path / "nova.webp").write_bytes(picture("WEBP"))
    with on_a_port(app) as port:
        command = [curl, "--silent", "--write-out", "%{http_code}", "--output", "/dev/null"]
        key = f"Authorization: Bearer {api.secret}"
        url = f"http://127.0.0.1:{port}/v1/projects/{api.project()}/media"
        sent = subprocess.run(
            [*command, "--header", key, "-F", "file=@nova.webp", url],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=60,
            check=True,
        )
    assert sent.stdout == "201"
