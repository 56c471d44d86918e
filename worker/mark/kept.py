"""Marks that references carry: their C2PA manifests, kept so that images can pass them on."""

from dataclasses import replace
from io import BytesIO

import structlog
from c2pa import Builder, C2paError, Reader
from PIL import Image

from worker.mark.bounds import MOST_MARKS
from worker.mark.sdk import context
from worker.mark.statement import Ingredient

log = structlog.get_logger()


def with_mark(bare: Ingredient, data: bytes) -> Ingredient:
    """The ingredient with the manifests that its bytes `data`, of a picture, carry: as the SDK's archive, so
    without the pixels.

    It stays bare where there are none, or none that can be passed on, which the log tells. Those of a picture
    that was tampered with are kept, and the SDK notes that beside them.
    """
    # What the block is called in every format. Most references carry none, and then nothing is parsed.
    if b"c2pa" not in data:
        return bare
    try:
        with Image.open(BytesIO(data)) as image:
            media_type = Image.MIME[image.format or ""]
        # One that is only pointed to has no manifest here, and the address is nobody's business.
        Reader(media_type, BytesIO(data), context=context()).close()
        archive = BytesIO()
        with Builder({"claim_generator_info": [{"name": "likeness"}]}, context=context()) as builder:
            builder.add_ingredient(bare.definition(), media_type, BytesIO(data))
            builder.write_ingredient_archive(bare.label, archive)
    except (C2paError, OSError, KeyError) as error:
        log.warning("reference.mark_unreadable", assetId=bare.reference.asset_id, error=type(error).__name__)
        return bare
    mark = archive.getvalue()
    if len(mark) > MOST_MARKS:
        log.warning("reference.mark_left_out", assetId=bare.reference.asset_id, bytes=len(mark))
        return bare
    return replace(bare, mark=mark)
