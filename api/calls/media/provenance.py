"""`GET /v1/files/{assetId}/provenance`: what an asset's picture states about itself, whether that holds, and
what is in its pixels."""

from functools import partial

from fastapi import APIRouter
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from api.http.answers import Answer
from api.http.call import ANY_KEY, Call, as_response
from api.http.declared import errors
from api.rows.rows import ends_of_influencers, known_asset
from models.errors import Conflict, NotFound, StorageError
from models.inspection import Inspection, WatermarkedImage
from models.watermark import HiddenNumber

router = APIRouter(prefix="/v1", tags=["media"])


@router.get(
    "/files/{asset_id}/provenance",
    response_model=Inspection,
    responses=errors(NotFound, Conflict),
)
async def get_provenance(asset_id: str, call: Call = ANY_KEY) -> Response:
    """Returns what the asset's picture states about itself: who signed it, what made it and from what, and whether
    that and the picture are as they were signed. It is what `likeness inspect --json` prints.

    Also looks for a watermark, which outlives the metadata. Anybody learns that there is one; the images that it
    leads to are your organisation's alone.

    Takes a few seconds, and waits for its turn if many are asked for.
    """
    services = call.services
    key = await run_in_threadpool(_key_of, call, asset_id)
    if key is None:
        raise Conflict(
            "The asset is an image elsewhere on the web, which isn't kept here. Upload it, then ask again: "
            "POST /v1/projects/{projectId}/media.",
            subcode="NOT_STORED",
        )
    found = await services.inspections.run(
        call.organisation,
        lambda: services.inspector.inspect(services.library.original(key), partial(_own_images, call)),
    )
    # A picture never changes. Whether its signer's certificate has run out may, and what its watermark leads to.
    return as_response(Answer.of(200, found), {"Cache-Control": "private, max-age=300"})


def _key_of(call: Call, asset_id: str) -> str | None:
    with call.services.database.read() as session:
        return known_asset(session, call.organisation, asset_id).object_key


def _own_images(call: Call, hidden: HiddenNumber) -> tuple[WatermarkedImage, ...]:
    """The images with this number that jobs of the caller's organisation made."""
    try:
        found = call.services.library.watermarked(hidden)
    except StorageError:
        # Its message is the operator's.
        raise StorageError("The object store can't be asked just now.") from None
    with call.services.database.read() as session:
        deleted = ends_of_influencers(session, call.organisation, [image.job_id for image in found])
    return tuple(
        image.model_copy(update={"influencer_deleted_at": deleted[image.job_id]})
        for image in found
        if image.job_id in deleted
    )
