"""Pictures with marks of their own."""

from io import BytesIO

from PIL import Image

from models.job import CloneJob
from models.manifest import RenderInfo, UsedReference
from models.source_type import SourceType
from worker.mark.signer import ImageSigner
from worker.mark.statement import Ingredient, Origin, Picture, statement

REFERENCE = UsedReference(asset_id="med_reference", sha256="ab" * 32)

RENDER = RenderInfo(
    profile="embedded", pipeline="p", steps=4, dtype="float32", device="cpu", versions={"likeness": "0"}
)


def sign(
    signer: ImageSigner,
    job: CloneJob,
    png: bytes,
    *ingredients: Ingredient,
    source_type: SourceType = SourceType.GENERATED,
    not_carried: frozenset[int] = frozenset(),
) -> bytes:
    """A PNG, signed as the front shot of the job."""
    origin = Origin(ingredients, RENDER, not_carried)
    picture = Picture("front", 2**62 + 1, source_type)
    return signer.sign(png, "image/png", statement(job, picture, origin))


def pixels(data: bytes) -> bytes:
    with Image.open(BytesIO(data)) as image:
        return image.convert("RGB").tobytes()
