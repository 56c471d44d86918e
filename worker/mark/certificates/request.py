"""Makes a key, and the request with which an authority gives out a certificate for it."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from worker.mark.certificates.development import key_usage

# C2PA's own usage, c2pa-kp-claimSigning. The other one is for readers from before there was that.
_USAGES = (x509.ObjectIdentifier("1.3.6.1.4.1.62558.2.1"), ExtendedKeyUsageOID.EMAIL_PROTECTION)


def make_request(organisation: str, name: str, country: str | None = None) -> tuple[bytes, bytes]:
    """A signing request (PKCS #10) and its key (EC P-256), as PEM. Raises ValueError for a name that X.509 can't
    have: more than 64 characters, or a country that hasn't two letters."""
    key = ec.generate_private_key(ec.SECP256R1())
    parts = [(NameOID.ORGANIZATION_NAME, organisation), (NameOID.COMMON_NAME, name)]
    if country is not None:
        parts.insert(0, (NameOID.COUNTRY_NAME, country))
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(oid, text) for oid, text in parts]))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(_USAGES), critical=False)
        .sign(key, hashes.SHA256())
    )
    return (
        request.public_bytes(Encoding.PEM),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
