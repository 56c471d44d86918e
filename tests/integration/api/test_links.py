"""A picture's URLs work for as long as the picture is there, though presigned ones end."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from sqlalchemy import update

from api.rows.database import Database
from api.rows.links import Links
from api.rows.tables import AssetRow
from api.settings import ApiSettings
from tests.support.api.calls import error_of
from tests.support.api.client import IMAGE, Api
from tests.support.api.media import add, picture
from worker.base.settings import Settings

ENDED = "https://store.example/ended"


def read_everywhere(api: Api, project: str, asset_id: str) -> list[Callable[[], Any]]:
    """The calls that tell of the asset."""
    body = {"name": "Nova", "referenceImages": {"assetIds": [asset_id]}}
    made = api.call("POST", f"/v1/projects/{project}/influencers", body).json()
    row = f"/v1/influencers/{made['influencerId']}"
    selections = f"/v1/projects/{project}/content/selection"
    selected = api.call("POST", selections, {"brief": {}}).json()["selectionId"]
    listing = f"/v1/projects/{project}/influencers"
    return [
        lambda: api.call("GET", row).json()["referenceImages"][0],
        lambda: api.call("GET", listing).json()["items"][0]["referenceImages"][0],
        lambda: api.call("PATCH", row, {"gender": "female"}).json()["referenceImages"][0],
        lambda: api.call("POST", selections, {"brief": {}}).json()["referenceImages"][0],
        lambda: api.call("GET", f"{selections}s/{selected}").json()["referenceImages"][0],
    ]


def test_the_urls_of_a_picture_are_signed_when_it_is_told_of(api: Api, api_settings: ApiSettings) -> None:
    project = api.project()
    data = picture()
    asset = add(api, project, data).json()
    told = read_everywhere(api, project, asset["assetId"])
    database = Database(api_settings.database_url.get_secret_value())
    with database.write() as session:
        session.execute(update(AssetRow).values(url=ENDED, thumbnail_url=ENDED))
    database.close()
    for tell in told:
        image = tell()
        assert httpx2.get(image["url"]).content == data
        assert httpx2.get(image["thumbnailUrl"]).status_code == 200


def test_a_files_own_url_never_dies(api: Api, api_settings: ApiSettings) -> None:
    data = picture()
    asset = add(api, api.project(), data).json()["assetId"]
    database = Database(api_settings.database_url.get_secret_value())
    with database.write() as session:
        session.execute(update(AssetRow).values(url=ENDED, thumbnail_url=ENDED))
    database.close()
    leads, small = (api.call("GET", f"/v1/files/{asset}{part}") for part in ("", "/thumbnail"))
    assert (leads.status_code, small.status_code) == (302, 302)
    assert httpx2.get(leads.headers["location"]).content == data
    assert httpx2.get(small.headers["location"]).headers["content-type"] == "image/webp"
    told = api.call("GET", f"/v1/media/{asset}").json()
    assert (told["assetId"], httpx2.get(told["url"]).content) == (asset, data)


def test_a_picture_on_the_web_leads_there(api: Api) -> None:
    asset = api.media(api.project())
    for part in ("", "/thumbnail"):
        assert api.call("GET", f"/v1/files/{asset}{part}").headers["location"] == IMAGE


def test_a_url_is_made_once_in_half_of_its_life(monkeypatch: Any) -> None:
    now, made = 1_000_000.0, 0
    monkeypatch.setattr("api.rows.links.time.time", lambda: now)

    def url_of(key: str) -> str:
        nonlocal made
        made += 1
        return f"{key}?{made}"

    asset = AssetRow(url="row", thumbnail_url="row too", object_key="a", thumbnail_key=None)
    signing = Settings.model_validate({"presign_ttl": 100, "s3_access_key_id": "x"})
    links = Links(signing, url_of)
    assert [links.of(asset) for _ in range(2)] == [("a?1", "row too")] * 2
    now += 49
    assert links.of(asset) == ("a?1", "row too")
    now += 1
    assert links.of(asset) == ("a?2", "row too")
    assert Links(Settings(), url_of).of(asset) == ("row", "row too")


@pytest.mark.parametrize(
    "url", ["https://例え.jp/a.png", "https://images.example/日本.png", "https://images.example/\u202e"]
)
def test_a_url_that_no_header_can_carry_is_refused_and_an_older_row_still_leads(
    api: Api, api_settings: ApiSettings, url: str
) -> None:
    project = api.project()
    for body in (
        {"url": url},
        {"url": IMAGE, "thumbnailUrl": url},
        {"url": IMAGE, "thumbnailUrl": "https://localhost/"},
    ):
        error_of(api.call("POST", f"/v1/projects/{project}/media", body), 422, "VALIDATION")
    asset = api.media(project)
    database = Database(api_settings.database_url.get_secret_value())
    with database.write() as session:
        session.execute(update(AssetRow).values(url=url))
    database.close()
    leads = api.call("GET", f"/v1/files/{asset}")
    assert leads.status_code == 302
    assert leads.headers["location"].isascii()
