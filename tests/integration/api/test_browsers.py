"""What browsers ask for: documentation without the internet, preflights, and headers that keep them safe."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from api.app import make_app
from api.rows.keys import create_key
from api.settings import ApiSettings
from tests.support.api.client import Api
from worker.base.settings import Settings

PAGE = "https://studio.example"


@pytest.fixture
def open_to_a_page(settings: Settings, tmp_path: Path) -> Api:
    url = SecretStr(f"sqlite:///{tmp_path}/api.db")
    app = make_app(settings, ApiSettings(database_url=url, api_cors_origins=f"{PAGE}, https://b.example"))
    app.state.services.database.migrate()
    return Api(app, create_key(app.state.services.database, "acme").secret)


def test_the_documentation_needs_no_other_host(api: Api) -> None:
    page = api.call("GET", "/docs").text
    linked = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert linked
    for path in linked:
        assert path.startswith("/"), path
        assert api.call("GET", path).status_code == 200
    assert "//cdn" not in page
    assert api.call("GET", "/redoc").status_code == 404


def test_no_page_may_call_unless_its_origin_is_set(api: Api, open_to_a_page: Api) -> None:
    for one, origin, allowed in (
        (api, PAGE, None),
        (open_to_a_page, PAGE, PAGE),
        (open_to_a_page, "https://b.example", "https://b.example"),
        (open_to_a_page, "https://evil.example", None),
    ):
        answer = one.call("GET", "/v1/me", origin=origin)
        assert answer.headers.get("access-control-allow-origin") == allowed
        assert "access-control-allow-credentials" not in answer.headers


def test_a_page_may_read_what_is_left_of_its_rate(open_to_a_page: Api) -> None:
    answer = open_to_a_page.call("GET", "/v1/me", origin=PAGE)
    exposed = {name.strip().lower() for name in answer.headers["access-control-expose-headers"].split(",")}
    assert {"ratelimit", "ratelimit-policy"} <= exposed & set(answer.headers)


def test_a_preflight_is_answered(open_to_a_page: Api) -> None:
    asked = {
        "origin": PAGE,
        "access_control_request_method": "POST",
        "access_control_request_headers": "authorization, idempotency-key",
    }
    answer = open_to_a_page.call("OPTIONS", "/v1/projects", **asked)
    assert answer.status_code == 200
    assert "POST" in answer.headers["access-control-allow-methods"]


def test_a_page_may_send_every_header_that_a_call_reads(open_to_a_page: Api) -> None:
    paths = open_to_a_page.call("GET", "/openapi.json").json()["paths"]
    read = {
        parameter["name"].lower()
        for calls in paths.values()
        for operation in calls.values()
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "header"
    }
    assert {"idempotency-key", "last-event-id", "prefer"} <= read
    asked = {
        "origin": PAGE,
        "access_control_request_method": "GET",
        "access_control_request_headers": ", ".join(sorted(read)),
    }
    answer = open_to_a_page.call("OPTIONS", "/v1/projects", **asked)
    assert answer.status_code == 200, answer.text


def test_options_says_what_a_path_has(api: Api) -> None:
    answer = api.call("OPTIONS", "/v1/projects")
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")


@pytest.mark.parametrize("path", ["/v1/me", "/v1/nothing", "/docs"])
def test_every_answer_has_headers_that_keep_a_browser_safe(path: str, api: Api) -> None:
    headers = api.call("GET", path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
