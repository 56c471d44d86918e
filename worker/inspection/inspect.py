"""Adds to an inspection what is in the picture's pixels, and which stored images have that."""

from collections.abc import Callable

from models.errors import InvalidSettings, StorageError
from models.inspection import Inspection, WatermarkedImage, WatermarkFinding
from models.watermark import HiddenNumber
from worker.base.settings import Settings
from worker.inspection.watermark_apart import find_watermark

LookUp = Callable[[HiddenNumber], tuple[WatermarkedImage, ...]]
"""Finds the images that have a number, as far as the asker may know of them. Raises StorageError, or
InvalidSettings where no object store is set up, with a message for the asker."""


def with_watermark(
    stated: Inspection, data: bytes, settings: Settings, look_up: LookUp, niceness: int = 0
) -> Inspection:
    """The inspection of the picture `data`, with its watermark. If that can't be looked for, or not be looked up,
    it says why. `niceness` and errors: as for `find_watermark`."""
    found = find_watermark(data, settings, niceness)
    signed = stated.signed_watermark
    if found.hidden is not None:
        found = _looked_up(found, found.hidden, look_up)
        if signed is not None:
            found = found.model_copy(update={"as_signed": signed == found.hidden})
    elif found.found is False and signed is not None and signed.algorithm not in found.looked_for:
        reason = f"By its signed statement it is {signed.algorithm}, which can't be looked for here."
        found = found.model_copy(update={"found": None, "reason": reason})
    return stated.model_copy(update={"watermark": found})


def _looked_up(found: WatermarkFinding, hidden: HiddenNumber, look_up: LookUp) -> WatermarkFinding:
    try:
        return found.model_copy(update={"images": look_up(hidden)})
    except (StorageError, InvalidSettings) as error:
        return found.model_copy(update={"reason": f"It can't be looked up: {error.message}"})
