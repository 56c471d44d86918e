"""The signing credentials: a certificate, and its key in a file or behind a callback."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

from c2pa import C2paSigningAlg
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from models.errors import SignerUnfit
from models.inspection import DEVELOPMENT_ORGANIZATION
from worker.base.settings import Settings

SignCallback = Callable[[bytes], bytes]

_WARNED_BEFORE = timedelta(days=30)
_NAMES = (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
_CURVES = {
    "secp256r1": C2paSigningAlg.ES256,
    "secp384r1": C2paSigningAlg.ES384,
    "secp521r1": C2paSigningAlg.ES512,
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """A certificate and its key. Either `key` (PEM, PKCS #8) or `callback` is set."""

    certificate: x509.Certificate
    chain: str
    """PEM, the signer's own certificate first."""
    algorithm: C2paSigningAlg
    key: bytes | None = field(default=None, repr=False)
    callback: SignCallback | None = None

    @property
    def is_for_development(self) -> bool:
        """Whether nobody trusts it, since it was made on some machine to try things with."""
        owners = self.certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        return DEVELOPMENT_ORGANIZATION in [owner.value for owner in owners]

    def describe(self) -> str:
        """The certificate's owner, algorithm and last day, for a person to read."""
        subject = self.certificate.subject
        names = [str(part.value) for oid in _NAMES for part in subject.get_attributes_for_oid(oid)]
        ends = self.certificate.not_valid_after_utc
        return f"by {', '.join(names) or 'nobody named'} ({self.algorithm.name}), until {ends:%Y-%m-%d}"

    def ends_soon(self, now: datetime) -> str | None:
        """A sentence if the certificate ends within 30 days; None otherwise."""
        left = self.certificate.not_valid_after_utc - now
        if left > _WARNED_BEFORE:
            return None
        return (
            f"It ends in {max(0, left.days)} days, and then no worker starts: get a new certificate, let "
            "LIKENESS_SIGN_CERTIFICATE name it, and restart the workers"
        )


def load_credentials(settings: Settings) -> Credentials | None:
    """Loads the credentials that the settings name; None if signing is off.

    Raises SignerUnfit, whose message names the variable at fault and never the content of a file.
    """
    if settings.signing == "off":
        return None
    if settings.sign_certificate is None or (settings.sign_key is None) == (settings.sign_callback is None):
        raise SignerUnfit(
            "Images must leave signed. Set LIKENESS_SIGN_CERTIFICATE, and one of LIKENESS_SIGN_KEY and "
            "LIKENESS_SIGN_CALLBACK; or let images leave with XMP alone: LIKENESS_SIGNING=off."
        )
    certificate, chain = _load_chain(settings.sign_certificate)
    algorithm = _algorithm(certificate)
    if settings.sign_callback is not None:
        callback = _load_callback(settings.sign_callback)
        return Credentials(certificate, chain, algorithm, callback=callback)
    assert settings.sign_key is not None
    password = settings.sign_key_password
    key = _load_key(
        settings.sign_key, password.get_secret_value().encode() if password else None, certificate
    )
    return Credentials(certificate, chain, algorithm, key)


def _read_pem(variable: str, path: Path) -> bytes:
    """Reads the file that a variable names. Raises SignerUnfit."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise SignerUnfit(f"The file that {variable} names can't be read: {error.strerror}.") from None


def _load_chain(path: Path) -> tuple[x509.Certificate, str]:
    text = _read_pem("LIKENESS_SIGN_CERTIFICATE", path)
    try:
        certificates = x509.load_pem_x509_certificates(text)
    except ValueError:
        raise SignerUnfit("LIKENESS_SIGN_CERTIFICATE names a file that holds no PEM certificate.") from None
    certificate = certificates[0]
    now = datetime.now(UTC)
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not begins <= now <= ends:
        raise SignerUnfit(
            f"The certificate is valid from {begins:%Y-%m-%d} to {ends:%Y-%m-%d}, and so not today. "
            "Let LIKENESS_SIGN_CERTIFICATE name one that is."
        )
    # Only the certificates: a file may hold the key as well, which the SDK needn't see here.
    return certificate, "".join(c.public_bytes(Encoding.PEM).decode() for c in certificates)


def _algorithm(certificate: x509.Certificate) -> C2paSigningAlg:
    match certificate.public_key():
        case ec.EllipticCurvePublicKey(curve=curve) if curve.name in _CURVES:
            return _CURVES[curve.name]
        case ed25519.Ed25519PublicKey():
            return C2paSigningAlg.ED25519
        case rsa.RSAPublicKey():
            return C2paSigningAlg.PS256
    raise SignerUnfit("C2PA knows no such kind of key. Use EC P-256, P-384, P-521, Ed25519 or RSA.")


def _load_key(path: Path, password: bytes | None, certificate: x509.Certificate) -> bytes:
    text = _read_pem("LIKENESS_SIGN_KEY", path)
    try:
        key = load_pem_private_key(text, password)
    # TypeError: a password is missing, or there is one for a key that isn't encrypted.
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SignerUnfit(
            "LIKENESS_SIGN_KEY names a file that can't be used: it must hold a private key in PEM, and "
            "LIKENESS_SIGN_KEY_PASSWORD its password if, and only if, it is encrypted."
        ) from None
    if key.public_key() != certificate.public_key():
        raise SignerUnfit("The key of LIKENESS_SIGN_KEY isn't that of the first certificate.")
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _load_callback(name: str) -> SignCallback:
    module, _, function = name.partition(":")
    try:
        callback: SignCallback = getattr(import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise SignerUnfit(
            f"LIKENESS_SIGN_CALLBACK is {name!r}, which can't be imported ({type(error).__name__}). "
            "Give `module:function`."
        ) from None
    if not callable(callback):
        raise SignerUnfit(f"LIKENESS_SIGN_CALLBACK is {name!r}, which isn't a function.")
    return callback
