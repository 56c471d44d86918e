"""A double of the API for your own tests: personas and jobs in memory, and outcomes on demand.

api = FakeApi()
likeness = Client("http://likeness", "lk_test", transport=api)
source = api.add_influencer("Maya")
job = likeness.clone(source, "Maya B")
api.finish(job["jobId"], "completed")
assert likeness.wait(job["jobId"])["status"] == "completed"
"""

import itertools
import json
from collections.abc import Callable
from typing import Any

import httpx2

from likeness_client.documents import JobStatus

_AT = "2026-01-01T00:00:00.000Z"


class FakeApi(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """Give it to a client as its `transport`. It checks no bodies: only the real API knows what is valid."""

    def __init__(self) -> None:
        self.influencers: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.requests: list[httpx2.Request] = []
        self.failures: list[tuple[int, dict[str, Any]]] = []
        """Answers that the next requests get, each once: `api.failures.append((503, {}))`."""
        self._numbers = itertools.count(1)
        self._events: dict[str, list[dict[str, Any]]] = {}

    def add_influencer(self, name: str, status: str = "ready") -> str:
        influencer_id = f"inf_{next(self._numbers)}"
        self.influencers[influencer_id] = {
            "influencerId": influencer_id,
            "projectId": "prj_1",
            "name": name,
            "status": status,
            "referenceImages": [],
            "createdAt": _AT,
            "updatedAt": _AT,
        }
        return influencer_id

    def finish(self, job_id: str, status: JobStatus, **fields: Any) -> None:
        """Ends a job: `completed`, `failed` (with `error={...}`) or `canceled`."""
        job = self.jobs[job_id]
        job |= {"status": status, "stage": "done", "progress": 1.0, **fields}
        self.influencers[job["influencerId"]]["status"] = "ready" if status == "completed" else "failed"
        self._happens(job, f"job.{status}")

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        self.requests.append(request)
        if self.failures:
            status, body = self.failures.pop(0)
            return httpx2.Response(status, json=body)
        for method, parts, answer in self._calls():
            given = request.url.path.removeprefix("/v1/").split("/")
            if method == request.method and len(given) == len(parts):
                ids = [one for one, part in zip(given, parts, strict=True) if part == "*"]
                if all(part in ("*", one) for one, part in zip(given, parts, strict=True)):
                    return answer(request, *ids)
        return _error(404, "NOT_FOUND", "There is no such call.")

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        return self.handle_request(request)

    def _calls(self) -> list[tuple[str, list[str], Callable[..., httpx2.Response]]]:
        return [
            ("GET", ["me"], lambda _: _answer({"organisation": "test", "keyId": "key_1", "scopes": []})),
            ("GET", ["influencers", "*"], lambda _, one: self._found(self.influencers, one)),
            ("PATCH", ["influencers", "*"], self._patch),
            ("POST", ["influencers", "*", "clone"], self._clone),
            ("GET", ["jobs"], lambda _: _answer({"items": list(self.jobs.values()), "nextCursor": None})),
            ("GET", ["jobs", "*"], lambda _, one: self._found(self.jobs, one)),
            ("GET", ["jobs", "*", "events"], self._follow),
            ("POST", ["jobs", "*", "cancel"], self._cancel),
            ("POST", ["jobs", "*", "retry"], self._retry),
        ]

    def _found(self, known: dict[str, dict[str, Any]], one: str) -> httpx2.Response:
        return _answer(known[one]) if one in known else _error(404, "NOT_FOUND", "There is no such thing.")

    def _patch(self, request: httpx2.Request, influencer_id: str) -> httpx2.Response:
        if influencer_id in self.influencers:
            self.influencers[influencer_id] |= json.loads(request.content)
        return self._found(self.influencers, influencer_id)

    def _clone(self, request: httpx2.Request, source: str) -> httpx2.Response:
        if source not in self.influencers:
            return _error(404, "NOT_FOUND", "There is no such influencer.")
        asked = json.loads(request.content)
        made = self.add_influencer(asked["name"], "pending")
        if given := asked.get("newInfluencerId"):
            self.influencers[given] = self.influencers.pop(made) | {"influencerId": given}
            made = given
        return self._start(made)

    def _start(self, influencer_id: str) -> httpx2.Response:
        job_id = f"job_{next(self._numbers)}"
        started = {
            "jobId": job_id,
            "kind": "influencer_clone",
            "status": "running",
            "influencerId": influencer_id,
            "locationUrl": f"/v1/jobs/{job_id}",
        }
        times = {"submittedAt": _AT, "updatedAt": _AT}
        self.jobs[job_id] = started | times | {"stage": "queued", "progress": 0.0, "projectId": "prj_1"}
        self._happens(self.jobs[job_id], "job.queued")
        return _answer(started, 202)

    def _cancel(self, _: httpx2.Request, job_id: str) -> httpx2.Response:
        if job_id not in self.jobs:
            return _error(404, "NOT_FOUND", "There is no such job.")
        accepted = self.jobs[job_id]["status"] == "running"
        if accepted:
            self.finish(job_id, "canceled")
        return _answer({"jobId": job_id, "accepted": accepted}, 202 if accepted else 200)

    def _retry(self, _: httpx2.Request, job_id: str) -> httpx2.Response:
        if job_id not in self.jobs:
            return _error(404, "NOT_FOUND", "There is no such job.")
        if self.jobs[job_id]["status"] not in ("failed", "canceled"):
            return _error(409, "CONFLICT", "There is nothing to retry.")
        return self._start(self.jobs[job_id]["influencerId"])

    def _follow(self, request: httpx2.Request, job_id: str) -> httpx2.Response:
        if job_id not in self.jobs:
            return _error(404, "NOT_FOUND", "There is no such job.")
        after = int(request.headers.get("last-event-id", 0))
        events = [event for event in self._events[job_id] if event["sequence"] > after]
        if not events and self.jobs[job_id]["status"] != "running":
            return httpx2.Response(204)
        text = "".join(f"id: {e['sequence']}\nevent: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events)
        return httpx2.Response(200, text=text, headers={"content-type": "text/event-stream"})

    def _happens(self, job: dict[str, Any], kind: str) -> None:
        events = self._events.setdefault(job["jobId"], [])
        events.append({"type": kind, "sequence": len(events) + 1, "jobId": job["jobId"], "at": _AT})


def _answer(document: Any, status: int = 200) -> httpx2.Response:
    return httpx2.Response(status, json=document)


def _error(status: int, code: str, message: str) -> httpx2.Response:
    told = {"code": code, "message": message, "requestId": "req_test", "details": {}}
    return httpx2.Response(status, json={"error": told})
