"""The media library: pictures as a body and by a presigned PUT, and which of them become assets."""

import struct
import zlib
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import httpx2
import pytest
from PIL import Image
from sqlalchemy import func, select, update

from api.app import make_app
from api.calls.media.media import KEPT_FOR, sweep_uploads
from api.documents import MEDIA_TYPES
from api.library import KeptPicture, MediaLibrary, Picture
from api.rows.keys import create_key
from api.rows.tables import AssetRow, UploadRow
from api.settings import ApiSettings
from tests.support.api.calls import error_of
from tests.support.api.client import IMAGE, Api, message_of
from tests.support.api.media import add, picture
from worker.base.settings import Settings
from worker.mark.inspection import inspect_image
from worker.queue.jobs import JobStore
from worker.storage import Storage


def begin(api: Api, project: str, data: bytes, **fields: Any) -> Any:
    body = {"mediaType": "image/png", "bytes": len(data)} | fields
    begun = api.call("POST", f"/v1/projects/{project}/media/uploads", body)
    assert begun.status_code == 201, begun.text
    return begun.json()


def put(upload: Any, data: bytes) -> httpx2.Response:
    return httpx2.request(upload["method"], upload["uploadUrl"], content=data, headers=upload["headers"])


def finalize(api: Api, upload: Any) -> Any:
    return api.call("POST", f"/v1/media/{upload['assetId']}/finalize")


def huge_png() -> bytes:
    """Says that it has 2.5 thousand million pixels, in 60 bytes."""
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def archive() -> bytes:
    """A picture that is a ZIP archive as well."""
    buffer = BytesIO(picture())
    with ZipFile(buffer, "a") as file:
        file.writestr("a", b"\0" * 1_000_000)
    return buffer.getvalue()


def two_pictures() -> tuple[bytes, bytes]:
    """Of one length: what follows a picture's end is let pass."""
    red, blue = picture(colour="red"), picture(colour="blue")
    size = max(len(red), len(blue))
    return red.ljust(size, b"\0"), blue.ljust(size, b"\0")


def test_a_small_picture_is_the_body(api: Api, store: JobStore, storage: Storage) -> None:
    project = api.project()
    for kind in ("png", "jpeg", "webp"):
        data = picture(kind)
        added = add(api, project, data, f"Image/{kind}; x=y", idempotency_key=kind)
        assert added.status_code == 201
        asset = added.json()
        assert asset.keys() == {"assetId", "projectId", "url", "thumbnailUrl", "createdAt"}
        # Byte by byte, under the type that it was sent with.
        got = httpx2.get(asset["url"])
        assert (got.content, got.headers["content-type"]) == (data, f"image/{kind}")
        thumbnail = httpx2.get(asset["thumbnailUrl"]).content
        with Image.open(BytesIO(thumbnail)) as small:
            assert (small.format, small.size) == ("WEBP", (192, 256))
        # It isn't said to be made by a model.
        assert inspect_image(thumbnail).xmp_source_type is None
        again = add(api, project, data, f"Image/{kind}; x=y", idempotency_key=kind)
        assert again.content == added.content

    influencer = api.influencer(project, referenceImages={"assetIds": [asset["assetId"]]})
    cloned = api.call("POST", f"/v1/influencers/{influencer}/clone", {"name": "B"}).json()
    (reference,) = message_of(store, cloned["jobId"]).references
    assert reference.key == storage.keys.media_key(project, asset["assetId"])


def test_a_large_picture_is_put_and_finalized(api: Api, storage: Storage) -> None:
    project = api.project()
    data, other = two_pictures()
    upload = begin(api, project, data, sha256=sha256(data).hexdigest())
    assert (upload["method"], upload["headers"]) == ("PUT", {"Content-Type": "image/png"})
    influencer = api.influencer(project, referenceImages={"assetIds": [upload["assetId"]]})
    assert api.row(influencer)["referenceImages"] == []
    error = error_of(finalize(api, upload), 409, "CONFLICT")
    assert error["details"] == {"subcode": "UPLOAD_MISSING"}

    assert put(upload, data).status_code == 200
    api.call("POST", f"/v1/influencers/{influencer}/reference-images", {"assetIds": [upload["assetId"]]})
    assert api.row(influencer)["referenceImages"] == []
    final = finalize(api, upload)
    assert final.status_code == 200
    assert httpx2.get(final.json()["url"]).content == data
    assert finalize(api, upload).content == final.content

    # The URL still works, but nothing comes of it.
    put(upload, other)
    assert storage.get(storage.keys.upload_key(upload["assetId"]), len(other)) == other
    assert finalize(api, upload).content == final.content
    assert httpx2.get(final.json()["url"]).content == data
    bound = api.call(
        "POST", f"/v1/influencers/{influencer}/reference-images", {"assetIds": [upload["assetId"]]}
    )
    assert [image["assetId"] for image in bound.json()["referenceImages"]] == [upload["assetId"]]


def test_the_url_takes_the_announced_length_and_type_alone(api: Api) -> None:
    data = picture()
    upload = begin(api, api.project(), data)
    assert put(upload, data + b"\0").status_code == 403
    assert put(upload | {"headers": {"Content-Type": "text/html"}}, data).status_code == 403
    error_of(finalize(api, upload), 409, "CONFLICT")


def test_what_is_no_picture_becomes_no_asset(api: Api, storage: Storage) -> None:
    project = api.project()
    for data, subcode in (
        (huge_png(), "REFERENCE_TOO_LARGE"),
        (archive(), "REFERENCE_NOT_AN_IMAGE"),
        (b"Not a picture.", "REFERENCE_NOT_AN_IMAGE"),
        (b"", "REFERENCE_NOT_AN_IMAGE"),
        (picture()[:-20], "REFERENCE_NOT_AN_IMAGE"),
        (picture(size=(20, 400)), "REFERENCE_UNUSABLE"),
        (picture("GIF"), "MEDIA_TYPE_DIFFERS"),
        (picture("JPEG"), "MEDIA_TYPE_DIFFERS"),
    ):
        error = error_of(add(api, project, data), 422, "VALIDATION")
        assert error["details"] == {"subcode": subcode}
        # A job takes more kinds than these.
        assert "BMP" not in error["message"]
        if subcode == "REFERENCE_NOT_AN_IMAGE":
            assert ", ".join(MEDIA_TYPES) in error["message"]
        if data:
            upload = begin(api, project, data)
            put(upload, data)
            assert error_of(finalize(api, upload), 422, "VALIDATION")["details"] == {"subcode": subcode}
            storage.delete(storage.keys.upload_key(upload["assetId"]))
    with api.services.database.read() as session:
        assert session.scalar(select(func.count()).select_from(AssetRow)) == 0
    assert list(storage.list_all()) == []


def test_an_upload_is_what_was_announced(api: Api, storage: Storage) -> None:
    project, data = api.project(), picture()
    upload = begin(api, project, data, sha256="0" * 64)
    put(upload, data)
    error = error_of(finalize(api, upload), 422, "VALIDATION")
    assert error["details"] == {"subcode": "UPLOAD_HASH_DIFFERS"}
    # Where a store doesn't hold to the URL's length.
    for other in (data + b"\0", data[:-1]):
        upload = begin(api, project, data)
        storage.put_image(storage.keys.upload_key(upload["assetId"]), other, "image/png")
        error = error_of(finalize(api, upload), 422, "VALIDATION")
        assert error["details"] == {"subcode": "UPLOAD_SIZE_DIFFERS"}


def test_what_is_too_large_or_of_another_kind(api: Api) -> None:
    project = api.project()
    error = error_of(add(api, project, b"\0" * (1024 * 1024 + 1)), 413, "VALIDATION")
    assert error["details"]["subcode"] == "BODY_TOO_LARGE"
    assert f"POST /v1/projects/{project}/media/uploads" in error["message"]
    error = error_of(add(api, project, picture("GIF"), "image/gif"), 422, "VALIDATION")
    assert error["details"]["fields"] == [{"path": "Content-Type", "reason": "none of these"}]
    for kind in ("png", "jpeg", "webp"):
        # What curl says of a file if it isn't told.
        error = error_of(
            add(api, project, picture(kind), "application/x-www-form-urlencoded"), 422, "VALIDATION"
        )
        assert error["message"].startswith("A picture needs its type in Content-Type: one of image/png")
    for fields, path in (
        ({"bytes": 10**9}, "bytes"),
        ({"bytes": 0}, "bytes"),
        ({"bytes": "9"}, "bytes"),
        ({"bytes": True}, "bytes"),
        ({"mediaType": "image/gif"}, "mediaType"),
        ({"sha256": "F" * 64}, "sha256"),
    ):
        body = {"mediaType": "image/png", "bytes": 9} | fields
        answer = api.call("POST", f"/v1/projects/{project}/media/uploads", body)
        (field,) = error_of(answer, 422, "VALIDATION")["details"]["fields"]
        assert field["path"] == path


@pytest.mark.parametrize("character", ["\0", "\x1f", "\x7f", " "])
def test_a_url_on_the_web_has_no_control_characters(api: Api, character: str) -> None:
    """PostgreSQL's text can't hold the first of them."""
    path = f"/v1/projects/{api.project()}/media"
    for field in ("url", "thumbnailUrl"):
        body = {"url": IMAGE, field: f"https://images.example/{character}.png"}
        (found,) = error_of(api.call("POST", path, body), 422, "VALIDATION")["details"]["fields"]
        assert found["path"] == field


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://images.example/a.png", "Plain http to images.example is refused. Use https."),
        ("https://localhost/a.png", "localhost is not a public name. Use a full host name."),
    ],
)
def test_a_url_that_no_job_would_fetch_from_is_refused_with_what_to_do(api: Api, url: str, says: str) -> None:
    answer = api.call("POST", f"/v1/projects/{api.project()}/media", {"url": url})
    error = error_of(answer, 422, "VALIDATION")
    assert error["details"]["fields"] == [{"path": "url", "reason": says}]
    assert (
        error["message"]
        == f"url: {says} Or send the picture itself: as the body, or to the URL of an upload."
    )


def test_another_tenant_finalizes_and_adds_nothing(api: Api, stranger: Api, storage: Storage) -> None:
    project, data = api.project(), picture()
    upload = begin(api, project, data)
    put(upload, data)
    for asset_id in (upload["assetId"], "med_nope", "med_%00"):
        error_of(finalize(stranger, {"assetId": asset_id}), 404, "NOT_FOUND")
    assert finalize(api, upload).status_code == 200
    error_of(finalize(stranger, upload), 404, "NOT_FOUND")
    before = len(list(storage.list_all()))
    error_of(add(stranger, project, data), 404, "NOT_FOUND")
    assert len(list(storage.list_all())) == before


def test_finalized_by_many_at_once_it_is_one_asset(api: Api) -> None:
    data = picture()
    upload = begin(api, api.project(), data)
    put(upload, data)
    answers = api.at_once(8, "POST", f"/v1/media/{upload['assetId']}/finalize", None)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1


def test_another_picture_that_is_put_while_one_is_finalized_is_refused(
    api: Api, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, other = two_pictures()
    upload = begin(api, api.project(), data)
    put(upload, data)
    keep = api.services.library.keep

    def overtaken(_: MediaLibrary, project: str, asset: str, found: Picture) -> KeptPicture:
        with monkeypatch.context() as inner:
            inner.setattr(MediaLibrary, "keep", lambda _, *args: keep(*args))
            put(upload, other)
            error = error_of(finalize(api, upload), 422, "VALIDATION")
            assert error["details"] == {"subcode": "UPLOAD_HASH_DIFFERS"}
        return keep(project, asset, found)

    monkeypatch.setattr(MediaLibrary, "keep", overtaken)
    assert httpx2.get(finalize(api, upload).json()["url"]).content == data


def test_who_waits_too_long_for_a_check_is_told_to_come_back(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.library._LONGEST_WAIT", 0.01)
    project, data = api.project(), picture()
    with api.services.library._turn(), api.services.library._turn():
        refused = add(api, project, data, idempotency_key="k")
        error_of(refused, 429, "RATE_LIMITED")
        assert refused.headers["retry-after"] == "1"
    # Another answer than that comes under the same key.
    assert add(api, project, data, idempotency_key="k").status_code == 201


def test_a_library_may_be_anywhere(settings: Settings, api_settings: ApiSettings, store: JobStore) -> None:
    """A worker knows where, so a clone names the asset alone where its key hasn't the project in it."""
    app = make_app(settings.model_copy(update={"media_key_template": "library/{assetId}"}), api_settings)
    api = Api(app, create_key(app.state.services.database, "acme").secret)
    project = api.project()
    asset = add(api, project, picture()).json()["assetId"]
    influencer = api.influencer(project, referenceImages={"assetIds": [asset]})
    cloned = api.call("POST", f"/v1/influencers/{influencer}/clone", {"name": "B"}).json()
    (reference,) = message_of(store, cloned["jobId"]).references
    assert (reference.asset_id, reference.key, reference.url) == (asset, None, None)
    app.state.services.database.close()


def test_uploads_are_forgotten_after_a_day_and_assets_are_not(api: Api, storage: Storage) -> None:
    project, data = api.project(), picture()
    finalized, left, young = (begin(api, project, data) for _ in range(3))
    for upload in (finalized, left, young):
        put(upload, data)
    final = finalize(api, finalized)
    with api.services.database.write() as session:
        old = datetime.now(UTC) - KEPT_FOR - timedelta(seconds=1)
        ids = [finalized["assetId"], left["assetId"]]
        session.execute(update(UploadRow).where(UploadRow.asset_id.in_(ids)).values(created_at=old))
    sweep_uploads(api.services.database, api.services.library)
    assert [found.key for found in storage.list(f"{storage.keys.prefix}uploads")] == [
        storage.keys.upload_key(young["assetId"])
    ]
    error_of(finalize(api, left), 404, "NOT_FOUND")
    assert finalize(api, finalized).content == final.content
    assert httpx2.get(final.json()["url"]).content == data


def test_without_an_object_store_the_rest_works(
    settings: Settings, api_settings: ApiSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    none = {"s3_endpoint_url": None, "s3_access_key_id": None, "s3_secret_access_key": None}
    app = make_app(Settings(**settings.model_dump() | none), api_settings)
    api = Api(app, create_key(app.state.services.database, "acme").secret)
    project = api.row(api.source())["projectId"]
    upload = {"mediaType": "image/png", "bytes": 9}
    for answer in (
        add(api, project, picture()),
        api.call("POST", f"/v1/projects/{project}/media/uploads", upload),
    ):
        error = error_of(answer, 500, "INTERNAL")
        assert error["details"] == {"subcode": "STORAGE_REFUSED"}
        assert "LIKENESS_S3_ACCESS_KEY_ID" in error["message"]
    app.state.services.database.close()
