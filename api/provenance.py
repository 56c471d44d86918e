"""What the media library's pictures state about themselves: read apart, since a client may have made them."""

from models.errors import Conflict, InvalidInput
from models.inspection import Inspection
from worker.base.settings import Settings
from worker.mark.anchors import trust_anchors
from worker.mark.inspect_apart import inspect_apart


class Inspector:
    """Inspects pictures by the roots that the settings trust."""

    def __init__(self, settings: Settings) -> None:
        """Raises InvalidSettings if the file of the roots can't be read."""
        self._anchors = trust_anchors(settings)

    def inspect(self, picture: bytes) -> Inspection:
        """Inspects a picture in a process of its own, within a time and a memory limit. Raises Conflict if what it
        states can't be read."""
        try:
            return inspect_apart(picture, self._anchors)
        except InvalidInput as error:
            raise Conflict(
                f"{error.message} The picture can be used all the same; saved anew, it states nothing.",
                subcode="PROVENANCE_UNREADABLE",
            ) from None
