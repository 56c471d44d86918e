"""`likeness certificate create`: what it makes signs images, and what it refuses."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from models.errors import InvalidInput
from models.job import CloneJob
from tests.support.command import likeness
from tests.support.pictures.marked import REFERENCE, sign
from worker.base.pictures import EncodedImage
from worker.base.settings import Settings
from worker.cli.doctor.checks import Warned, _signer
from worker.mark.inspection import inspect_image
from worker.mark.signer import ImageSigner
from worker.mark.statement import Ingredient


def signer_of(folder: Path) -> ImageSigner:
    signer = ImageSigner.from_settings(settings_of(folder))
    assert signer
    signer.check()
    return signer


def settings_of(folder: Path) -> Settings:
    return Settings(sign_certificate=folder / "chain.pem", sign_key=folder / "key.pem")


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


def test_a_development_certificate_signs_and_says_that_it_is_one(
    tmp_path: Path, job: CloneJob, encoded: EncodedImage
) -> None:
    folder = tmp_path / "of mine" / "signing"
    said = likeness("certificate", "create", "--out", str(folder))
    assert f"export LIKENESS_SIGN_KEY='{folder / 'key.pem'}'" in said
    assert modes(folder) == {"chain.pem": 0o600, "key.pem": 0o600}
    found = inspect_image(sign(signer_of(folder), job, encoded.png, Ingredient(0, REFERENCE)))
    assert (found.verdict, found.signed_by and found.signed_by.trust) == ("valid", "development")


def test_a_request_becomes_a_certificate_that_signs(
    tmp_path: Path, job: CloneJob, encoded: EncodedImage
) -> None:
    asked = ("--request", "--organisation", "Studio GmbH", "--country", "de")
    said = likeness("certificate", "create", "--out", str(tmp_path), *asked)
    assert str(tmp_path / "request.pem") in said
    assert modes(tmp_path) == {"request.pem": 0o600, "key.pem": 0o600}
    request = x509.load_pem_x509_csr((tmp_path / "request.pem").read_bytes())
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == "CN=Studio GmbH,O=Studio GmbH,C=DE"
    (tmp_path / "chain.pem").write_bytes(signed_by_an_authority(request))
    found = inspect_image(sign(signer_of(tmp_path), job, encoded.png, Ingredient(0, REFERENCE)))
    assert (found.verdict, found.signed_by and found.signed_by.trust) == ("valid", "untrusted")


def signed_by_an_authority(request: x509.CertificateSigningRequest) -> bytes:
    """The chain, with the extensions that were asked for."""
    root_key = ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name.from_rfc4514_string("CN=Root,O=An authority")
    begins = datetime.now(UTC) - timedelta(minutes=5)

    def builder(subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        made = x509.CertificateBuilder(root_name, subject, key, x509.random_serial_number())
        return made.not_valid_before(begins).not_valid_after(begins + timedelta(days=90))

    ca = x509.BasicConstraints(ca=True, path_length=0)
    root = builder(root_name, root_key.public_key()).add_extension(ca, critical=True)
    public_key = request.public_key()
    assert isinstance(public_key, ec.EllipticCurvePublicKey)
    leaf = builder(request.subject, public_key)
    for extension in request.extensions:
        leaf = leaf.add_extension(extension.value, extension.critical)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    leaf = leaf.add_extension(issuer, critical=False)
    made = (one.sign(root_key, hashes.SHA256()) for one in (leaf, root))
    return b"".join(one.public_bytes(Encoding.PEM) for one in made)


@pytest.mark.parametrize("there", ["chain.pem", "key.pem"])
def test_nothing_is_overwritten(there: str, tmp_path: Path) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(InvalidInput, match=f"{there} is there already"):
        likeness("certificate", "create", "--out", str(tmp_path))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {there: "mine"}


def test_a_link_that_leads_nowhere_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "key.pem").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidInput, match="File exists"):
        likeness("certificate", "create", "--out", str(tmp_path))
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--request",), "--organisation"),
        (("--request", "--organisation", " "), "--organisation"),
        (("--request", "--organisation", "x" * 65), "64 characters"),
        (("--request", "--organisation", "Studio", "--country", "Germany"), "two letters"),
        (("--organisation", "Studio"), "--request"),
    ],
)
def test_silly_input_is_refused_with_a_sentence(
    arguments: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    folder = tmp_path / "signing"
    with pytest.raises(InvalidInput, match=says):
        likeness("certificate", "create", "--out", str(folder), *arguments)
    assert not folder.exists()


def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="Not a directory"):
        likeness("certificate", "create", "--out", str(tmp_path / "file" / "signing"))


def test_doctor_warns_thirty_days_ahead(tmp_path: Path) -> None:
    likeness("certificate", "create", "--out", str(tmp_path / "soon"), "--days", "30")
    with pytest.raises(Warned, match=r"ends in 29 days.*LIKENESS_SIGN_CERTIFICATE"):
        _signer(settings_of(tmp_path / "soon"))
    likeness("certificate", "create", "--out", str(tmp_path / "later"), "--days", "32")
    assert "until" in _signer(settings_of(tmp_path / "later"))
