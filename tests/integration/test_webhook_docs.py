"""The receiver in docs/webhooks.md, run as it is printed."""

import re
import threading
import urllib.error
import urllib.request
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import pytest

from models.job import CloneJob
from tests.support.deliveries import delivering, end, job_for, settled
from tests.support.servers.receiver import SECRET
from worker.base.settings import Settings

DOCS = Path(__file__).parents[2] / "docs" / "webhooks.md"


def test_the_example_verifies_what_is_delivered(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    example: dict[str, Any] = {}
    exec(compile(code, str(DOCS), "exec"), example)
    with HTTPServer(("127.0.0.1", 0), example["Receiver"]) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        address = f"127.0.0.1:{server.server_port}"
        job: CloneJob = job_for(f"http://{address}/")
        ours = settings.model_dump() | {"webhook_secrets": SECRET, "allow_http_to": address}
        end(settings, job)
        with delivering(Settings(**ours)) as outbox:
            assert settled(outbox, job).last_answer == "204"
            outbox.replay(job.job_id)
            assert settled(outbox, job).tries == 1
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"http://{address}/", data=b"{}", timeout=5)
        server.shutdown()
    assert capsys.readouterr().out.count(f"job.completed {job.job_id}") == 1
