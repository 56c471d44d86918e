"""Reads what an image states about itself, and verifies its signature."""

import json
import re
from io import BytesIO
from typing import Any

from c2pa import C2paError, Context, Reader
from PIL import Image

from models.errors import InvalidInput, InvalidSettings
from models.inspection import (
    DEVELOPMENT_ORGANIZATION,
    InspectedIngredient,
    Inspection,
    SignedBy,
    Trust,
    Verdict,
)
from models.watermark import HiddenNumber
from worker.mark.sdk import context, trusting
from worker.mark.statement import RENDER_ASSERTION, SOFT_BINDING_ASSERTION

_XMP_SOURCE_TYPE = re.compile(rb"DigitalSourceType\s*(?:=\s*[\"']|>)\s*([^\"'<]+)")
_CONTENT_CODES = frozenset(("assertion.dataHash.mismatch",))
_SIGNER_CODES = ("signingCredential.", "claimSignature.outsideValidity", "timeStamp.")


def inspect_image(data: bytes, anchors: str | None = None) -> Inspection:
    """Inspects a picture; `anchors` are the roots to trust, in PEM. It never uses the network.

    Raises InvalidInput if it is no picture or can't be read, InvalidSettings if the anchors hold no certificate.
    """
    try:
        return _inspected(data, anchors)
    except (InvalidInput, InvalidSettings):
        raise
    except Exception as error:  # noqa: BLE001 - whoever signs can state anything, in any shape
        raise InvalidInput(f"What the image states can't be read ({type(error).__name__}).") from None


def _inspected(data: bytes, anchors: str | None) -> Inspection:
    media_type, xmp_source_type = _outside(data)
    if media_type not in Reader.get_supported_mime_types():
        # A format that can't carry a signature.
        return Inspection(verdict="unsigned", xmp_source_type=xmp_source_type)
    try:
        trust = context() if anchors is None else trusting(anchors)
    except C2paError:
        raise InvalidSettings("The file of LIKENESS_TRUST_ANCHORS holds no certificates in PEM.") from None
    try:
        report = _read(data, media_type, trust)
    except C2paError.ManifestNotFound:
        return Inspection(verdict="unsigned", xmp_source_type=xmp_source_type)
    except C2paError as error:
        if str(error).startswith("Remote:"):
            # Its statement is on the web, and nothing is fetched.
            return Inspection(
                verdict="unsigned", problems=("remoteManifest",), xmp_source_type=xmp_source_type
            )
        problem = type(error).__name__.strip("_")
        # The name of the block in every format. Without it, it is the picture that is damaged: nothing was signed.
        verdict: Verdict = "manifest_changed" if b"c2pa" in data else "unsigned"
        return Inspection(verdict=verdict, problems=(problem,), xmp_source_type=xmp_source_type)
    return _told(report, xmp_source_type)


def is_intact(data: bytes, media_type: str) -> bool:
    """Whether a picture is signed and unchanged since, whoever signed it."""
    try:
        return _verdict(_read(data, media_type, context()))[0] in ("valid", "signer_refused")
    except C2paError:
        return False


def _outside(data: bytes) -> tuple[str, str | None]:
    """A picture's media type, and the source type in its XMP."""
    try:
        with Image.open(BytesIO(data)) as image:
            media_type = Image.MIME[image.format or ""]
            xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    except (OSError, KeyError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise InvalidInput("The file is no picture that can be read.") from None
    found = _XMP_SOURCE_TYPE.search(xmp.encode() if isinstance(xmp, str) else xmp)
    return media_type, found[1].decode(errors="replace") if found else None


def _read(data: bytes, media_type: str, trust: Context) -> dict[str, Any]:
    with Reader(media_type, BytesIO(data), context=trust) as reader:
        report: dict[str, Any] = json.loads(reader.json())
        # Only this report has the certificate's dates and its issuer.
        details = json.loads(reader.crjson())["manifests"]
        active = next(one for one in details if one["label"] == report["active_manifest"])
        report["certificate"] = active.get("signature", {}).get("certificateInfo", {})
    return report


def _verdict(report: dict[str, Any]) -> tuple[Verdict, tuple[str, ...]]:
    codes = [status["code"] for status in report.get("validation_status", ())]
    problems = tuple(code for code in dict.fromkeys(codes) if code != "signingCredential.untrusted")
    if report["validation_state"] in ("Valid", "Trusted"):
        return "valid", ()
    rest = [code for code in problems if not code.startswith(_SIGNER_CODES)]
    if not rest:
        return "signer_refused", problems
    # A manifest that was edited may also disagree with the content, so this is checked first.
    if any(code not in _CONTENT_CODES for code in rest):
        return "manifest_changed", problems
    return "content_changed", problems


def _told(report: dict[str, Any], xmp_source_type: str | None) -> Inspection:
    verdict, problems = _verdict(report)
    manifest = report["manifests"].get(report["active_manifest"])
    if manifest is None:
        # It is too damaged to be shown.
        return Inspection(verdict="manifest_changed", problems=problems, xmp_source_type=xmp_source_type)
    assertions = {one["label"]: one["data"] for one in manifest.get("assertions", ())}
    actions = assertions.get("c2pa.actions.v2", assertions.get("c2pa.actions", {})).get("actions", ())
    render = assertions.get(RENDER_ASSERTION)
    software = [
        f"{one.get('name')} {one.get('version', '')}".strip()
        for one in manifest.get("claim_generator_info", ())
    ]
    source_type = next((a["digitalSourceType"] for a in actions if "digitalSourceType" in a), None)
    return Inspection(
        verdict=verdict,
        problems=problems,
        signed_by=_signed_by(report, manifest.get("signature_info", {})),
        software=", ".join(software) or None,
        source_type=source_type,
        xmp_source_type=xmp_source_type,
        source_types_agree=_agree(source_type, xmp_source_type),
        ingredients=tuple(_ingredient(one) for one in manifest.get("ingredients", ())),
        render=render if isinstance(render, dict) else None,
        signed_watermark=_bound(assertions.get(SOFT_BINDING_ASSERTION, {})),
    )


def _bound(binding: dict[str, Any]) -> HiddenNumber | None:
    """The number that a soft binding names; None if it is none of ours."""
    try:
        return HiddenNumber.bound(str(binding["alg"]), str(binding["blocks"][0]["value"]))
    except (LookupError, TypeError, ValueError):
        return None


def _agree(one: str | None, other: str | None) -> bool | None:
    """Compares the terms alone: others write IPTC's address in more than one way."""
    if one is None or other is None:
        return None
    return term_of(one) == term_of(other)


def term_of(source_type: str) -> str:
    """IPTC's term without its address."""
    return source_type.rpartition("/")[2]


def _signed_by(report: dict[str, Any], signature: dict[str, Any]) -> SignedBy:
    certificate = report["certificate"]
    subject, issuer = certificate.get("subject", {}), certificate.get("issuer", {})
    validity = certificate.get("validity", {})
    trust: Trust = "untrusted"
    if report["validation_state"] == "Trusted":
        trust = "trusted"
    elif subject.get("O") == DEVELOPMENT_ORGANIZATION:
        trust = "development"
    return SignedBy(
        name=subject.get("CN", signature.get("common_name")),
        organization=subject.get("O", signature.get("issuer")),
        issuer=", ".join(text for text in (issuer.get("CN"), issuer.get("O")) if text) or None,
        valid_from=validity.get("notBefore"),
        valid_until=validity.get("notAfter"),
        algorithm=signature.get("alg"),
        signed_at=signature.get("time"),
        trust=trust,
    )


def _ingredient(found: dict[str, Any]) -> InspectedIngredient:
    has_mark = "active_manifest" in found
    results = found.get("validation_results", {}).get("activeManifest", {})
    failures = {status["code"] for status in results.get("failure", ())} - {"signingCredential.untrusted"}
    return InspectedIngredient(
        title=found.get("title"),
        description=found.get("description"),
        relationship=found.get("relationship"),
        has_mark=has_mark,
        mark_is_intact=not failures if has_mark else None,
    )
