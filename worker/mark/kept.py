"""Keeps the C2PA manifests of references, so that images can carry them as ingredients."""

from dataclasses import replace
from io import BytesIO
from typing import get_args

import structlog
from c2pa import Builder, C2paError, Reader
from PIL import Image

from worker.mark.bounds import MOST_MARKS
from worker.mark.sdk import context
from worker.mark.statement import Ingredient, Relationship

log = structlog.get_logger()

_EITHER: tuple[Relationship, ...] = get_args(Relationship)


def with_mark(bare: Ingredient, data: bytes) -> Ingredient:
    """Adds the manifests in the ingredient's picture `data` to it, as an archive of the SDK and so without the
    pixels.

    The ingredient stays bare if there are none, or none that can be passed on, which is logged. The manifests of
    a picture that was tampered with are kept, and the SDK notes that beside them.
    """
    # The name of the block in every format. Most references have none, and then nothing is parsed.
    if b"c2pa" not in data:
        return bare
    try:
        with Image.open(BytesIO(data)) as image:
            media_type = Image.MIME[image.format or ""]
        # Raises for a manifest that is only linked to: it isn't in the data, and its address mustn't be passed on.
        Reader(media_type, BytesIO(data), context=context()).close()
        marks = {relationship: _archive(bare, relationship, media_type, data) for relationship in _EITHER}
    except (C2paError, OSError, KeyError) as error:
        log.warning("reference.mark_unreadable", assetId=bare.reference.asset_id, error=type(error).__name__)
        return bare
    marked = replace(bare, marks=marks)
    if marked.marks_size > MOST_MARKS:
        log.warning("reference.mark_left_out", assetId=bare.reference.asset_id, bytes=marked.marks_size)
        return bare
    return marked


def _archive(bare: Ingredient, relationship: Relationship, media_type: str, data: bytes) -> bytes:
    archive = BytesIO()
    with Builder({"claim_generator_info": [{"name": "likeness"}]}, context=context()) as builder:
        builder.add_ingredient(bare.definition(relationship), media_type, BytesIO(data))
        builder.write_ingredient_archive(bare.label, archive)
    return archive.getvalue()
