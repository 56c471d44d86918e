"""The profile `fake` is refused wherever a deployment could be real."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from models.errors import InvalidSettings
from worker.base.settings import Settings
from worker.mark.certificates.development import make_development_certificate
from worker.node.fake import refuse_real


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    certificate, key = make_development_certificate(tmp_path_factory.mktemp("signing"))
    return {
        "profile": "fake",
        "s3_endpoint_url": "http://127.0.0.1:9000",
        "sign_certificate": certificate,
        "sign_key": key,
    }


def real_certificate(folder: Path) -> dict[str, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Studio")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "c.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "k.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return {"sign_certificate": folder / "c.pem", "sign_key": folder / "k.pem"}


@pytest.mark.parametrize("redis", ["redis://127.0.0.1:7000/0", "redis://localhost", "unix:///run/redis.sock"])
def test_services_on_this_machine_and_a_development_certificate_will_do(
    local: dict[str, Any], redis: str
) -> None:
    refuse_real(Settings(**local | {"redis_url": redis}))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"redis_url": "redis://redis.internal"}, "LIKENESS_REDIS_URL says"),
        ({"redis_url": "sentinel://10.0.0.1,10.0.0.2/main"}, "LIKENESS_REDIS_URL says"),
        ({"s3_endpoint_url": None}, "LIKENESS_S3_ENDPOINT_URL says"),
        ({"s3_endpoint_url": "https://s3.internal"}, "LIKENESS_S3_ENDPOINT_URL says"),
        (
            {"s3_endpoint_url": "https://s3.internal", "redis_url": "rediss://redis.internal"},
            "LIKENESS_REDIS_URL and LIKENESS_S3_ENDPOINT_URL say",
        ),
    ],
)
def test_services_elsewhere_are_refused(local: dict[str, Any], change: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidSettings, match=named):
        refuse_real(Settings(**local | change))
    refuse_real(Settings(**local | change | {"profile": "embedded"}))


def test_a_certificate_that_somebody_may_trust_is_refused(local: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="LIKENESS_SIGN_CERTIFICATE says"):
        refuse_real(Settings(**local | real_certificate(tmp_path)))
