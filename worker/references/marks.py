"""Requires of a reference that its own signed mark says that a trained model made it."""

from models.errors import InvalidInput, ReferenceNotMarked
from models.inspection import Inspection
from models.source_type import SourceType
from worker.mark.inspect_apart import inspect_apart
from worker.mark.inspection import term_of

_MADE_BY_MODELS = {term_of(term) for term in (SourceType.GENERATED, SourceType.COMPOSITE)}


def require_mark(data: bytes, anchors: str | None) -> None:
    """Raises ReferenceNotMarked unless the picture has an intact mark of a fit signer that says so. With `anchors`,
    which are trusted roots in PEM, the signer must be trusted. Also raises Unforeseen.

    Anyone can make a certificate: without anchors, this tells who doesn't lie, not who does.
    """
    if problem := _problem(data, anchors):
        raise ReferenceNotMarked(
            f"This worker takes only references that are marked as made by a trained model, and {problem}. Use "
            "images that a job made, as they are."
        )


def _problem(data: bytes, anchors: str | None) -> str | None:
    # The name of the block in every format. Starting a process for pictures without one would be a waste.
    if b"c2pa" not in data:
        return "this one has no mark"
    try:
        found = inspect_apart(data, anchors)
    except InvalidInput:
        return "this one's mark can't be read"
    return _problem_with(found, must_be_trusted=anchors is not None)


def _problem_with(found: Inspection, *, must_be_trusted: bool) -> str | None:
    if found.verdict == "unsigned":
        return "this one has no mark"
    if found.verdict != "valid":
        return f"this one's mark doesn't hold ({found.verdict})"
    # XMP isn't asked: nothing signs it.
    if found.source_type is None or term_of(found.source_type) not in _MADE_BY_MODELS:
        return "this one's mark says something else"
    if must_be_trusted and not (found.signed_by and found.signed_by.trust == "trusted"):
        return "nothing in LIKENESS_TRUST_ANCHORS vouches for the signer of this one's mark"
    return None
