"""The page's files, the policy that they come with, and one-time sign-in links."""

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from api.app import make_app
from api.page.serving import FILES
from api.page.sign_in import SignIn
from api.settings import ApiSettings
from tests.support.api.client import Api
from worker.base.settings import Settings

# As in the npm packages preact 11.2.0 (MIT) and htm 3.1.1 (Apache-2.0), byte for byte.
VENDORED = {
    "hooks.mjs": "e862ab2973aa6455eaa0f77c5d832d2157d6be59a17c8ba546550a575b58c6b4",
    "htm.mjs": "ab33dd3f38059b9be4d5f5350128eefb2356639c4e0bbe9d9e8b3ba75847e9e4",
    "preact.mjs": "bdcbd9abdf2c77c5c45326eab42191e949222d479d0d5f69467387a77040cb55",
}


def test_what_others_wrote_is_what_they_published() -> None:
    found = {file.name: sha256(file.read_bytes()).hexdigest() for file in (FILES / "vendor").glob("*.mjs")}
    assert found == VENDORED


def test_the_policy_allows_the_page_and_the_store_and_nothing_else(api: Api, settings: Settings) -> None:
    answer = api.call("GET", "/")
    assert answer.headers["content-type"].startswith("text/html")
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    (import_map,) = re.findall(r'<script type="importmap">(.*?)</script>', answer.text, re.DOTALL)
    digest = b64encode(sha256(import_map.encode()).digest()).decode()
    store = settings.s3_endpoint_url
    assert policy == {
        "default-src": "'none'",
        "script-src": f"'self' 'sha256-{digest}'",
        "style-src": "'self'",
        "img-src": f"'self' blob: {store}",
        "connect-src": f"'self' {store}",
        "form-action": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }


def test_every_file_that_the_page_names_is_served(api: Api) -> None:
    scripts = [file for file in FILES.rglob("*.js") if "vendor" not in file.parts]
    named = set(re.findall(r'"(/page/[^"]+)"', (FILES / "index.html").read_text()))
    for script in scripts:
        for relative in re.findall(r'from "(\.[^"]+)"', script.read_text()):
            file = (script.parent / relative).resolve()
            named.add(f"/page/{file.relative_to(FILES.resolve())}")
    assert len(named) > len(scripts)
    for path in named:
        answer = api.call("GET", path)
        assert answer.status_code == 200, path
        assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path", ["/page/../serving.py", "/page/%2e%2e/serving.py", "/page/", "/page/nothing.js"]
)
def test_no_other_file_is(api: Api, path: str) -> None:
    assert api.call("GET", path).status_code == 404


def test_it_can_be_switched_off(settings: Settings, tmp_path: Path) -> None:
    url = SecretStr(f"sqlite:///{tmp_path}/api.db")
    app = make_app(settings, ApiSettings(database_url=url, page="off"))
    app.state.services.database.migrate()
    for method, path in (("GET", "/"), ("GET", "/page/app.js"), ("POST", "/v1/sign-in")):
        assert Api(app, "none").call(method, path).status_code == 404
    app.state.services.database.close()


def test_a_link_gives_the_key_once(app: FastAPI) -> None:
    links: SignIn = app.state.sign_in
    token = links.link("http://localhost", "lk_secret").rpartition("/")[2]
    anybody = Api(app, "none")
    assert anybody.call("POST", "/v1/sign-in", {"token": token}).json() == {"key": "lk_secret"}
    again = anybody.call("POST", "/v1/sign-in", {"token": token})
    assert again.status_code == 401
    assert again.json()["error"]["code"] == "UNAUTHENTICATED"
    assert token not in again.text


def test_a_link_ends_after_an_hour(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    links: SignIn = app.state.sign_in
    token = links.link("http://localhost", "lk_secret").rpartition("/")[2]
    monkeypatch.setattr("api.page.sign_in._LIFETIME", 0)
    late = links.link("http://localhost", "lk_secret").rpartition("/")[2]
    anybody = Api(app, "none")
    assert anybody.call("POST", "/v1/sign-in", {"token": late}).status_code == 401
    assert anybody.call("POST", "/v1/sign-in", {"token": token}).status_code == 200


@pytest.mark.parametrize("body", [{}, {"token": 1}, {"token": "x" * 129}, {"token": "x", "more": 1}, []])
def test_a_body_that_is_no_token_is_refused(app: FastAPI, body: object) -> None:
    assert Api(app, "none").call("POST", "/v1/sign-in", body).status_code == 422


@pytest.mark.parametrize("path", ["/", "/page/app.js", "/docs", "/openapi.json"])
def test_a_wrong_method_is_told_the_right_ones(api: Api, path: str) -> None:
    answer = api.call("POST", path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
