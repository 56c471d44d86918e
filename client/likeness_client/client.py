"""The synchronous client."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, cast

import httpx2

from likeness_client.answers import (
    error_in,
    json_in,
    listening,
    require_address,
    require_time,
    stored,
    unreachable,
)
from likeness_client.documents import (
    Asset,
    CancelAnswer,
    Event,
    Influencer,
    Job,
    JobStatus,
    Me,
    NewWebhookSecret,
    Project,
    Provenance,
    ReferenceImage,
    Selection,
    StartedJob,
    Subject,
    WebhookSecret,
)
from likeness_client.errors import LikenessError, RateLimited, Unavailable
from likeness_client.requests import (
    SMALL,
    TERMINAL,
    EventReader,
    Patience,
    Picture,
    Request,
    cloning,
    creation,
    deletion,
    get,
    given,
    is_not_now,
    patching,
    post,
    rendering,
    segment,
    selecting,
    setting_primary,
)


class Client:
    """Calls the API with one key. Share it between threads, and close it, or use it in a `with` block.

    Calls are tried again while the API says that it can't answer now; a POST has an idempotency key, so that it
    counts once. All raise a LikenessError.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float = 30,
        patience: Patience | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """`timeout`: seconds for one try. `transport`: for tests, such as `likeness_client.testing.FakeApi`."""
        headers = {"Authorization": f"Bearer {key}"}
        address = require_address(url)
        self._http = httpx2.Client(base_url=address, timeout=timeout, headers=headers, transport=transport)
        # The store's URLs are signed by themselves: it must not see the key.
        self._store = httpx2.Client(timeout=300, transport=transport)
        self._patience = patience or Patience()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()
        self._store.close()

    def me(self) -> Me:
        """Whose key this is."""
        return cast("Me", self.call(get("me")))

    # Projects and pictures

    def projects(self) -> Iterator[Project]:
        """All projects, the oldest first."""
        return cast("Iterator[Project]", self.pages("projects"))

    def create_project(
        self,
        name: str,
        *,
        audience: str | None = None,
        language: str | None = None,
        voice: str | None = None,
    ) -> Project:
        """With `audience`, `language` or `voice`, its first persona and a job for her images, too."""
        body = {"name": name, **given(audience=audience, language=language, voice=voice)}
        return cast("Project", self.call(post("projects", body)))

    def set_primary(self, project_id: str, influencer_id: str | None) -> None:
        """Sets the project's primary persona. None: the first that is ready."""
        self.call(setting_primary(project_id, influencer_id))

    def select(
        self, project_id: str, *, text: str | None = None, influencer_id: str | None = None
    ) -> Selection:
        """Selects a persona for the project's content, and returns a copy of it that no later change affects."""
        return cast("Selection", self.call(selecting(project_id, text, influencer_id)))

    def selection(self, project_id: str, selection_id: str) -> Selection:
        path = f"projects/{segment(project_id)}/content/selections/{segment(selection_id)}"
        return cast("Selection", self.call(get(path)))

    def media(self, project_id: str) -> Iterator[Asset]:
        """All pictures of a project, the newest first."""
        return cast("Iterator[Asset]", self.pages(f"projects/{segment(project_id)}/media"))

    def asset(self, asset_id: str) -> Asset:
        """A picture's row, with URLs that work now."""
        return cast("Asset", self.call(get(f"media/{segment(asset_id)}")))

    def add_media(self, project_id: str, url: str) -> Asset:
        """Adds a picture that is on the web. A worker fetches it when a job needs it."""
        return cast("Asset", self.call(post(f"projects/{segment(project_id)}/media", {"url": url})))

    def upload(self, project_id: str, picture: bytes | str | Path) -> Asset:
        """Adds a picture, by its path or bytes: PNG, JPEG or WebP. Raises Invalid for what no job could use."""
        found = Picture.of(picture)
        if len(found.data) <= SMALL:
            return cast("Asset", self.call(found.small(project_id)))
        upload = self.call(found.announced(project_id))
        url, headers = upload["uploadUrl"], upload["headers"]
        stored(self._tried("store", lambda: self._store.put(url, content=found.data, headers=headers)))
        return cast("Asset", self.call(post(f"media/{segment(upload['assetId'])}/finalize")))

    def picture(self, asset_id: str, *, thumbnail: bool = False) -> bytes:
        """Downloads a picture that was uploaded or rendered."""
        path = f"files/{segment(asset_id)}{'/thumbnail' if thumbnail else ''}"
        url = self._answer(get(path)).headers["location"]
        answer = self._tried("store", lambda: self._store.get(url, follow_redirects=True))
        stored(answer)
        return answer.content

    def provenance(self, asset_id: str) -> Provenance:
        """What a picture states about itself: who signed it, what made it, and whether that holds."""
        return cast("Provenance", self.call(get(f"files/{segment(asset_id)}/provenance")))

    # Personas

    def influencers(self, project_id: str) -> Iterator[Influencer]:
        """All personas of a project, the oldest first."""
        return cast("Iterator[Influencer]", self.pages(f"projects/{segment(project_id)}/influencers"))

    def clones(self, influencer_id: str) -> Iterator[Influencer]:
        """All personas that were cloned from this one, the oldest first, without the clones of clones."""
        return cast("Iterator[Influencer]", self.pages(f"influencers/{segment(influencer_id)}/clones"))

    def create(
        self, project_id: str, name: str, *, references: Sequence[str] = (), **fields: Any
    ) -> Influencer:
        """Creates a persona. `references`: asset ids, with which it is ready at once. `fields`: as the API has
        them, such as `gender` or `ageRange`."""
        return cast("Influencer", self.call(creation(project_id, name, references, fields)))

    def influencer(self, influencer_id: str) -> Influencer:
        return cast("Influencer", self.call(get(f"influencers/{segment(influencer_id)}")))

    def patch(self, influencer_id: str, **fields: Any) -> Influencer:
        """Changes a persona. What isn't given stays as it is; None clears a field that can be empty."""
        return cast("Influencer", self.call(patching(influencer_id, fields)))

    def delete(
        self, influencer_id: str, reason: str | None = None, *, images: bool = False
    ) -> Literal["deleting", "deleted"] | None:
        """Deletes a persona for good, and cancels a job that renders its images. With `images`, deletes those, too,
        and returns how far that is; it may be called again."""
        gone = self.call(deletion(influencer_id, reason, images=images))
        return cast('Literal["deleting", "deleted"] | None', gone.get("images"))

    def bind(self, influencer_id: str, references: Sequence[str]) -> list[ReferenceImage]:
        """Adds reference images by their asset ids. Returns all that the persona has."""
        path = f"influencers/{segment(influencer_id)}/reference-images"
        bound = self.call(post(path, {"assetIds": list(references)}))
        return cast("list[ReferenceImage]", bound["referenceImages"])

    # Jobs

    def clone(
        self,
        influencer_id: str,
        name: str,
        *,
        new_influencer_id: str | None = None,
        overrides: dict[str, Any] | None = None,
        shots: Sequence[str] | None = None,
        subject: Subject | None = None,
        accept_partial: bool | None = None,
        expires_at: datetime | str | None = None,
        callback_url: str | None = None,
        tier: str | None = None,
        idempotency_key: str | None = None,
    ) -> StartedJob:
        """Starts a job that renders fresh reference images of the same person, for a persona of its own."""
        request = cloning(
            influencer_id,
            name,
            idempotency_key,
            newInfluencerId=new_influencer_id,
            overrides=overrides,
            shots=shots,
            subject=subject,
            acceptPartial=accept_partial,
            expiresAt=expires_at,
            callbackUrl=callback_url,
            tier=tier,
        )
        return cast("StartedJob", self.call(request))

    def render(
        self,
        influencer_id: str,
        *,
        shots: Sequence[str] | None = None,
        expires_at: datetime | str | None = None,
        callback_url: str | None = None,
        tier: str | None = None,
        idempotency_key: str | None = None,
    ) -> StartedJob:
        """Starts a job that renders the first reference images of a persona that has none."""
        fields = {"shots": shots, "expiresAt": expires_at, "callbackUrl": callback_url, "tier": tier}
        request = rendering(influencer_id, idempotency_key, **fields)
        return cast("StartedJob", self.call(request))

    def jobs(
        self,
        *,
        status: JobStatus | None = None,
        kind: str | None = None,
        influencer_id: str | None = None,
        since: datetime | str | None = None,
        results: bool = False,
    ) -> Iterator[Job]:
        """Jobs, the newest first: all that match what is given. Their results are left out unless asked for."""
        include = "result" if results else None
        filters = {"status": status, "kind": kind, "influencerId": influencer_id, "since": since}
        return cast("Iterator[Job]", self.pages("jobs", include=include, **filters))

    def job(self, job_id: str) -> Job:
        return cast("Job", self.call(get(f"jobs/{segment(job_id)}")))

    def preview(self, job_id: str, shot: str) -> bytes | None:
        """A small, rough WebP of an image while it is rendered; None while there is none."""
        path = f"jobs/{segment(job_id)}/previews/{segment(shot)}"
        return self._answer(get(path)).content or None

    def cancel(self, job_id: str) -> CancelAnswer:
        """Asks for a cancel. It isn't `accepted` if the job has ended, or is being committed."""
        return cast("CancelAnswer", self.call(post(f"jobs/{segment(job_id)}/cancel")))

    def retry(self, job_id: str) -> StartedJob:
        """Starts a job that failed, or was canceled, once more, as a new one."""
        return cast("StartedJob", self.call(post(f"jobs/{segment(job_id)}/retry")))

    def wait(self, job_id: str, timeout: float | None = None) -> Job:
        """Waits until the job has ended, however it did, and returns its record. Raises JobTimeout."""
        for _ in self.follow(job_id, timeout=timeout):
            pass
        return self.job(job_id)

    def follow(self, job_id: str, *, after: int = 0, timeout: float | None = None) -> Iterator[Event]:
        """Yields the job's events as they come, from the one after `after` to the last. A connection that breaks is
        opened again where it was. Raises JobTimeout after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        reader, failures = EventReader(after), 0
        while True:
            failed: LikenessError | None = None
            try:
                for event in self._events(job_id, reader, deadline):
                    failures = 0
                    if event is None:
                        return
                    yield event
                    if event["type"] in TERMINAL:
                        return
            except (RateLimited, Unavailable) as error:
                failures += 1
                failed = error
            require_time(job_id, deadline)
            time.sleep(self._patience.wait(max(1, failures), failed))

    def _events(self, job_id: str, reader: EventReader, deadline: float | None) -> Iterator[Event | None]:
        """One connection's events; None where there won't be any more."""
        path = f"/v1/jobs/{segment(job_id)}/events"
        try:
            with self._http.stream(
                "GET", path, headers=reader.begin(), timeout=listening(deadline)
            ) as answer:
                if answer.status_code == 204:
                    yield None
                    return
                if answer.is_error:
                    answer.read()
                    raise error_in(answer)
                for line in answer.iter_lines():
                    for text in reader.feed(line):
                        yield json.loads(text)
                    require_time(job_id, deadline)
        except httpx2.TransportError as error:
            raise unreachable("API", error) from None

    # Webhook secrets

    def webhook_secrets(self) -> list[WebhookSecret]:
        """The secrets that sign the organisation's webhooks, by their beginnings."""
        return cast("list[WebhookSecret]", (self.call(get("webhook-secrets")))["items"])

    def create_webhook_secret(self) -> NewWebhookSecret:
        """Makes a secret that signs the organisation's webhooks from now on. It is shown only now."""
        return cast("NewWebhookSecret", self.call(post("webhook-secrets")))

    def delete_webhook_secret(self, secret_id: str) -> None:
        self.call(Request("DELETE", f"/v1/webhook-secrets/{segment(secret_id)}"))

    # Below the calls

    def pages(self, path: str, **params: Any) -> Iterator[Any]:
        """Yields the items of all pages of a list, such as `operations/dead-letters`."""
        cursor: str | None = None
        while True:
            page = self.call(get(path, **({"limit": 100} | params), cursor=cursor))
            yield from page["items"]
            cursor = page.get("nextCursor")
            if cursor is None:
                return

    def call(self, request: Request) -> Any:
        """Sends any request, again where the API says *not now*, and returns its answer's document."""
        return json_in(self._answer(request))

    def _answer(self, request: Request) -> httpx2.Response:
        answer = self._tried(
            "API", lambda: self._http.request(request.method, request.path, **request.options())
        )
        if answer.is_error:
            raise error_in(answer)
        return answer

    def _tried(self, what: str, send: Callable[[], httpx2.Response]) -> httpx2.Response:
        """Sends until the answer isn't *not now*."""
        number = 0
        while True:
            number += 1
            try:
                answer = send()
            except httpx2.TransportError as error:
                failed: LikenessError = unreachable(what, error)
            else:
                if not is_not_now(answer.status_code):
                    return answer
                failed = error_in(answer)
            time.sleep(self._patience.wait(number, failed))
