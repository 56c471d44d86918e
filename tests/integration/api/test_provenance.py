"""What assets' pictures state about themselves: read by real child processes from a real store."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from PIL import Image

from api.app import make_app
from api.http.turns import Turns
from api.provenance import Inspector
from api.rows.keys import create_key
from api.settings import ApiSettings
from models.errors import InvalidSettings
from tests.support.api.calls import error_of
from tests.support.api.client import Api
from tests.support.api.media import add, picture
from tests.support.jobs.stored import make_job
from tests.support.pictures.marked import REFERENCE, sign
from tests.support.pictures.png import edit, replaced
from worker.base.pictures import encode
from worker.base.settings import Settings
from worker.mark import inspect_apart
from worker.mark.certificates.development import make_development_certificate
from worker.mark.inspection import inspect_image
from worker.mark.signer import ImageSigner
from worker.mark.statement import Ingredient
from worker.storage import Storage


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_development_certificate(tmp_path_factory.mktemp("signing"))


@pytest.fixture(scope="module")
def signed(certificate: tuple[Path, Path]) -> bytes:
    signer = ImageSigner.from_settings(Settings(sign_certificate=certificate[0], sign_key=certificate[1]))
    assert signer
    png = encode(Image.linear_gradient("L").convert("RGB"), 64).png
    return sign(signer, make_job(job_id="job_1"), png, Ingredient(0, REFERENCE))


def asked(api: Api, data: bytes, media_type: str = "image/png") -> Any:
    asset = add(api, api.project(), data, media_type).json()["assetId"]
    return api.call("GET", f"/v1/files/{asset}/provenance")


def test_it_is_what_the_command_says_of_the_picture(api: Api, stranger: Api, signed: bytes) -> None:
    answer = asked(api, signed)
    assert answer.status_code == 200, answer.text
    assert answer.json() == inspect_image(signed).to_data() | {
        "watermark": {"found": False, "lookedFor": ["org.likeness.spread.1"]}
    }
    assert answer.headers["cache-control"] == "private, max-age=300"
    told = answer.json()
    assert (told["verdict"], told["signedBy"]["trust"]) == ("valid", "development")
    assert (told["render"]["jobId"], told["render"]["seed"]) == ("job_1", str(2**62 + 1))
    assert [one["title"] for one in told["ingredients"]] == ["med_reference"]

    path = str(answer.url.path)
    assert error_of(stranger.call("GET", path), 404, "NOT_FOUND")["message"].startswith("There is no such")


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (lambda signed: picture(), "unsigned"),
        (
            lambda signed: edit(signed, lambda kind, data: None if kind == b"iTXt" else data),
            "content_changed",
        ),
        (lambda signed: replaced(signed, b"caBX", b"job_1", b"job_2"), "manifest_changed"),
    ],
    ids=["unsigned", "changed", "edited"],
)
def test_a_picture_that_a_client_made_has_its_verdict(
    api: Api, signed: bytes, change: Callable[[bytes], bytes], verdict: str
) -> None:
    answer = asked(api, change(signed))
    assert (answer.status_code, answer.json()["verdict"]) == (200, verdict)


def test_what_is_not_kept_here_can_not_be_read(api: Api, storage: Storage, settings: Settings) -> None:
    project = api.project()
    elsewhere = api.call("GET", f"/v1/files/{api.media(project)}/provenance")
    assert error_of(elsewhere, 409, "CONFLICT")["details"]["subcode"] == "NOT_STORED"

    asset = add(api, project, picture()).json()["assetId"]
    storage.delete(storage.keys.media_key(project, asset))
    gone = error_of(api.call("GET", f"/v1/files/{asset}/provenance"), 404, "NOT_FOUND")
    assert "no longer in the object store" in gone["message"]
    assert settings.s3_bucket not in gone["message"]


def test_a_picture_that_breaks_its_reader_breaks_nothing_else(
    api: Api, signed: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "crashing.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with monkeypatch.context() as breaking:
        breaking.setattr(inspect_apart, "_CHILD", "crashing")
        refused = error_of(asked(api, signed), 409, "CONFLICT")
    assert refused["details"]["subcode"] == "PROVENANCE_UNREADABLE"
    assert "signal 11" in refused["message"]
    assert asked(api, signed).status_code == 200


def test_inspections_take_turns(api: Api, signed: bytes) -> None:
    asset = add(api, api.project(), signed).json()["assetId"]
    api.app.state.services = replace(api.services, inspections=Turns(1, 0.2, 2))
    answers = api.at_once(6, "GET", f"/v1/files/{asset}/provenance", None)
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) >= 1
    assert set(statuses) == {200, 429}
    assert all(answer.headers["retry-after"] == "1" for answer in answers if answer.status_code == 429)


def test_the_settings_say_whom_to_trust(
    settings: Settings,
    api_settings: ApiSettings,
    signed: bytes,
    certificate: tuple[Path, Path],
    tmp_path: Path,
) -> None:
    trusting = settings.model_copy(update={"trust_anchors": certificate[0]})
    app: FastAPI = make_app(trusting, api_settings)
    api = Api(app, create_key(app.state.services.database, "acme").secret)
    assert asked(api, signed).json()["signedBy"]["trust"] == "trusted"
    api.services.database.close()
    with pytest.raises(InvalidSettings, match="LIKENESS_TRUST_ANCHORS"):
        Inspector(settings.model_copy(update={"trust_anchors": tmp_path / "none.pem"}))
