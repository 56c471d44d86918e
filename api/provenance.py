"""What the media library's pictures state about themselves, and what is in their pixels: read apart, since a client
may have made them."""

import structlog

from models.errors import Conflict, InvalidInput, WatermarkModelMissing
from models.inspection import Inspection, WatermarkFinding
from worker.base.settings import Settings
from worker.inspection.inspect import LookUp, with_watermark
from worker.mark.anchors import trust_anchors
from worker.mark.inspect_apart import inspect_apart

log = structlog.get_logger()


class Inspector:
    """Inspects pictures by the roots that the settings trust."""

    def __init__(self, settings: Settings) -> None:
        """Raises InvalidSettings if the file of the roots can't be read."""
        self._settings = settings
        self._anchors = trust_anchors(settings)

    def inspect(self, picture: bytes, look_up: LookUp) -> Inspection:
        """Inspects a picture in processes of their own, within a time and a memory limit. `look_up` finds images by
        their watermark. Raises Conflict if what the picture states can't be read."""
        try:
            stated = inspect_apart(picture, self._anchors)
        except InvalidInput as error:
            raise Conflict(
                f"{error.message} The picture can be used all the same; saved anew, it states nothing.",
                subcode="PROVENANCE_UNREADABLE",
            ) from None
        try:
            # Whoever asks for many inspections doesn't slow other requests down.
            return with_watermark(stated, picture, self._settings, look_up, niceness=5)
        except WatermarkModelMissing as error:
            # Its message is the operator's: it names folders.
            log.error("watermark.unreadable", code=error.code, error=error.message)
            nobody = WatermarkFinding(reason="This server can't look for watermarks just now.")
            return stated.model_copy(update={"watermark": nobody})
