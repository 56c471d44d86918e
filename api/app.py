"""The application: the calls, the frame around them, and the landing beside them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from api import clones, influencers, jobs, media, projects, renders, selection
from api.call import House
from api.database import Database
from api.errors import body_of, status_of
from api.frame import Frame
from api.keys import KnownKeys
from api.landing import Landing
from api.library import MediaLibrary
from api.links import Links
from api.openapi import describe
from api.polls import Polls
from api.rates import Rates
from api.settings import ApiSettings
from models.errors import (
    InvalidInput,
    LikenessError,
    NotFound,
    RateLimited,
    Unauthenticated,
    Unforeseen,
)
from worker.client import JobClient
from worker.jobs import JobStore
from worker.periodic import Periodic
from worker.settings import Settings
from worker.version import likeness_version

# In seconds. What is swept is a day old.
_UPLOADS_SWEPT_EVERY = 600.0


def make_app(settings: Settings, api_settings: ApiSettings) -> FastAPI:
    """The ASGI application. While it runs, it brings the database up to date once, lands jobs, and removes
    what is left of uploads.

    Raises InvalidSettings, and InvalidInput for key templates of the object store that can't be used.
    """
    database = Database(api_settings.database_url.get_secret_value())
    client, store = JobClient(settings), JobStore(settings)
    landing, library = Landing(database, client, store), MediaLibrary(settings)
    links = Links(settings, library.url)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        database.migrate()
        sweeps = (
            Periodic("landing", api_settings.landing_interval, landing.sweep),
            Periodic("uploads", _UPLOADS_SWEPT_EVERY, lambda: media.sweep_uploads(database, library)),
        )
        for sweep in sweeps:
            sweep.start()
        try:
            yield
        finally:
            for sweep in sweeps:
                sweep.stop()
            database.close()
            library.close()

    app = FastAPI(title="Likeness", version=likeness_version(), lifespan=life, redirect_slashes=False)
    rates, keys, polls = Rates(api_settings.api_rate), KnownKeys(database), Polls(store)
    app.state.house = House(database, client, store, landing, library, links, rates, keys, polls)
    app.add_middleware(Frame, max_body=api_settings.api_max_body)
    # They are tried in this order, and jobs are asked for most.
    for part in (jobs, projects, media, influencers, selection, clones, renders):
        app.include_router(part.router)
    document = cache(lambda: describe(app))
    app.openapi = document  # type: ignore[method-assign]
    app.add_exception_handler(LikenessError, _tell)
    app.add_exception_handler(RequestValidationError, _tell_of_parameters)
    app.add_exception_handler(HTTPException, _tell_of_routing)
    return app


async def _tell(request: Request, error: Any) -> Response:
    headers = None
    if isinstance(error, Unauthenticated):
        headers = {"WWW-Authenticate": "Bearer"}
    elif isinstance(error, RateLimited):
        headers = {"Retry-After": str(error.details["retryAfter"])}
    return JSONResponse(body_of(error, request.state.request_id), status_of(error), headers)


async def _tell_of_parameters(request: Request, error: Any) -> Response:
    fields = [
        {"path": ".".join(str(part) for part in found["loc"][1:]), "reason": found["msg"][:200]}
        for found in error.errors()[:20]
    ]
    listing = "; ".join(f"{field['path']}: {field['reason']}" for field in fields)
    return await _tell(request, InvalidInput(f"The request is not valid: {listing}", fields=fields))


async def _tell_of_routing(request: Request, error: Any) -> Response:
    known = (404, 405)
    return await _tell(
        request,
        NotFound("There is no such call. /docs lists them.")
        if error.status_code in known
        else Unforeseen("The request could not be answered."),
    )
