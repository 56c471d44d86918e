"""A run of a clone job: it starts from references."""

import structlog

from models.job import CloneJob
from worker.base.observers import tracing
from worker.references.fetch import FetchedReferences, ReferenceFetcher, require_usable
from worker.run.held import HeldJob
from worker.run.imagestore import FoundImage
from worker.run.job_gate import JobGate
from worker.run.job_run import Equipment, JobRun

log = structlog.get_logger()


class CloneRun(JobRun[CloneJob]):
    """Each image shows whom the references show."""

    advice = "clearer references may help"

    def __init__(
        self,
        job: CloneJob,
        held: HeldJob,
        equipment: Equipment,
        gate: JobGate | None,
        fetcher: ReferenceFetcher,
    ) -> None:
        super().__init__(job, held, equipment, gate)
        self._fetcher = fetcher

    def _make(self, found: list[FoundImage]) -> None:
        if self._gate is None:
            self._judge_found(found)
            found = []
        if self._missing() or self._gate:
            with tracing.span("fetch"):
                references = self._fetch()
            self._judge_found(found)
            self._render(references, self._job.shots)

    def _fetch(self) -> FetchedReferences:
        references = self._fetcher.fetch(self._job, self._held.check)
        self._held.references_checked(references.rejected)
        require_usable(references)
        log.info("references.fetched", used=len(references.images), rejected=len(references.rejected))
        if self._gate:
            others = self._result_of(self._judging.submit(self._gate.check, references))
            self._held.references_checked(others)
            references = references.without(others)
        return references
