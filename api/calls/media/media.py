"""The media library's calls: add an image by its URL, a small one as the body, or a large one by an upload URL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from ulid import ULID

from api.calls.media.forms import FIELD, FORM, picture_in
from api.documents import MEDIA_TYPES, AddMedia, Asset, BeginUpload, Upload
from api.http.answers import Act, Answer, Prepared
from api.http.call import ANY_KEY, WRITES, Call
from api.http.declared import body, errors
from api.http.pages import CursorQuery, LimitQuery, Page, behind, page
from api.library import UPLOAD_FOR, KeptPicture, MediaLibrary, is_picture, media_type_of
from api.rows.database import Database
from api.rows.rows import asset_of, known_asset, no_upload, now, project_of, upload_of
from api.rows.tables import AssetRow, UploadRow
from models.errors import Conflict, InvalidInput, NotFound

router = APIRouter(prefix="/v1", tags=["media"])
KEPT_FOR = timedelta(days=1)
"""How long an upload may wait to be finalized."""
_PAGE = 500
_UNTYPED = "application/octet-stream"
_ADVICE = " Or send the picture itself: as the body, or to the URL of an upload."


@router.get(
    "/projects/{project_id}/media", response_model=Page[Asset], responses=errors(NotFound, InvalidInput)
)
def list_media(
    project_id: str, cursor: CursorQuery = None, limit: LimitQuery = 20, call: Call = ANY_KEY
) -> Response:
    """Lists the images of the project's media library, the newest first."""

    def work(session: Session) -> dict[str, Any]:
        project = project_of(session, call.organisation, project_id)
        asked = (
            select(AssetRow)
            .where(AssetRow.project_id == project.project_id)
            .order_by(AssetRow.created_at.desc(), AssetRow.asset_id.desc())
            .limit(limit + 1)
        )
        if cursor is not None:
            asked = asked.where(behind(cursor, AssetRow.created_at, AssetRow.asset_id, newest_first=True))
        return page(
            session.scalars(asked).all(),
            limit,
            lambda row: (row.created_at, row.asset_id),
            lambda row: _shown(call, row).to_data(),
        )

    return call.read(work)


@router.post(
    "/projects/{project_id}/media",
    status_code=201,
    response_model=Asset,
    responses=errors(NotFound, Conflict, InvalidInput),
    openapi_extra=body(
        AddMedia, {"url": "https://images.example/nova.png"}, or_bytes=MEDIA_TYPES, or_file=FIELD
    ),
)
async def add_media(project_id: str, call: Call = WRITES) -> Response:
    """Adds an image to the project's media library: one on the web by its `url`, or a small one as the body or in a
    form."""
    media_type = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == FORM:
        return await call.services.uploads.run(call.organisation, lambda: _add_from_form(call, project_id))
    if media_type.startswith("image/") or is_picture(call.body):
        return await _in_turn(call, lambda: _add_picture(call, project_id, media_type))

    def work(session: Session) -> Answer:
        asked = call.parsed(AddMedia)
        call.services.urls.require_usable(asked.url, "url", _ADVICE)
        if asked.thumbnail_url is not None:
            call.services.urls.require_usable(asked.thumbnail_url, "thumbnailUrl", _ADVICE)
        project = project_of(session, call.organisation, project_id)
        asset = AssetRow(
            asset_id=f"med_{ULID()}",
            project_id=project.project_id,
            url=asked.url,
            thumbnail_url=asked.thumbnail_url,
            created_at=now(),
        )
        session.add(asset)
        return Answer.of(201, _shown(call, asset))

    return await run_in_threadpool(call.write, work)


@router.post(
    "/projects/{project_id}/media/uploads",
    status_code=201,
    response_model=Upload,
    responses=errors(NotFound, Conflict, InvalidInput),
    openapi_extra=body(BeginUpload, {"mediaType": "image/png", "bytes": 4_000_000}),
)
def begin_upload(project_id: str, call: Call = WRITES) -> Response:
    """Begins the upload of a large picture: PUT it to the `uploadUrl` with the given headers, then finalize it."""

    def act() -> Prepared:
        asked = call.parsed(BeginUpload)
        library = call.services.library
        if asked.bytes > library.max_bytes:
            raise InvalidInput(
                f"A picture may have {library.max_bytes} bytes. Give a smaller file.",
                fields=[{"path": "bytes", "reason": f"at most {library.max_bytes}"}],
            )
        _require_project(call, project_id)
        asset_id = f"med_{ULID()}"
        url = library.upload_url(asset_id, asked.media_type, asked.bytes)
        at = now()
        upload = Upload(
            asset_id=asset_id,
            upload_url=url,
            method="PUT",
            headers={"Content-Type": asked.media_type, **library.upload_headers},
            expires_at=at + timedelta(seconds=UPLOAD_FOR),
        )

        def work(session: Session) -> Answer:
            call.require_room(session, "uploads")
            session.add(
                UploadRow(
                    asset_id=asset_id,
                    project_id=project_id,
                    media_type=asked.media_type,
                    size=asked.bytes,
                    sha256=asked.sha256,
                    created_at=at,
                )
            )
            return Answer.of(201, upload)

        return Prepared(work)

    return call.act(act)


@router.get("/media/{asset_id}", response_model=Asset, responses=errors(NotFound, InvalidInput))
def get_asset(asset_id: str, call: Call = ANY_KEY) -> Response:
    """Returns an image of the media library, with URLs that work now."""

    def work(session: Session) -> dict[str, Any]:
        return _shown(call, known_asset(session, call.organisation, asset_id)).to_data()

    return call.read(work)


@router.post(
    "/media/{asset_id}/finalize",
    response_model=Asset,
    responses=errors(NotFound, Conflict, InvalidInput),
)
async def finalize_upload(asset_id: str, call: Call = WRITES) -> Response:
    """Checks an uploaded picture and adds it to the media library.

    The call may be repeated, also concurrently: there is one asset of one picture. A picture that is put to the URL
    later is ignored and removed.
    """

    def act() -> Answer:
        database, library = call.services.database, call.services.library
        with database.read() as session:
            if asset := asset_of(session, call.organisation, asset_id):
                return Answer.of(200, _shown(call, asset))
            upload = upload_of(session, call.organisation, asset_id)
        picture = library.check_upload(upload)
        _pin(database, asset_id, picture.sha256)
        kept = library.keep(upload.project_id, asset_id, picture)
        with database.write() as session:
            # Other calls that finalize it wait here.
            upload_of(session, call.organisation, asset_id, to_write=True)
            known = asset_of(session, call.organisation, asset_id)
            return Answer.of(200, _shown(call, known or _add(session, upload.project_id, asset_id, kept)))

    return await _in_turn(call, act)


def sweep_uploads(database: Database, library: MediaLibrary) -> None:
    """Removes what is left of uploads that began a day ago, also of finalized ones."""
    old = UploadRow.created_at < datetime.now(UTC) - KEPT_FOR
    while True:
        with database.read() as session:
            found = session.scalars(select(UploadRow.asset_id).where(old).limit(_PAGE)).all()
        if not found:
            return
        library.discard_uploads(found)
        with database.write() as session:
            session.execute(delete(UploadRow).where(UploadRow.asset_id.in_(found)))


async def _in_turn(call: Call, act: Act) -> Response:
    """Runs `act`, which may take long with a picture, on the uploads' own threads. Returns its answer."""
    return await call.services.uploads.run(call.organisation, lambda: call.act(act))


def _add_from_form(call: Call, project_id: str) -> Response:
    data, media_type = picture_in(call.request.headers["content-type"], call.body)
    if media_type == _UNTYPED:
        # curl, for one, doesn't know WebP.
        media_type = media_type_of(data) or media_type
    # A form sent again has another boundary, but it is the same request.
    sent = replace(call, body=data)
    return sent.act(lambda: _add_picture(sent, project_id, media_type))


def _add_picture(call: Call, project_id: str, media_type: str) -> Prepared:
    if media_type not in MEDIA_TYPES:
        raise InvalidInput(
            f"A picture needs its type in Content-Type: one of {', '.join(MEDIA_TYPES)}. "
            "Or give its url as JSON.",
            fields=[{"path": "Content-Type", "reason": "none of these"}],
        )
    _require_project(call, project_id)
    library = call.services.library
    picture = library.check(call.body, media_type)
    asset_id = f"med_{ULID()}"
    kept = library.keep(project_id, asset_id, picture)

    def work(session: Session) -> Answer:
        return Answer.of(201, _shown(call, _add(session, project_id, asset_id, kept)))

    return Prepared(work, undo=lambda: library.discard(kept))


def _require_project(call: Call, project_id: str) -> None:
    """Raises NotFound, before anything is stored."""
    with call.services.database.read() as session:
        project_of(session, call.organisation, project_id)


def _pin(database: Database, asset_id: str, digest: str) -> None:
    """Ensures that the asset can become only this picture, even if another one is put to the upload's URL while
    this one is being kept."""
    with database.write() as session:
        pinned = session.scalar(
            update(UploadRow)
            .where(
                UploadRow.asset_id == asset_id, or_(UploadRow.sha256.is_(None), UploadRow.sha256 == digest)
            )
            .values(sha256=digest)
            .returning(UploadRow.asset_id)
        )
        if pinned is None and session.get(UploadRow, asset_id) is None:
            raise no_upload()
    if pinned is None:
        raise Conflict(
            "Another picture was uploaded while this one was checked, and it is that one now. "
            "Begin another upload for this one.",
            subcode="UPLOAD_CHANGED",
        )


def _add(session: Session, project_id: str, asset_id: str, kept: KeptPicture) -> AssetRow:
    asset = AssetRow(
        asset_id=asset_id,
        project_id=project_id,
        url=kept.url,
        thumbnail_url=kept.thumbnail_url,
        object_key=kept.key,
        thumbnail_key=kept.thumbnail_key,
        created_at=now(),
    )
    session.add(asset)
    return asset


def _shown(call: Call, asset: AssetRow) -> Asset:
    url, thumbnail_url = call.services.links.of(asset)
    return Asset(
        asset_id=asset.asset_id,
        project_id=asset.project_id,
        url=url,
        thumbnail_url=thumbnail_url,
        created_at=asset.created_at,
    )
