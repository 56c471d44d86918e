"""What signs, and what can't: each mistake is named, and no secret is shown."""

import logging
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import SecretStr

from models.errors import SignerUnfit, SigningFailed
from models.job import CloneJob
from tests.support.pictures.marked import sign
from worker.base.pictures import EncodedImage
from worker.base.settings import Settings
from worker.mark.certificates.development import make_development_certificate
from worker.mark.inspection import inspect_image
from worker.mark.signer import ImageSigner

SECRET = "hunter2"


@pytest.fixture
def key(certificate: tuple[Path, Path]) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(certificate[1].read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


@pytest.fixture
def key_service(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A module whose `sign` is what a test says."""
    service = SimpleNamespace(sign=None)
    monkeypatch.setitem(sys.modules, "a_key_service", service)
    return service


def with_callback(certificate: tuple[Path, Path]) -> ImageSigner:
    configured = Settings(sign_certificate=certificate[0], sign_callback="a_key_service:sign")
    signer = ImageSigner.from_settings(configured)
    assert signer
    return signer


def test_a_key_service_signs_in_place_of_a_key_file(
    certificate: tuple[Path, Path],
    key: ec.EllipticCurvePrivateKey,
    key_service: SimpleNamespace,
    job: CloneJob,
    encoded: EncodedImage,
) -> None:
    key_service.sign = lambda data: key.sign(data, ec.ECDSA(hashes.SHA256()))
    signer = with_callback(certificate)
    signer.check()
    assert inspect_image(sign(signer, job, encoded.png)).verdict == "valid"


def test_a_key_service_that_fails_tells_its_secret_to_nobody(
    certificate: tuple[Path, Path], key_service: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(data: bytes) -> bytes:
        raise PermissionError(f"wrong PIN {SECRET}")

    key_service.sign = fail
    with caplog.at_level(logging.DEBUG), pytest.raises(SigningFailed, match="PermissionError") as caught:
        with_callback(certificate).check()
    assert caught.value.retryable
    assert SECRET not in f"{caught.value.message}{caught.value.details}{caplog.text}"


def test_a_key_service_that_signs_with_another_key_is_found_out(
    certificate: tuple[Path, Path], key_service: SimpleNamespace
) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    key_service.sign = lambda data: other.sign(data, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(SigningFailed):
        with_callback(certificate).check()


def test_a_timestamp_authority_that_is_away_keeps_its_token(
    configured: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"http://127.0.0.1:9/tsa?token={SECRET}"
    signer = ImageSigner.from_settings(configured.model_copy(update={"timestamp_url": SecretStr(url)}))
    assert signer
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(SigningFailed, match="LIKENESS_TIMESTAMP_URL") as caught,
    ):
        signer.check()
    assert SECRET not in f"{caught.value.message}{caught.value.details}{caplog.text}"


def test_a_key_file_may_be_encrypted(
    certificate: tuple[Path, Path], key: ec.EllipticCurvePrivateKey, tmp_path: Path
) -> None:
    locked = tmp_path / "key.pem"
    locked.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(SECRET.encode()))
    )
    settings = Settings(sign_certificate=certificate[0], sign_key=locked, sign_key_password=SECRET)
    signer = ImageSigner.from_settings(settings)
    assert signer
    signer.check()
    assert SECRET not in repr(settings)
    assert "PRIVATE KEY" not in repr(signer.credentials)
    for password in (None, "wrong"):
        with pytest.raises(SignerUnfit, match="LIKENESS_SIGN_KEY_PASSWORD"):
            ImageSigner.from_settings(
                Settings(sign_certificate=certificate[0], sign_key=locked, sign_key_password=password)
            )


def test_signing_can_be_switched_off_but_not_forgotten() -> None:
    assert ImageSigner.from_settings(Settings(signing="off")) is None
    with pytest.raises(SignerUnfit, match="LIKENESS_SIGNING=off"):
        ImageSigner.from_settings(Settings())


def test_what_can_not_sign_is_named(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text(f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n")
    other = make_development_certificate(tmp_path / "other")
    mistakes: list[tuple[Settings, str]] = [
        (Settings(sign_certificate=tmp_path / "none", sign_key=certificate[1]), "LIKENESS_SIGN_CERTIFICATE"),
        (Settings(sign_certificate=broken, sign_key=certificate[1]), "no PEM certificate"),
        (Settings(sign_certificate=certificate[0], sign_key=tmp_path / "none"), "LIKENESS_SIGN_KEY names"),
        (Settings(sign_certificate=certificate[0], sign_key=broken), "LIKENESS_SIGN_KEY names"),
        (Settings(sign_certificate=certificate[0], sign_key=other[1]), "isn't that of the first certificate"),
        (Settings(sign_certificate=certificate[0], sign_callback="no_such:thing"), "can't be imported"),
        (Settings(sign_certificate=certificate[0], sign_callback="os:sep"), "isn't a function"),
    ]
    for settings, says in mistakes:
        with pytest.raises(SignerUnfit, match=says) as caught:
            ImageSigner.from_settings(settings)
        assert SECRET not in caught.value.message


def _certificate(folder: Path, key: ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey, days: int) -> Settings:
    """Settings with a certificate that lacks the extensions which C2PA asks for."""
    now = datetime.now(UTC)
    name = x509.Name([])
    issuer = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now + timedelta(days=days))
        .sign(issuer, hashes.SHA256())
    )
    files = folder / "c.pem", folder / "k.pem"
    files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")))
    return Settings(sign_certificate=files[0], sign_key=files[1], sign_key_password="x")


def test_a_certificate_that_is_not_for_this_is_refused_at_the_start(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(SignerUnfit, match="and so not today"):
        ImageSigner.from_settings(_certificate(tmp_path, key, days=-1))
    with pytest.raises(SignerUnfit, match="no such kind of key"):
        ImageSigner.from_settings(_certificate(tmp_path, dsa.generate_private_key(1024), days=1))
    signer = ImageSigner.from_settings(_certificate(tmp_path, key, days=1))
    assert signer
    with pytest.raises(SignerUnfit, match="extended key usage"):
        signer.check()
