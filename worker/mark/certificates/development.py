"""Makes a certificate for development: its signatures are valid, but nobody trusts the signer."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from models.inspection import DEVELOPMENT_ORGANIZATION

_DAYS = 365
_LEAST_LEFT = timedelta(days=30)


def development_certificate(folder: Path) -> tuple[Path, Path]:
    """The paths of the folder's chain and key, which are made where they are missing, or end within a month."""
    certificate_file, key_file = _files(folder)
    with suppress(OSError, ValueError):
        ends = x509.load_pem_x509_certificate(certificate_file.read_bytes()).not_valid_after_utc
        if key_file.is_file() and ends > datetime.now(UTC) + _LEAST_LEFT:
            return certificate_file, key_file
    return make_development_certificate(folder)


def make_development_certificate(folder: Path) -> tuple[Path, Path]:
    """Writes a signer's chain and key to `folder` and returns their paths. The root's key is not kept."""
    chain, key = development_chain(_DAYS)
    folder.mkdir(parents=True, exist_ok=True)
    certificate_file, key_file = _files(folder)
    certificate_file.write_bytes(chain)
    key_file.touch(mode=0o600)
    key_file.write_bytes(key)
    return certificate_file, key_file


def development_chain(days: int) -> tuple[bytes, bytes]:
    """A signer's chain and its key, as PEM. The root's key is not kept."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = _name("development root")
    root = (
        _builder(root_name, root_name, root_key.public_key(), days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(certificates=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    certificate = (
        _builder(_name("development signer"), root_name, key.public_key(), days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(certificates=False), critical=True)
        # C2PA's specification asks for this usage, or for its own, which only its authorities give out.
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False
        )
        .sign(root_key, hashes.SHA256())
    )
    chain = certificate.public_bytes(Encoding.PEM) + root.public_bytes(Encoding.PEM)
    return chain, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _files(folder: Path) -> tuple[Path, Path]:
    # Nobody's own signer has these names, so none is overwritten.
    return folder / "likeness-development-certificate.pem", folder / "likeness-development-key.pem"


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, DEVELOPMENT_ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    # Clocks of machines that share a stack may differ a little.
    begins = datetime.now(UTC) - timedelta(minutes=5)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def key_usage(*, certificates: bool) -> x509.KeyUsage:
    """For an authority's certificate, or a signer's."""
    return x509.KeyUsage(
        digital_signature=not certificates,
        key_cert_sign=certificates,
        crl_sign=certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
