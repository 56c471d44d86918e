"""A small stand-in for runpod's platform: the part of its job protocol that the SDK's worker calls."""

import json
import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_POLL = 20.0


class PodPlatform:
    """Hands out jobs by long polls, and takes their results."""

    def __init__(self) -> None:
        self._jobs: queue.Queue[dict[str, Any]] = queue.Queue()
        self._results: queue.Queue[bytes] = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def environment(self) -> dict[str, str]:
        """What its workers are started with."""
        base = f"http://127.0.0.1:{self._server.server_address[1]}"
        return {
            "RUNPOD_WEBHOOK_GET_JOB": f"{base}/job-take/$ID?gpu=none",
            "RUNPOD_WEBHOOK_POST_OUTPUT": f"{base}/job-done/$RUNPOD_POD_ID/$ID?gpu=none",
            "RUNPOD_WEBHOOK_PING": f"{base}/ping/$RUNPOD_POD_ID",
            "RUNPOD_AI_API_KEY": "none",
            "RUNPOD_POD_ID": "pod",
            "RUNPOD_ENDPOINT_ID": "endpoint",
            "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
            "RUNPOD_SKIP_GPU_CHECK": "true",
            "RUNPOD_DEBUG_LEVEL": "ERROR",
        }

    def submit(self, name: str, given: dict[str, Any]) -> None:
        self._jobs.put({"id": name, "input": given})

    def result(self) -> bytes:
        """The next result's body."""
        return self._results.get(timeout=600)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        jobs, results = self._jobs, self._results

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                """Prints nothing."""

            def do_GET(self) -> None:
                if "job-take" in self.path:
                    try:
                        self._answer(200, jobs.get(timeout=_POLL))
                    except queue.Empty:
                        self._answer(204)
                elif "job-stop" in self.path:
                    time.sleep(_POLL)
                    self._answer(204)
                else:
                    self._answer(200, {})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                self._answer(200, {})
                if "job-done" in self.path:
                    results.put(body)

            def _answer(self, status: int, document: Any = None) -> None:
                body = b"" if document is None else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler
