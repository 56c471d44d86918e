"""A double of the API for your own tests: personas, pictures and jobs in memory, and outcomes on demand.

api = FakeApi()
likeness = Client("http://likeness", "lk_test", transport=api)
source = api.add_influencer("Maya")
job = likeness.clone(source, "Maya B")
api.finish(job["jobId"], "completed")
assert likeness.wait(job["jobId"])["status"] == "completed"
"""

from typing import Any

import httpx2

from likeness_client.testing.calls import Calls, Refused
from likeness_client.testing.state import STORE


class FakeApi(Calls, httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """Give it to a client as its `transport`. It serves all of the client's calls, and checks no bodies: only the
    real API knows what is valid."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[httpx2.Request] = []
        self.failures: list[tuple[int, dict[str, Any]]] = []
        """Answers that the next requests get, each once: `api.failures.append((503, {}))`."""
        self._repeated: dict[str, httpx2.Response] = {}

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        self.requests.append(request)
        if self.failures:
            status, body = self.failures.pop(0)
            return httpx2.Response(status, json=body)
        if str(request.url).startswith(STORE):
            return self.stored(request)
        key = request.headers.get("idempotency-key")
        if key not in self._repeated:
            try:
                answer = self.called(request)
            except Refused as refused:
                return refused.answer
            if key is None:
                return answer
            self._repeated[key] = answer
        first = self._repeated[key]
        return httpx2.Response(first.status_code, content=first.content, headers=first.headers)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        return self.handle_request(request)
