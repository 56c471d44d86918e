"""The script of a clone job: it fetches the references, and renders images conditioned on them."""

from collections.abc import Sequence

import structlog

from models.job import CloneJob
from worker.base.observers import tracing
from worker.references.fetch import FetchedReferences, require_usable
from worker.run.imagestore import FoundImage
from worker.run.steps import Steps

log = structlog.get_logger()

ADVICE = "clearer references may help"


def clone(run: Steps[CloneJob], found: Sequence[FoundImage]) -> None:
    """Runs a clone job. Without a gate, it fetches the references only if a shot is missing."""
    if run.gate is None:
        run.take_up(found)
        if not run.shots.missing():
            return
        found = ()
    with tracing.span("fetch"):
        references = _fetch(run)
    run.take_up(found)
    run.render(references, run.job.shots)


def _fetch(run: Steps[CloneJob]) -> FetchedReferences:
    references = run.fetcher.fetch(run.job, run.held.raise_if_unwanted)
    run.held.references_checked(references.rejected)
    require_usable(references)
    log.info("references.fetched", used=len(references.used), rejected=len(references.rejected))
    if run.gate:
        references, others = run.background.ask_gate(run.gate.check_references, references)
        run.held.references_checked(others)
    return references
