"""Provenance of an attempt's images, as the device reports it: for the manifest and for signatures."""

import structlog

from models.manifest import Provenance, RenderInfo
from models.record import NotedReference
from worker.mark.statement import Origin
from worker.references.fetch import FetchedReferences
from worker.render.messages import ReferenceNoted
from worker.run.held import HeldJob
from worker.run.notes import with_note

log = structlog.get_logger()


class Sources:
    """Where images come from: `provenance` of all the job's, `origin` of those that the device makes now."""

    def __init__(self, held: HeldJob) -> None:
        self._held = held
        self.provenance = Provenance()
        self.origin = Origin()

    def take_up(self) -> None:
        """Starts with the provenance that earlier attempts recorded."""
        self.provenance = self._held.noted()

    def note_order(self, references: FetchedReferences, renderer: RenderInfo) -> None:
        """Records that the device begins an order with these references."""
        used = dict.fromkeys((*self.provenance.references, *(one.reference for one in references.used)))
        self.provenance = self.provenance.model_copy(update={"references": tuple(used), "render": renderer})
        self.origin = Origin(references.ingredients, renderer)
        self._held.note(self.provenance)

    def note_reference(self, references: FetchedReferences, told: ReferenceNoted) -> None:
        """Records that one of the references conditions the images less than it could."""
        about = references.used[told.index].ingredient
        self.origin = self.origin.noted(about, told.code)
        note = NotedReference(
            index=about.index, asset_id=about.reference.asset_id, code=told.code, message=told.message
        )
        notes = with_note(self.provenance.reference_notes, note)
        if notes == self.provenance.reference_notes:
            return
        log.info("reference.noted", assetId=note.asset_id, code=note.code, why=note.message)
        self.provenance = self.provenance.model_copy(update={"reference_notes": notes})
        self._held.reference_noted(note, self.provenance)
