"""The pictures of assets: `GET /v1/files/{assetId}` leads to a URL that works now."""

from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import Response

from api.http.call import ANY_KEY, Call
from api.http.declared import errors
from api.rows.rows import known_asset
from models.errors import InvalidInput, NotFound

# Rows from before this was checked may have others, which no header can carry.
_ASCII = "".join(map(chr, range(0x21, 0x7F)))

router = APIRouter(prefix="/v1", tags=["media"])
_LEADS = errors(NotFound, InvalidInput) | {302: {"description": "`Location` works now, at least for a time."}}


@router.get("/files/{asset_id}", status_code=302, response_class=Response, responses=_LEADS)
def get_file(asset_id: str, call: Call = ANY_KEY) -> Response:
    """Leads to the asset's picture. Unlike the URLs in a job's record, this one never dies."""
    return _leading_to(call, asset_id, thumbnail=False)


@router.get("/files/{asset_id}/thumbnail", status_code=302, response_class=Response, responses=_LEADS)
def get_thumbnail(asset_id: str, call: Call = ANY_KEY) -> Response:
    """Leads to the asset's thumbnail, or to its picture if it has none."""
    return _leading_to(call, asset_id, thumbnail=True)


def _leading_to(call: Call, asset_id: str, *, thumbnail: bool) -> Response:
    with call.services.database.read() as session:
        url, thumbnail_url = call.services.links.of(known_asset(session, call.organisation, asset_id))
    where = (thumbnail_url or url) if thumbnail else url
    # Not longer than the URL itself works: half of a presigned one's life is left, at least.
    return Response(
        status_code=302,
        headers={"Location": quote(where, safe=_ASCII), "Cache-Control": "private, max-age=300"},
    )
