"""The TypeScript client: its package as users get it, type-checked, against a real API."""

import json
import re
import shutil
import time
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from subprocess import Popen
from threading import Thread
from typing import ClassVar

import pytest
from PIL import Image

from tests.e2e.faults.proxies import TcpProxy
from tests.support.api.client import Api, begin, message_of, on_a_port, result_of
from tests.support.generators.tools import TYPESCRIPT, require_generators, start, tsc
from worker.queue.jobs import JobStore

OPTIONS = {"module": "NodeNext", "target": "ES2022", "strict": True, "types": []}
# What @types/node has.
PROCESS = "declare const process: { env: Record<string, string | undefined> };"
EXAMPLE = re.findall(r"```ts\n(.*?)```", (TYPESCRIPT / "README.md").read_text(), re.DOTALL)[0]
MISUSES = {
    "no such path": 'await likeness.call("get", "/v1/job");',
    "no such method": 'await likeness.call("delete", "/v1/jobs/{job_id}", { path: { job_id: "job_1" } });',
    "an id is missing": 'await likeness.call("get", "/v1/jobs/{job_id}");',
    "a field is missing": 'await likeness.call("post", "/v1/projects", { body: { voice: "warm" } });',
    "no such field": 'await likeness.call("post", "/v1/projects", { body: { name: "Spring", colour: "red" } });',
    "a body for a get": 'await likeness.call("get", "/v1/me", { body: {} });',
    "no such filter": 'await likeness.call("get", "/v1/jobs", { query: { statsu: "running" } });',
    "no such answer": '(await likeness.call("get", "/v1/me")).name;',
    "what may be missing": '(await likeness.wait("job_1")).result.images;',
}
USES = """
    const picture = new Blob([new Uint8Array(3)], { type: "image/png" });
    const path = { project_id: "prj_1" };
    const asset = await likeness.call("post", "/v1/projects/{project_id}/media", { path, body: picture });
    const { items } = await likeness.call("get", "/v1/jobs", { query: { status: "running", limit: 5 } });
    console.log(asset.assetId, items[0]?.stage, (await likeness.call("get", "/v1/me")).organisation);
    await likeness.call("delete", "/v1/influencers/{influencer_id}", { path: { influencer_id: "inf_1" } });
    const of = { job_id: "job_1", shot: "front" };
    const preview = await likeness.call("get", "/v1/jobs/{job_id}/previews/{shot}", { path: of });
    const stored = await likeness.call("get", "/v1/files/{asset_id}", { path: { asset_id: asset.assetId } });
    console.log(preview.size + stored.size);
    const gone: undefined = await likeness.call("delete", "/v1/operations/dead-letters/{letter_id}", {
      path: { letter_id: "1" },
    });
    await likeness.wait("job_1", { signal: AbortSignal.timeout(1000) });
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's project, with the built package in its node_modules."""
    require_generators()
    folder = tmp_path_factory.mktemp("project")
    package = folder / "node_modules" / "likeness-client"
    tsc(TYPESCRIPT, "--outDir", package / "dist")
    shutil.copy(TYPESCRIPT / "package.json", package)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS}))
    (folder / "example.ts").write_text(PROCESS + EXAMPLE)
    head = "import { Likeness } from 'likeness-client';\nconst likeness = new Likeness('', '');\n"
    (folder / "uses.ts").write_text(head + USES)
    for name, code in MISUSES.items():
        (folder / f"{name.replace(' ', '-')}.ts").write_text(
            f"{head}// @ts-expect-error\n{code}\nexport {{}};\n"
        )
    tsc(folder)
    return folder


@pytest.fixture
def proxy(api: Api) -> Iterator[TcpProxy]:
    with on_a_port(api.app) as port:
        running = TcpProxy(port)
        yield running
        running.stop()


def program(project: Path, code: str, name: str, api: Api, address: str) -> "Popen[str]":
    """A compiled program, started as if the API on localhost were at the address."""
    script = project / f"{name}-{address.rpartition(':')[2]}.js"
    script.write_text(code.replace("localhost:8080", address))
    return start("node", script, LIKENESS_API_KEY=api.secret)


def test_the_readmes_example_goes_on_where_connections_broke(
    project: Path, api: Api, proxy: TcpProxy, store: JobStore
) -> None:
    api.source(influencerId="inf_sample-maya", gender="female")
    code = (project / "example.js").read_text()
    lines: list[str] = []
    with program(project, code, "example", api, proxy.address) as process:
        assert process.stdout
        assert process.stderr
        lines.append(process.stdout.readline())
        (job,) = api.call("GET", "/v1/jobs").json()["items"]
        message = message_of(store, job["jobId"])
        proxy.cut()
        lease = begin(store, message)
        lines.append(process.stdout.readline())
        with proxy.down():
            store.update(lease, "job.progress", stage="rendering", progress=0.1)
        lines.append(process.stdout.readline())
        store.complete(lease, result_of(message))
        *more, last = process.stdout.read().splitlines()
        complaints = process.stderr.read()
    assert (process.returncode, complaints) == (0, "")
    told = [line.split() for line in (*lines, *more)]
    assert [int(sequence) for sequence, _ in told] == list(range(1, len(told) + 1))
    assert (told[0][1], told[-1][1], last) == ("job.submitted", "job.completed", "completed 2")
    assert (message.appearance.gender, message.appearance.hair_color) == ("female", "red")


ERRORS = """
import { ApiError, Likeness } from "likeness-client";
const url = "http://localhost:8080";
const told = async (call) => call.then(() => "fine", (e) => `${e instanceof ApiError} ${e.status} ${e.code}`);
console.log(await told(new Likeness(url, "lk_wrong").call("get", "/v1/me")));
console.log(await told(new Likeness("http://127.0.0.1:1", "lk_any", { tries: 2 }).call("get", "/v1/me")));
const likeness = new Likeness(url, process.env.LIKENESS_API_KEY);
console.log(await told(likeness.call("get", "/v1/jobs/{job_id}", { path: { job_id: "../me?x=1" } })));
console.log(await told(likeness.wait("job_none")));
const { projectId } = await likeness.call("post", "/v1/projects", { body: { name: "Spring" } });
console.log(await told(likeness.call("post", "/v1/projects/{project_id}/influencers", {
    path: { project_id: projectId }, body: { name: "Nova", gender: "?" } })));
console.log((await likeness.call("get", "/v1/projects", { query: { limit: 1 } })).items.length);
const late = likeness.wait(process.argv[2] ?? "", { signal: AbortSignal.timeout(500) });
console.log(await late.catch((error) => error.name));
"""


def test_errors_are_what_they_mean(project: Path, api: Api, proxy: TcpProxy) -> None:
    job = api.call("POST", f"/v1/influencers/{api.source()}/clone", {"name": "B"}).json()["jobId"]
    code = ERRORS.replace('process.argv[2] ?? ""', f'"{job}"')
    with program(project, code, "errors", api, proxy.address) as process:
        printed, complaints = process.communicate(timeout=60)
    assert printed.splitlines() == [
        "true 401 UNAUTHENTICATED",
        "true 0 UNREACHABLE",
        "true 404 NOT_FOUND",
        "true 404 NOT_FOUND",
        "true 422 VALIDATION",
        "1",
        "TimeoutError",
    ], complaints


PICTURES = """
import { Likeness } from "likeness-client";
const likeness = new Likeness("http://localhost:8080", process.env.LIKENESS_API_KEY);
const { projectId } = await likeness.call("post", "/v1/projects", { body: { name: "Spring" } });
const body = new Blob([Buffer.from("PNG", "base64")], { type: "image/png" });
const path = { project_id: projectId };
const asset = await likeness.call("post", "/v1/projects/{project_id}/media", { path, body });
const found = await likeness.call("get", "/v1/files/{asset_id}", { path: { asset_id: asset.assetId } });
console.log(body.size === found.size, found.type);
"""


def test_pictures_go_up_and_come_back(project: Path, api: Api, proxy: TcpProxy) -> None:
    buffer = BytesIO()
    Image.new("RGB", (64, 64), "teal").save(buffer, "PNG")
    code = PICTURES.replace("PNG", b64encode(buffer.getvalue()).decode())
    with program(project, code, "pictures", api, proxy.address) as process:
        printed, complaints = process.communicate(timeout=60)
    assert printed == "true image/png\n", complaints


RETRIES = """
import { Likeness } from "likeness-client";
const likeness = new Likeness("http://localhost:8080/", process.env.LIKENESS_API_KEY);
const project = await likeness.call("post", "/v1/projects", { body: { name: "Spring" } });
console.log(project.projectId);
"""


class Busy(BaseHTTPRequestHandler):
    """Says once that it is busy."""

    requests: ClassVar[list[tuple[float, str]]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.requests.append((time.monotonic(), self.headers["Idempotency-Key"]))
        again = len(self.requests) > 1
        body = b'{"projectId": "prj_1"}' if again else b"<html>"
        self.send_response(201 if again else 503)
        self.send_header("Retry-After", "1")
        self.send_header("Content-Type", "application/json; charset=utf-8" if again else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None: ...


def test_a_busy_api_is_called_again_when_it_asks_for_it(project: Path, api: Api) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        Thread(target=server.serve_forever).start()
        with program(project, RETRIES, "retries", api, f"127.0.0.1:{server.server_port}") as process:
            printed, complaints = process.communicate(timeout=60)
        server.shutdown()
    assert printed == "prj_1\n", complaints
    (first, key), (second, same_key) = Busy.requests
    assert second - first >= 0.99
    assert key == same_key
