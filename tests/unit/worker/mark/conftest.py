"""A signer with a development certificate, and pictures that it signed."""

from pathlib import Path

import pytest
from PIL import Image

from models.inspection import WatermarkFinding
from models.job import CloneJob
from tests.support.jobs.stored import make_job
from tests.support.pictures.marked import REFERENCE, sign
from worker.base.pictures import EncodedImage, encode
from worker.base.settings import Settings
from worker.mark.certificates.development import make_development_certificate
from worker.mark.signer import ImageSigner
from worker.mark.statement import Ingredient


@pytest.fixture(autouse=True)
def finding(monkeypatch: pytest.MonkeyPatch) -> list[WatermarkFinding]:
    """What is in the pixels: no process looks here. A test may put another finding first."""
    findings = [WatermarkFinding(found=False)]
    monkeypatch.setattr("worker.inspection.inspect.find_watermark", lambda *_: findings[0])
    return findings


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The files of a development certificate and its key."""
    return make_development_certificate(tmp_path_factory.mktemp("signing"))


@pytest.fixture
def configured(certificate: tuple[Path, Path]) -> Settings:
    return Settings(sign_certificate=certificate[0], sign_key=certificate[1])


@pytest.fixture
def signer(configured: Settings) -> ImageSigner:
    signer = ImageSigner.from_settings(configured)
    assert signer
    return signer


@pytest.fixture
def job() -> CloneJob:
    return make_job(job_id="job_1")


@pytest.fixture(scope="session")
def encoded() -> EncodedImage:
    return encode(Image.linear_gradient("L").convert("RGB"), 64)


@pytest.fixture
def signed(signer: ImageSigner, job: CloneJob, encoded: EncodedImage) -> bytes:
    return sign(signer, job, encoded.png, Ingredient(0, REFERENCE))
