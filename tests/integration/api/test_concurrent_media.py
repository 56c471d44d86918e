"""The same POST under one Idempotency-Key, sent by many at once: one asset or upload, and one answer."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.http.answers import Answer, Answerer, Once, Prepared
from api.rows.database import Database
from api.rows.tables import AssetRow, UploadRow
from models.errors import Conflict, Unforeseen
from tests.support.api.calls import error_of
from tests.support.api.client import Api
from tests.support.api.media import picture
from worker.storage import Storage

AT_ONCE = 12


def count(api: Api, table: type[AssetRow] | type[UploadRow]) -> int | None:
    with api.services.database.read() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_a_picture_that_is_sent_several_times_at_once_is_one_asset(api: Api, storage: Storage) -> None:
    project = api.project()
    headers = {"content_type": "image/png", "idempotency_key": "once"}
    answers = api.at_once(AT_ONCE, "POST", f"/v1/projects/{project}/media", picture(), **headers)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert count(api, AssetRow) == 1
    # Nothing of the others is left in the store.
    keys, asset_id = storage.keys, answers[0].json()["assetId"]
    kept = {keys.media_key(project, asset_id), keys.media_thumbnail_key(project, asset_id)}
    for key in kept:
        folder = key.rpartition("/")[0]
        assert {found.key for found in storage.list(folder)} <= kept


def test_an_upload_that_is_begun_several_times_at_once_is_one_upload(api: Api) -> None:
    path = f"/v1/projects/{api.project()}/media/uploads"
    body = {"mediaType": "image/png", "bytes": 1000}
    answers = api.at_once(AT_ONCE, "POST", path, body, idempotency_key="once")
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert count(api, UploadRow) == 1


def test_a_picture_whose_answer_can_not_be_kept_is_no_asset(
    api: Api, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The asset's row and the answer are one transaction: a retry can't make a second asset."""
    path, headers = (
        f"/v1/projects/{api.project()}/media",
        {"content_type": "image/png", "idempotency_key": "once"},
    )

    def crash(*_: object) -> None:
        raise Unforeseen("The process was killed.")

    with monkeypatch.context() as broken:
        broken.setattr("api.http.answers._keep", crash)
        error_of(api.call("POST", path, picture(), **headers), 500, "INTERNAL")
        assert count(api, AssetRow) == 0
    assert api.call("POST", path, picture(), **headers).status_code == 201
    assert count(api, AssetRow) == 1


def test_what_the_transaction_refuses_is_undone(database_url: str) -> None:
    database = Database(database_url)
    undone: list[str] = []

    def refuse(_: Session) -> Answer:
        raise Conflict("There is no room.")

    once = Once.of("acme", "k", "POST", "/", b"")
    prepared = Prepared(refuse, undo=lambda: undone.append("the picture"))
    for _ in range(2):
        assert Answerer(database).answer_outside(once, "req_1", lambda: prepared).status == 409
    # The second call got the first one's answer, and did nothing.
    assert undone == ["the picture"]
    database.close()
