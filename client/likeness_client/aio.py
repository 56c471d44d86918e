"""The client for asyncio: the same calls as the synchronous one, to be awaited."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import httpx2

from likeness_client.answers import (
    error_in,
    json_in,
    listening,
    require_stored,
    require_time,
    unreachable,
)
from likeness_client.documents import (
    Asset,
    CancelAnswer,
    Event,
    Influencer,
    Job,
    Me,
    Project,
    ReferenceImage,
    StartedJob,
)
from likeness_client.errors import LikenessError, Unavailable
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
    is_not_now,
    post,
    rendering,
    result_of,
    segment,
)


class AsyncClient:
    """Calls the API with one key. Use it in an `async with` block, or `await close()`.

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
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """`timeout`: seconds for one try. `transport`: for tests, such as `likeness_client.testing.FakeApi`."""
        self._http = httpx2.AsyncClient(
            base_url=url, timeout=timeout, headers={"Authorization": f"Bearer {key}"}, transport=transport
        )
        self._patience = patience or Patience()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def me(self) -> Me:
        """Whose key this is."""
        return cast("Me", await self.call(get("me")))

    # Projects and pictures

    def projects(self) -> AsyncIterator[Project]:
        """All projects, the oldest first."""
        return cast("AsyncIterator[Project]", self.pages("projects"))

    async def create_project(self, name: str, **brand: str) -> Project:
        """With `audience`, `language` or `voice`, its first persona and a job for her images, too."""
        return cast("Project", await self.call(post("projects", {"name": name, **brand})))

    def media(self, project_id: str) -> AsyncIterator[Asset]:
        """All pictures of a project, the newest first."""
        return cast("AsyncIterator[Asset]", self.pages(f"projects/{segment(project_id)}/media"))

    async def upload(self, project_id: str, picture: bytes | str | Path) -> Asset:
        """Adds a picture, by its path or bytes: PNG, JPEG or WebP. Raises Invalid for what no job could use."""
        found = Picture.of(picture)
        if len(found.data) <= SMALL:
            return cast("Asset", await self.call(found.small(project_id)))
        upload = await self.call(found.announced(project_id))
        # The store's URL is signed by itself: it must not see the key.
        try:
            async with httpx2.AsyncClient(timeout=300) as store:
                answer = await store.put(upload["uploadUrl"], content=found.data, headers=upload["headers"])
        except httpx2.TransportError as error:
            raise unreachable("store", error) from None
        require_stored(answer)
        return cast("Asset", await self.call(post(f"media/{segment(upload['assetId'])}/finalize")))

    # Personas

    def influencers(self, project_id: str) -> AsyncIterator[Influencer]:
        """All personas of a project, the oldest first."""
        return cast("AsyncIterator[Influencer]", self.pages(f"projects/{segment(project_id)}/influencers"))

    async def create(
        self, project_id: str, name: str, *, references: Sequence[str] = (), **fields: Any
    ) -> Influencer:
        """Creates a persona. `references`: asset ids, with which it is ready at once. `fields`: as the API has
        them, such as `gender` or `ageRange`."""
        return cast("Influencer", await self.call(creation(project_id, name, references, fields)))

    async def influencer(self, influencer_id: str) -> Influencer:
        return cast("Influencer", await self.call(get(f"influencers/{segment(influencer_id)}")))

    async def patch(self, influencer_id: str, **fields: Any) -> Influencer:
        """Changes a persona. What isn't given stays as it is; None clears a field that can be empty."""
        request = Request("PATCH", f"/v1/influencers/{segment(influencer_id)}", json=fields)
        return cast("Influencer", await self.call(request))

    async def delete(self, influencer_id: str, reason: str | None = None) -> None:
        """Deletes a persona for good, and cancels a job that renders its images."""
        await self.call(deletion(influencer_id, reason))

    async def bind(self, influencer_id: str, references: Sequence[str]) -> list[ReferenceImage]:
        """Adds reference images by their asset ids. Returns all that the persona has."""
        path = f"influencers/{segment(influencer_id)}/reference-images"
        bound = await self.call(post(path, {"assetIds": list(references)}))
        return cast("list[ReferenceImage]", bound["referenceImages"])

    # Jobs

    async def clone(
        self,
        influencer_id: str,
        name: str,
        *,
        new_influencer_id: str | None = None,
        overrides: dict[str, Any] | None = None,
        shots: Sequence[str] | None = None,
        accept_partial: bool | None = None,
        expires_at: str | None = None,
        idempotency_key: str | None = None,
    ) -> StartedJob:
        """Starts a job that renders fresh reference images of the same person, for a persona of its own."""
        request = cloning(
            influencer_id,
            name,
            new_influencer_id=new_influencer_id,
            overrides=overrides,
            shots=shots,
            accept_partial=accept_partial,
            expires_at=expires_at,
            key=idempotency_key,
        )
        return cast("StartedJob", await self.call(request))

    async def render(self, influencer_id: str, shots: Sequence[str] | None = None) -> StartedJob:
        """Starts a job that renders the first reference images of a persona that has none."""
        return cast("StartedJob", await self.call(rendering(influencer_id, shots)))

    def jobs(self, *, influencer_id: str | None = None, since: str | None = None) -> AsyncIterator[Job]:
        """Jobs, the newest first."""
        return cast("AsyncIterator[Job]", self.pages("jobs", influencerId=influencer_id, since=since))

    async def job(self, job_id: str) -> Job:
        return cast("Job", await self.call(get(f"jobs/{segment(job_id)}")))

    async def cancel(self, job_id: str) -> CancelAnswer:
        """Asks for a cancel. It isn't `accepted` if the job has ended, or is being committed."""
        return cast("CancelAnswer", await self.call(post(f"jobs/{segment(job_id)}/cancel")))

    async def retry(self, job_id: str) -> StartedJob:
        """Starts a job that failed, or was canceled, once more, as a new one."""
        return cast("StartedJob", await self.call(post(f"jobs/{segment(job_id)}/retry")))

    async def wait(self, job_id: str, timeout: float | None = None) -> Job:
        """Waits until the job has ended, however it did, and returns its record. Raises JobTimeout."""
        async for _ in self.follow(job_id, timeout=timeout):
            pass
        return await self.job(job_id)

    async def follow(
        self, job_id: str, *, after: int = 0, timeout: float | None = None
    ) -> AsyncIterator[Event]:
        """Yields the job's events as they come, from the one after `after` to the last. A connection that breaks is
        opened again where it was. Raises JobTimeout after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        reader, failures = EventReader(after), 0
        while True:
            try:
                async for event in self._events(job_id, reader, deadline):
                    failures = 0
                    if event is None:
                        return
                    yield event
                    if event["type"] in TERMINAL:
                        return
            except Unavailable:
                failures += 1
                if failures >= self._patience.tries:
                    raise
            require_time(job_id, deadline)
            await asyncio.sleep(self._patience.wait(max(1, failures)))

    async def _events(
        self, job_id: str, reader: EventReader, deadline: float | None
    ) -> AsyncIterator[Event | None]:
        """One connection's events; None where there won't be any more."""
        path = f"/v1/jobs/{segment(job_id)}/events"
        try:
            async with self._http.stream(
                "GET", path, headers=reader.headers, timeout=listening(deadline)
            ) as answer:
                if answer.status_code == 204:
                    yield None
                    return
                if answer.is_error:
                    await answer.aread()
                    result_of(answer.status_code, json_in(answer))
                async for line in answer.aiter_lines():
                    for text in reader.feed(line):
                        yield json.loads(text)
                    require_time(job_id, deadline)
        except httpx2.TransportError as error:
            raise unreachable("API", error) from None

    # Below the calls

    async def pages(self, path: str, **params: Any) -> AsyncIterator[Any]:
        """Yields the items of all pages of a list."""
        cursor: str | None = None
        while True:
            page = await self.call(get(path, cursor=cursor, limit=100, **params))
            for item in page["items"]:
                yield item
            cursor = page["nextCursor"]
            if cursor is None:
                return

    async def call(self, request: Request) -> Any:
        """Sends any request, again where the API says *not now*, and returns its answer's document."""
        number = 0
        while True:
            number += 1
            asked: str | None = None
            try:
                answer = await self._http.request(
                    request.method,
                    request.path,
                    json=request.json,
                    content=request.content,
                    params=dict(request.params),
                    headers=dict(request.headers),
                )
            except httpx2.TransportError as error:
                failed: LikenessError = unreachable("API", error)
            else:
                if not is_not_now(answer.status_code):
                    return result_of(answer.status_code, json_in(answer))
                asked = answer.headers.get("retry-after")
                failed = error_in(answer)
            if number >= self._patience.tries:
                raise failed
            await asyncio.sleep(self._patience.wait(number, asked))
