"""`likeness up`, as its output says to use it."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2


def test_the_printed_call_ends_with_a_ready_clone(tmp_path: Path) -> None:
    up = subprocess.Popen(
        [sys.executable, "-m", "worker", "up", "--data", str(tmp_path), "--port", "0"],
        # What it looks like isn't the point here.
        env=os.environ | {"LIKENESS_STEPS": "1", "LIKENESS_GATE": "off"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert up.stdout
        export, _, curl = (up.stdout.readline() for _ in range(3))
        secret = export.strip().partition("=")[2]
        words = shlex.split(curl)
        assert words[:3] == ["curl", "-X", "POST"]
        url, given = words[3], dict(zip(words[4::2], words[5::2], strict=True))
        name, _, value = given["-H"].partition(": ")
        cloned = httpx2.post(url, content=given["-d"], headers={name: value}, timeout=60)
        assert cloned.status_code == 202, cloned.text

        def read(path: str) -> Any:
            base = url.partition("/v1/")[0]
            return httpx2.get(base + path, headers={"authorization": f"Bearer {secret}"}, timeout=60).json()

        job = f"/v1/jobs/{cloned.json()['jobId']}"
        deadline = time.monotonic() + 100
        while (record := read(job))["status"] == "running":
            assert time.monotonic() < deadline, (tmp_path / "worker.log").read_text()
            time.sleep(0.2)
        assert record["status"] == "completed", json.dumps(record)
        row = read(f"/v1/influencers/{cloned.json()['influencerId']}")
        assert row["status"] == "ready"
        for image in row["referenceImages"]:
            assert httpx2.get(image["url"]).content.startswith(b"\x89PNG")
    finally:
        up.send_signal(signal.SIGTERM)
        said, _ = up.communicate(timeout=30)
    assert (up.returncode, said) == (0, "# Stopped.\n")
