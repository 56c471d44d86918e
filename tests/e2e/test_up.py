"""`likeness up`, started once: the call that it prints, and the examples of contract, README and manual."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

from tests.support.up import Up, running_up

README = Path(__file__).parents[2] / "README.md"
MANUAL = README.parent / "docs" / "api.md"
CONTRACT = Path(__file__).parent / "contract.sh"
AS_PRINTED = "localhost:8080"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    # What the images look like isn't the point here.
    quick = {"LIKENESS_STEPS": "1", "LIKENESS_IMAGE_SIZE": "256", "LIKENESS_GATE": "off"}
    with running_up(tmp_path_factory.mktemp("up"), **quick) as running:
        yield running


def bash(up: Up, script: str, **variables: str) -> str:
    """What the script prints. It must succeed."""
    if shutil.which("curl") is None and "CI" not in os.environ:
        pytest.skip("curl isn't installed")
    done = subprocess.run(
        ["bash", "-euc", script],
        env=os.environ | {"LIKENESS_API_KEY": up.secret, "BASE": up.base} | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_printed_call_ends_with_a_ready_clone(up: Up) -> None:
    assert up.curl[:3] == ["curl", "-X", "POST"]
    given = dict(zip(up.curl[4::2], up.curl[5::2], strict=True))
    name, _, value = given["-H"].partition(": ")
    cloned = httpx2.post(up.curl[3], content=given["-d"], headers={name: value}, timeout=60)
    assert cloned.status_code == 202, cloned.text

    job = f"/v1/jobs/{cloned.json()['jobId']}"
    deadline = time.monotonic() + 100
    while (record := up.read(job))["status"] == "running":
        assert time.monotonic() < deadline, (up.data / "worker.log").read_text()
        time.sleep(0.2)
    assert record["status"] == "completed", json.dumps(record)
    row = up.read(f"/v1/influencers/{cloned.json()['influencerId']}")
    assert row["status"] == "ready"
    for image in row["referenceImages"]:
        assert httpx2.get(image["url"]).content.startswith(b"\x89PNG")


def test_the_documents_examples_in_their_order(up: Up) -> None:
    sample = up.read("/v1/influencers/inf_sample-maya")
    assets = ", ".join(json.dumps(image["assetId"]) for image in sample["referenceImages"])
    said = bash(up, CONTRACT.read_text(), PROJECT=sample["projectId"], ASSETS=assets)
    assert said.endswith("Done.\n")


def test_the_readmes_shell_example(up: Up) -> None:
    (code,) = re.findall(r"```sh\n(api\(\).*?)```", README.read_text(), re.DOTALL)
    assert code.count(AS_PRINTED) == 4
    code = code.replace(AS_PRINTED, up.base.removeprefix("http://"))
    function, clone, *others = re.split(r"^(?=api )", code, flags=re.MULTILINE)
    job = json.loads(bash(up, function + clone))
    assert (job["kind"], job["influencerId"]) == ("influencer_clone", "inf_maya-b")
    said = bash(up, function + "".join(others).replace("JOB_ID", job["jobId"]))
    listed, _, told = said.partition("]")
    assert job["jobId"] in listed
    assert "\nevent: job.completed\n" in told
    row = json.loads(told.rpartition("\n\n")[2])
    assert (row["status"], row["personality"]["humor"]) == ("ready", "dry-witty")


def test_the_manuals_pictures_become_a_persona(up: Up, tmp_path: Path) -> None:
    (code,) = re.findall(r"```sh\n(api -X POST \S+/PROJECT_ID/media .*?)```", MANUAL.read_text(), re.DOTALL)
    (function,) = re.findall(r"^api\(\).*\n", MANUAL.read_text(), re.MULTILINE)
    Image.new("RGB", (300, 300)).save(tmp_path / "nova.png")
    known = {
        AS_PRINTED: up.base.removeprefix("http://"),
        "PROJECT_ID": up.read("/v1/influencers/inf_sample-maya")["projectId"],
    }
    answers: list[Any] = []
    for command in re.split(r"^(?=api |curl )", code, flags=re.MULTILINE)[1:]:
        for name, value in known.items():
            command = command.replace(name, value)  # noqa: PLW2901
        said = bash(up, f"cd {tmp_path}\n{function}{command}")
        answers.append(json.loads(said) if said else None)
        if said and "uploadUrl" in answers[-1]:
            known |= {"UPLOAD_URL": answers[-1]["uploadUrl"], "ASSET_ID": answers[-1]["assetId"]}
    inline, form, upload, _, finalized, row = answers
    assert len({inline["assetId"], form["assetId"], upload["assetId"]}) == 3
    assert upload["assetId"] == finalized["assetId"]
    assert (row["status"], row["referenceImages"][0]["url"]) == ("ready", finalized["url"])


def test_the_manuals_python_example(
    up: Up, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIKENESS_API_KEY", up.secret)
    (code,) = re.findall(rf"```python\n([^`]*{AS_PRINTED}.*?)```", MANUAL.read_text(), re.DOTALL)
    exec(compile(code.replace(f"http://{AS_PRINTED}", up.base), str(MANUAL), "exec"), {})
    assert capsys.readouterr().out == "ready\n"


def test_its_key_sees_its_worker(up: Up) -> None:
    assert "operate" in up.read("/v1/me")["scopes"]
    (worker,) = up.read("/v1/operations/workers")["items"]
    assert (worker["profile"], worker["ready"], worker["reasons"]) == ("embedded", True, [])
    assert worker["device"]
    assert worker["worker"].startswith("wrk_")


def test_other_commands_reach_it_with_its_environment(up: Up) -> None:
    file = up.data / "env"
    assert file.stat().st_mode & 0o777 == 0o600
    script = f". {file}; {sys.executable} -m worker queue --json; {sys.executable} -m worker keys create acme"
    said = bash(up, script)
    assert '"embedded"' in said
    (secret,) = re.findall(r"lk_\S+", said)
    answer = httpx2.get(f"{up.base}/v1/me", headers={"authorization": f"Bearer {secret}"})
    assert answer.json()["organisation"] == "acme"
