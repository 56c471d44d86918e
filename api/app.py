"""Makes the ASGI application: the calls, the middleware around them, and the landing that runs beside them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, Response
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.routing import Route

from api.calls import me, probes, projects, webhook_secrets
from api.calls.influencers import clones, erasing, influencers, renders, selection
from api.calls.jobs import events, jobs, previews
from api.calls.media import files, media, provenance
from api.calls.operations import letters, metrics, queue, webhooks
from api.http.call import REPLAYED, Services
from api.http.errors import body_of, status_of
from api.http.following import Following
from api.http.frame import Frame
from api.http.openapi import describe
from api.http.polls import Polls
from api.http.rates import Rates
from api.http.turns import Turns
from api.landing.landing import Landing
from api.library import MediaLibrary
from api.metrics import QueueMetrics
from api.page import sign_in
from api.page.serving import add_page
from api.page.sign_in import SignIn
from api.provenance import Inspector
from api.rows.backfill import backfill
from api.rows.database import Database
from api.rows.keys import KnownKeys
from api.rows.limits import Limits
from api.rows.links import Links
from api.rows.readiness import Readiness
from api.settings import ApiSettings
from api.starting import TierChoice
from api.urls import UrlCheck
from api.webhook_secrets import WebhookSecrets
from models.base import reason_of
from models.errors import (
    InvalidInput,
    LikenessError,
    MethodNotAllowed,
    NotFound,
    RateLimited,
    Unauthenticated,
    Unforeseen,
)
from models.rules import Rules
from worker.base.periodic import Periodic
from worker.base.settings import Settings
from worker.base.version import likeness_version
from worker.client import JobClient
from worker.queue.fleet.backlog import BacklogReader
from worker.queue.jobs import JobStore
from worker.queue.jobs.dead import DeadLetters
from worker.queue.jobs.deliveries import Deliveries
from worker.queue.jobs.feed import Feed
from worker.queue.jobs.previews import PreviewStore

# In seconds. The uploads that are swept are a day old.
_UPLOADS_SWEPT_EVERY = 600.0
# In seconds. Somebody waits for the end of a deleted persona's images.
_IMAGES_SWEPT_EVERY = 5.0
# In seconds. Only a process of an earlier version makes work for it.
_BACKFILLED_EVERY = 60.0
# In seconds. Redis may have lost what deliverers sign with.
_SECRETS_COMPARED_EVERY = 10.0
# Uploads that are decoded or stored at once; how long one waits for its turn, in seconds; and how many of one
# organisation may wait, since each holds its picture in memory.
_UPLOADS_AT_ONCE = 4
_LONGEST_WAIT = 5.0
_MOST_WAITING = 60
# Pictures that are inspected at once, each by a process of its own.
_INSPECTIONS_AT_ONCE = 2


def make_app(settings: Settings, api_settings: ApiSettings, signing_in: SignIn | None = None) -> FastAPI:
    """Makes the ASGI application. At its start it brings the database up to date; then it lands jobs and removes
    what is left of uploads. `signing_in` has the page's one-time links, if there are any.

    Raises InvalidSettings, and InvalidInput for key templates of the object store that can't be used.
    """
    database = Database(api_settings.database_url.get_secret_value())
    # Somebody waits for each answer, and a call that hangs holds a thread.
    client, store = JobClient(settings, patient=False), JobStore(settings, patient=False, shows_place=True)
    landing = Landing(database, client, store, Feed(settings))
    library = MediaLibrary(settings)
    links = Links(settings, library.url)
    secrets = WebhookSecrets(database, settings)
    backlog = BacklogReader(settings, patient=False)
    uploads = Turns(_UPLOADS_AT_ONCE, _LONGEST_WAIT, _MOST_WAITING)
    inspections = Turns(_INSPECTIONS_AT_ONCE, _LONGEST_WAIT, _MOST_WAITING)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        database.wait()
        sweeps = (
            Periodic("landing", api_settings.landing_interval, landing.sweep),
            Periodic("backfill", _BACKFILLED_EVERY, lambda: backfill(database)),
            Periodic("webhook-secrets", _SECRETS_COMPARED_EVERY, secrets.sync),
            Periodic("uploads", _UPLOADS_SWEPT_EVERY, lambda: media.sweep_uploads(database, library)),
            Periodic("images", _IMAGES_SWEPT_EVERY, lambda: erasing.sweep_images(database, library)),
        )
        for sweep in sweeps:
            sweep.start()
        try:
            yield
        finally:
            for sweep in sweeps:
                sweep.stop()
            uploads.close()
            inspections.close()
            database.close()
            library.close()

    app = FastAPIOffline(
        title="Likeness",
        version=likeness_version(),
        lifespan=life,
        redirect_slashes=False,
        redoc_url=None,
    )
    app.state.services = Services(
        database=database,
        client=client,
        store=store,
        previews=PreviewStore(settings),
        landing=landing,
        library=library,
        links=links,
        rates=Rates(api_settings.api_rate),
        keys=KnownKeys(database),
        polls=Polls(store),
        following=Following(store, api_settings.api_streams),
        uploads=uploads,
        inspector=Inspector(settings),
        inspections=inspections,
        limits=Limits(api_settings),
        readiness=Readiness(database),
        backlog=backlog,
        letters=DeadLetters(settings, patient=False),
        deliveries=Deliveries(settings, patient=False),
        webhook_secrets=secrets,
        metrics=QueueMetrics(backlog),
        urls=UrlCheck(settings),
        tiers=TierChoice(settings, api_settings),
        rules=Rules(references=settings.references),
    )
    if origins := [origin.strip() for origin in api_settings.api_cors_origins.split(",") if origin.strip()]:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST", "PATCH", "PUT", "DELETE"],
            allow_headers=[
                "Authorization",
                "Content-Type",
                "Idempotency-Key",
                "If-None-Match",
                "Last-Event-ID",
                "Prefer",
            ],
            expose_headers=[
                "ETag",
                "Location",
                "Preference-Applied",
                "RateLimit",
                "RateLimit-Policy",
                "Retry-After",
                "X-Request-Id",
                REPLAYED,
            ],
        )
    app.add_middleware(Frame, max_body=api_settings.api_max_body)
    # Routes are matched in this order, and jobs are called most often.
    parts = (
        *(
            jobs,
            events,
            previews,
            projects,
            media,
            influencers,
            selection,
            clones,
            renders,
            files,
            provenance,
            webhook_secrets,
            me,
        ),
        *(queue, letters, webhooks),
    )
    for part in parts:
        app.include_router(part.router)
    routes = [route for part in parts for route in part.router.routes]
    undocumented = [probes.router, metrics.router]
    if api_settings.page == "on":
        app.state.sign_in = signing_in or SignIn()
        undocumented.append(sign_in.router)
        add_page(app, library.origins)
    for router in undocumented:
        app.include_router(router)
    app.state.routes = [*routes, *(route for router in undocumented for route in router.routes)]
    document = cache(lambda: describe(app, routes))
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
    elif isinstance(error, MethodNotAllowed):
        headers = {"Allow": ", ".join(error.details["allowed"])}
    return JSONResponse(body_of(error, request.state.request_id), status_of(error), headers)


async def _tell_of_parameters(request: Request, error: Any) -> Response:
    fields = [
        {"path": ".".join(str(part) for part in found["loc"][1:]), "reason": reason_of(found["msg"])}
        for found in error.errors()[:20]
    ]
    listing = "; ".join(f"{field['path']}: {field['reason']}" for field in fields)
    return await _tell(request, InvalidInput(f"The request is not valid: {listing}", fields=fields))


async def _tell_of_routing(request: Request, error: Any) -> Response:
    if error.status_code == 405:
        allowed = _methods_of(request)
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": ", ".join(allowed)})
        return await _tell(
            request,
            MethodNotAllowed(
                f"This path has no {request.method}. It has: {', '.join(allowed)}.", allowed=allowed
            ),
        )
    if error.status_code == 404:
        return await _tell(request, NotFound("There is no such call. /docs lists them."))
    return await _tell(request, Unforeseen("The request could not be answered."))


def _methods_of(request: Request) -> list[str]:
    """The methods of all calls with the request's path. Starlette knows those of the first one alone."""
    routes = [route for route in request.app.state.routes if isinstance(route, Route)]
    matching = [route for route in routes if route.path_regex.match(request.url.path)]
    # Files of the page and of /docs aren't among them.
    methods = {method for route in matching for method in route.methods or ()} or {"GET"}
    return sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set()))
