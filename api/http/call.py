"""The `Call` that a handler gets: the caller, the body, and how to answer."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request, Security
from fastapi.openapi.models import HTTPBearer
from fastapi.responses import Response
from fastapi.security.base import SecurityBase
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from api.documents import InfluencerJob
from api.http.answers import Act, Answer, Answerer, Once, Work
from api.http.following import Following
from api.http.polls import Polls
from api.http.rates import Rates
from api.http.turns import Turns
from api.landing.landing import Landing
from api.library import MediaLibrary
from api.metrics import QueueMetrics
from api.provenance import Inspector
from api.rows.database import Database
from api.rows.keys import Caller, KnownKeys, Scope
from api.rows.latest_jobs import latest_jobs
from api.rows.limits import Kind, Limits
from api.rows.links import Links
from api.rows.readiness import Readiness
from api.rows.rows import document_of, now, stored
from api.rows.tables import InfluencerRow
from api.starting import TierChoice
from api.urls import UrlCheck
from api.webhook_secrets import WebhookSecrets
from models.base import Document
from models.errors import InvalidInput, QueueUnavailable
from models.influencer import Influencer
from models.reference_origin import ReferenceOrigin
from models.rules import Rules
from worker.client import JobClient
from worker.queue.fleet.backlog import BacklogReader
from worker.queue.jobs import JobStore
from worker.queue.jobs.dead import DeadLetters
from worker.queue.jobs.deliveries import Deliveries
from worker.queue.jobs.previews import PreviewStore

REPLAYED = "Idempotent-Replayed"

DocumentT = TypeVar("DocumentT", bound=Document)


@dataclass(frozen=True, slots=True)
class Services:
    """The services that all calls share."""

    database: Database
    client: JobClient
    store: JobStore
    previews: PreviewStore
    landing: Landing
    library: MediaLibrary
    links: Links
    rates: Rates
    keys: KnownKeys
    polls: Polls
    following: Following
    uploads: Turns
    inspector: Inspector
    inspections: Turns
    limits: Limits
    readiness: Readiness
    backlog: BacklogReader
    letters: DeadLetters
    deliveries: Deliveries
    webhook_secrets: WebhookSecrets
    metrics: QueueMetrics
    urls: UrlCheck
    tiers: TierChoice
    rules: Rules


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request."""

    services: Services
    caller: Caller
    request: Request
    body: bytes

    @property
    def organisation(self) -> str:
        return self.caller.organisation

    def parsed(self, kind: type[DocumentT]) -> DocumentT:
        """Parses the body. Raises InvalidInput, which names the paths of the offending fields."""
        return kind.parse(self.body)

    def write(self, work: Work) -> Response:
        """Runs `work` in a transaction and returns its answer. A POST with an Idempotency-Key is answered once."""
        answer = self._answerer.answer(self._once(), self.request.state.request_id, work)
        if answer.job:
            # The job is recorded, so it will run: the landing submits recorded jobs that Redis doesn't know.
            with suppress(QueueUnavailable):
                self.services.client.submit(answer.job)
        return as_response(answer)

    def act(self, act: Act) -> Response:
        """Runs `act` without a transaction and returns its answer. With an Idempotency-Key, one answer counts."""
        request_id = self.request.state.request_id
        return as_response(self._answerer.answer_outside(self._once(), request_id, act))

    def require_room(self, session: Session, kind: Kind) -> None:
        """Raises Conflict if the organisation is at its limit for this kind."""
        self.services.limits.require_room(session, self.organisation, kind)

    def require_callback(self, url: str | None) -> None:
        """Raises InvalidInput for a `callbackUrl` that no webhook would be sent to."""
        if url is not None:
            self.services.urls.require_usable(url, "callbackUrl")

    def require_tier(self, tier: str | None) -> None:
        """Raises InvalidInput for a tier that the organisation may not choose."""
        self.services.tiers.require(self.organisation, tier)

    def stated(self, origin: ReferenceOrigin | None) -> dict[str, ReferenceOrigin]:
        """The fields to change for a statement of whose face references show. What it leaves out is the caller's:
        who states it, and that it is now."""
        if origin is None:
            return {}
        return {"reference_origin": origin.completed(f"{self.organisation}/{self.caller.key_id}", now())}

    def influencer(self, session: Session, row: InfluencerRow) -> Influencer:
        """The row's document, with URLs that work now."""
        return document_of(session, row, self.services.links.of)

    def shown(
        self, session: Session, row: InfluencerRow, jobs: Mapping[str, InfluencerJob] | None = None
    ) -> dict[str, Any]:
        """The influencer as JSON data for an answer. `jobs`: what `latest_jobs` found for a list that it is in."""
        jobs = latest_jobs(session, [row]) if jobs is None else jobs
        return stored(self.influencer(session, row), row, jobs.get(row.influencer_id))

    def read(self, work: Callable[[Session], Any]) -> Response:
        """Answers 200 with the document that `work` reads."""
        with self.services.database.read() as session:
            document = work(session)
        return as_response(Answer.of(200, document))

    @property
    def _answerer(self) -> Answerer:
        return Answerer(self.services.database)

    def _once(self) -> Once | None:
        if self.request.method != "POST":
            return None
        key = self.request.headers.get("idempotency-key")
        return Once.of(self.organisation, key, "POST", self.request.url.path, self.body)


def as_response(answer: Answer, headers: dict[str, str] | None = None) -> Response:
    headers = headers or {}
    if answer.replayed:
        headers |= {REPLAYED: "true"}
    if answer.status == 202 and (location := json.loads(answer.body).get("locationUrl")):
        headers |= {"Location": location}
    return Response(answer.body, answer.status, headers, "application/json")


class _Calling(SecurityBase):
    """Authenticates a request, checks its scope, and makes the handler's `Call`. FastAPI documents it as the call's
    security scheme."""

    model = HTTPBearer()
    scheme_name = "key"

    def __init__(self, scope: Scope | None) -> None:
        self._scope = scope

    async def __call__(self, request: Request) -> Call:
        services: Services = request.app.state.services
        header = request.headers.get("authorization")
        caller = services.keys.recall(header)
        if caller is None:
            caller = await run_in_threadpool(services.keys.look_up, header)
        request.state.key_id = caller.key_id
        allowance = services.rates.count(caller.key_id)
        # The frame adds them to whatever the answer is.
        request.state.rate_limit = allowance.headers
        allowance.raise_if_refused()
        if self._scope is not None:
            caller.require(self._scope)
        _refuse_unknown(request)
        body = b"" if request.method == "GET" else await request.body()
        return Call(services, caller, request, body)


def _refuse_unknown(request: Request) -> None:
    """Raises InvalidInput for a query parameter that the call doesn't have, as for a body's unknown field."""
    known = {field.alias for field in request.scope["route"].dependant.query_params}
    if unknown := sorted(set(request.query_params) - known):
        has = f"It has: {', '.join(sorted(known))}." if known else "It has none."
        raise InvalidInput(
            f"The call has no query parameter {unknown[0][:64]!r}. {has}",
            fields=[{"path": name[:64], "reason": "unknown"} for name in unknown[:20]],
        )


def calling(scope: Scope | None) -> Any:
    """The dependency that enforces a handler's `scope`, or accepts any key for None. FastAPI documents it too."""
    return Security(_Calling(scope), scopes=[scope] if scope else [])


ANY_KEY: Any = calling(None)
WRITES: Any = calling("influencers:write")
READS_JOBS: Any = calling("jobs:read")
CANCELS_JOBS: Any = calling("jobs:cancel")
OPERATES: Any = calling("operate")
