"""The synchronous client."""

import json
import time
from collections.abc import Iterator, Sequence
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
        self._http = httpx2.Client(
            base_url=url, timeout=timeout, headers={"Authorization": f"Bearer {key}"}, transport=transport
        )
        self._patience = patience or Patience()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def me(self) -> Me:
        """Whose key this is."""
        return cast("Me", self.call(get("me")))

    # Projects and pictures

    def projects(self) -> Iterator[Project]:
        """All projects, the oldest first."""
        return cast("Iterator[Project]", self.pages("projects"))

    def create_project(self, name: str, **brand: str) -> Project:
        """With `audience`, `language` or `voice`, its first persona and a job for her images, too."""
        return cast("Project", self.call(post("projects", {"name": name, **brand})))

    def media(self, project_id: str) -> Iterator[Asset]:
        """All pictures of a project, the newest first."""
        return cast("Iterator[Asset]", self.pages(f"projects/{segment(project_id)}/media"))

    def upload(self, project_id: str, picture: bytes | str | Path) -> Asset:
        """Adds a picture, by its path or bytes: PNG, JPEG or WebP. Raises Invalid for what no job could use."""
        found = Picture.of(picture)
        if len(found.data) <= SMALL:
            return cast("Asset", self.call(found.small(project_id)))
        upload = self.call(found.announced(project_id))
        # The store's URL is signed by itself: it must not see the key.
        try:
            answer = httpx2.put(
                upload["uploadUrl"], content=found.data, headers=upload["headers"], timeout=300
            )
        except httpx2.TransportError as error:
            raise unreachable("store", error) from None
        require_stored(answer)
        return cast("Asset", self.call(post(f"media/{segment(upload['assetId'])}/finalize")))

    # Personas

    def influencers(self, project_id: str) -> Iterator[Influencer]:
        """All personas of a project, the oldest first."""
        return cast("Iterator[Influencer]", self.pages(f"projects/{segment(project_id)}/influencers"))

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
        request = Request("PATCH", f"/v1/influencers/{segment(influencer_id)}", json=fields)
        return cast("Influencer", self.call(request))

    def delete(self, influencer_id: str, reason: str | None = None) -> None:
        """Deletes a persona for good, and cancels a job that renders its images."""
        self.call(deletion(influencer_id, reason))

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
        return cast("StartedJob", self.call(request))

    def render(self, influencer_id: str, shots: Sequence[str] | None = None) -> StartedJob:
        """Starts a job that renders the first reference images of a persona that has none."""
        return cast("StartedJob", self.call(rendering(influencer_id, shots)))

    def jobs(self, *, influencer_id: str | None = None, since: str | None = None) -> Iterator[Job]:
        """Jobs, the newest first."""
        return cast("Iterator[Job]", self.pages("jobs", influencerId=influencer_id, since=since))

    def job(self, job_id: str) -> Job:
        return cast("Job", self.call(get(f"jobs/{segment(job_id)}")))

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
            try:
                for event in self._events(job_id, reader, deadline):
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
            time.sleep(self._patience.wait(max(1, failures)))

    def _events(self, job_id: str, reader: EventReader, deadline: float | None) -> Iterator[Event | None]:
        """One connection's events; None where there won't be any more."""
        path = f"/v1/jobs/{segment(job_id)}/events"
        try:
            with self._http.stream(
                "GET", path, headers=reader.headers, timeout=listening(deadline)
            ) as answer:
                if answer.status_code == 204:
                    yield None
                    return
                if answer.is_error:
                    answer.read()
                    result_of(answer.status_code, json_in(answer))
                for line in answer.iter_lines():
                    for text in reader.feed(line):
                        yield json.loads(text)
                    require_time(job_id, deadline)
        except httpx2.TransportError as error:
            raise unreachable("API", error) from None

    # Below the calls

    def pages(self, path: str, **params: Any) -> Iterator[Any]:
        """Yields the items of all pages of a list."""
        cursor: str | None = None
        while True:
            page = self.call(get(path, cursor=cursor, limit=100, **params))
            yield from page["items"]
            cursor = page["nextCursor"]
            if cursor is None:
                return

    def call(self, request: Request) -> Any:
        """Sends any request, again where the API says *not now*, and returns its answer's document."""
        number = 0
        while True:
            number += 1
            asked: str | None = None
            try:
                answer = self._http.request(
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
            time.sleep(self._patience.wait(number, asked))
