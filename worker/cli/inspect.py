"""`likeness inspect`: prints an image's provenance in sentences, and whether its signature is valid."""

import warnings
from pathlib import Path
from typing import Any

import typer
from PIL import Image
from rich.console import Console
from rich.table import Table

from models.base import format_time
from models.errors import InvalidInput, InvalidSettings, WatermarkModelMissing
from models.inspection import (
    InspectedIngredient,
    Inspection,
    SignedBy,
    Verdict,
    WatermarkedImage,
    WatermarkFinding,
)
from models.watermark import HiddenNumber
from worker.base.endings import ExitCode
from worker.base.settings import settings
from worker.cli.table import plain
from worker.inspection.inspect import with_watermark
from worker.mark.anchors import trust_anchors
from worker.mark.inspection import inspect_image, term_of
from worker.storage import Storage
from worker.storage.watermarks import WatermarkIndex

_CODES: dict[Verdict, ExitCode] = {
    "valid": ExitCode.DONE,
    "unsigned": ExitCode.UNSIGNED,
    "content_changed": ExitCode.CONTENT_CHANGED,
    "manifest_changed": ExitCode.STATEMENT_CHANGED,
    "signer_refused": ExitCode.SIGNER_REFUSED,
}

# In seconds, for each request.
_LOOK_UP_TIMEOUT = 10.0

_SENTENCES = {
    "valid": "The signature is valid: the picture and what is said of it are as they were signed.",
    "unsigned": "There is no signature: it was removed, or there never was one.",
    "content_changed": "The picture was changed after it was signed: its bytes aren't those that the signature "
    "covers.",
    "manifest_changed": "The signed statement was changed, or damaged, after it was signed. Believe none of it.",
    "signer_refused": "Nothing was changed, but the certificate wasn't fit to sign this, or has run out.",
}
_TRUST = {
    "trusted": "trusted: LIKENESS_TRUST_ANCHORS vouches for it",
    "development": "a development certificate, made on some machine for trying things; nobody vouches for it",
    "untrusted": "not trusted: nothing in LIKENESS_TRUST_ANCHORS vouches for it; it may be self-made",
}


def run(file: Path, *, as_json: bool) -> ExitCode:
    """Print an inspection of the file. Returns the exit code. Raises InvalidInput and InvalidSettings."""
    # A large picture gets a sentence, not a warning of a library as well.
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{file} can't be read: {error.strerror}.") from None
    stated = inspect_image(data, trust_anchors(settings()))
    try:
        inspection = with_watermark(stated, data, settings(), _look_up)
    except WatermarkModelMissing as error:
        inspection = stated.model_copy(update={"watermark": WatermarkFinding(reason=error.message)})
    if as_json:
        typer.echo(inspection.to_json())
    else:
        _print(inspection)
    is_consistent = inspection.verdict != "valid" or inspection.source_types_agree is not False
    return _CODES[inspection.verdict] if is_consistent else ExitCode.MARKS_DISAGREE


def _look_up(hidden: HiddenNumber) -> tuple[WatermarkedImage, ...]:
    # The default would be a bucket of somebody else's.
    if not {"s3_bucket", "s3_endpoint_url"} & settings().model_fields_set:
        raise InvalidSettings("No object store is set up here. Set LIKENESS_S3_… as for a worker.")
    # Somebody waits.
    hurried = settings().model_copy(update={"s3_attempts": 1, "store_timeout": _LOOK_UP_TIMEOUT})
    with Storage(hurried) as storage:
        return WatermarkIndex(storage).find(hidden)


def _print(inspection: Inspection) -> None:
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(_SENTENCES[inspection.verdict])
    if inspection.source_types_agree is False:
        console.print("Its XMP has another source type than the signed statement.")
    console.print(_of_watermark(inspection.watermark))
    table = Table(box=None, show_header=False)
    table.add_column()
    # Hashes and ids are there to be compared.
    table.add_column(overflow="fold")
    for name, value in _rows(inspection):
        if value:
            table.add_row(name, plain(value))
    console.print(table)


def _rows(inspection: Inspection) -> list[tuple[str, str | None]]:
    render = inspection.render or {}
    return [
        ("problems", ", ".join(inspection.problems)),
        *(_signer_rows(inspection.signed_by) if inspection.signed_by else ()),
        ("software", inspection.software),
        ("source type", _term(inspection.source_type)),
        ("source type in XMP", _term(inspection.xmp_source_type) or "none"),
        *((name, str(render.get(key, ""))) for name, key in _RENDER_ROWS),
        ("whose face", _stated(render.get("referenceOrigin"))),
        ("safety", _read(render.get("safety"))),
        *(_watermark_rows(inspection.watermark) if inspection.watermark else ()),
        *(("weights", _described_weights(one)) for one in _dicts(render.get("weights"))),
        *(("ingredient", _ingredient(one)) for one in inspection.ingredients),
    ]


_RENDER_ROWS = (
    ("asset", "assetId"),
    ("job", "jobId"),
    ("shot", "shot"),
    ("seed", "seed"),
    ("profile", "profile"),
    ("steps", "steps"),
)


_RELATIONSHIPS = {"inputTo": "an input", "componentOf": "a part of the picture", "parentOf": "the original"}
"""C2PA's names of relationships, in words."""


def _dicts(stated: Any) -> list[dict[str, Any]]:
    """Those in a list, as ours is. Others may have stated anything there."""
    return [one for one in stated if isinstance(one, dict)] if isinstance(stated, list) else []


def _described_weights(one: dict[str, Any]) -> str:
    return f"{one.get('repository', '?')} at {one.get('revision', '?')}, {one.get('sha256', '?')}"


_ORIGINS = {"synthetic": "nobody's: the references are synthetic", "consented": "a person's, who consented"}


def _stated(origin: Any) -> str | None:
    """The stated origin of the references, with who stated it and when."""
    if not isinstance(origin, dict) or not origin:
        return None
    kind = str(origin.get("kind", "?"))
    at = f", {origin['statedAt']}" if "statedAt" in origin else ""
    return f"{_ORIGINS.get(kind, kind)} (stated by {origin.get('statedBy', 'somebody')}{at})"


def _read(safety: Any) -> str | None:
    """The safety gate's reading, as it was signed."""
    if not isinstance(safety, dict) or not safety:
        return None
    ages = {"yes": ", may show a minor", "no": ", shows no minor"}.get(str(safety.get("apparentMinor")), "")
    return f"nudity {safety.get('nudity', '?')} ({safety.get('score', '?')}){ages}, by the worker's gate"


def _of_watermark(found: WatermarkFinding | None) -> str:
    """What the pixels say, in a sentence."""
    if found is None or found.found is None:
        return f"Nobody could look for a watermark: {found.reason if found else '?'}"
    if not found.found:
        return "There is no watermark in its pixels."
    if found.as_signed is False:
        return "There is a watermark in its pixels, with another number than the signed statement names."
    if found.images:
        return "There is a watermark in its pixels, and it leads to what made the image."
    if found.images is None:
        return "There is a watermark in its pixels. It wasn't looked up."
    return "There is a watermark in its pixels. Nothing in the object store has its number."


def _watermark_rows(found: WatermarkFinding) -> list[tuple[str, str | None]]:
    number = f"{found.hidden.number} ({found.hidden.algorithm})" if found.hidden else None
    return [
        ("watermark", number),
        ("looked for", None if found.found else ", ".join(found.looked_for)),
        ("not looked up", found.reason if found.found else None),
        *(("watermark of", _described(image)) for image in found.images or ()),
    ]


def _described(image: WatermarkedImage) -> str:
    gone = "" if image.is_stored else ", no longer in the object store"
    return (
        f"{image.asset_id}: {image.shot} of {image.influencer_id}, project {image.project_id}, made by "
        f"{image.job_id} at {format_time(image.created_at)}{gone}"
    )


def _signer_rows(signer: SignedBy) -> list[tuple[str, str | None]]:
    ends = f", valid until {signer.valid_until:%Y-%m-%d}" if signer.valid_until else ""
    return [
        ("signed by", f"{signer.name or '?'}, {signer.organization or '?'} ({signer.algorithm}){ends}"),
        ("issued by", signer.issuer),
        ("certificate", _TRUST[signer.trust]),
        (
            "signed at",
            format_time(signer.signed_at) if signer.signed_at else "not told: no timestamp authority",
        ),
    ]


def _ingredient(one: InspectedIngredient) -> str:
    text = ", ".join(
        part
        for part in (one.title or "?", _RELATIONSHIPS.get(one.relationship or ""), one.description)
        if part
    )
    if not one.has_mark:
        return text
    return text + (", with its own mark" if one.mark_is_intact else ", with its own mark, which didn't hold")


def _term(uri: str | None) -> str | None:
    return term_of(uri) if uri else None
