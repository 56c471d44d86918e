"""`likeness up`, started once: the call that it prints, and the examples of contract, README and manual."""

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.generators.tools import NODE, require_generators
from tests.support.processes import children, command_of
from tests.support.servers.receiver import Receiver
from tests.support.up import Up, running_up

ROOT = Path(__file__).parents[2]
README, MANUAL, CLIENT = ROOT / "README.md", ROOT / "docs" / "api.md", ROOT / "client" / "README.md"
CONTRACT = Path(__file__).parent / "contract.sh"
AS_PRINTED = "localhost:8080"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    listening = Receiver()
    yield listening
    listening.stop()


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Up]:
    # What the images look like isn't the point here.
    quick = {"LIKENESS_STEPS": "1", "LIKENESS_IMAGE_SIZE": "256", "LIKENESS_GATE": "off"}
    quick["LIKENESS_ALLOW_HTTP_TO"] = receiver.address
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


def test_the_manuals_pictures_become_a_persona(up: Up) -> None:
    (picture, code) = re.findall(
        r"```sh\n(picture=.*?)\n(api -X POST \S+/PROJECT_ID/media .*?)```", MANUAL.read_text(), re.DOTALL
    )[0]
    (function,) = re.findall(r"^api\(\).*\n", MANUAL.read_text(), re.MULTILINE)
    known = {
        AS_PRINTED: up.base.removeprefix("http://"),
        "PROJECT_ID": up.read("/v1/influencers/inf_sample-maya")["projectId"],
    }
    answers: list[Any] = []
    for command in re.split(r"^(?=api |curl )", code, flags=re.MULTILINE)[1:]:
        for name, value in known.items():
            command = command.replace(name, value)  # noqa: PLW2901
        said = bash(up, f"cd {ROOT}\n{picture}\n{function}{command}")
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


def test_the_clients_asynchronous_example(
    up: Up, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIKENESS_API_KEY", up.secret)
    (code,) = re.findall(r"```python\n(import asyncio.*?)```", CLIENT.read_text(), re.DOTALL)
    exec(compile(code.replace(f"http://{AS_PRINTED}", up.base), str(CLIENT), "exec"), {})
    assert capsys.readouterr().out.endswith("job.completed\ncompleted\n")


def test_the_readmes_example_for_node(up: Up) -> None:
    require_generators()  # which bring Node.js
    (code,) = re.findall(r"```js\n(.*?)```", README.read_text(), re.DOTALL)
    done = subprocess.run(
        [NODE, "--input-type=module", "--eval", code],
        env=os.environ | {"LIKENESS_API_KEY": up.secret, "LIKENESS_API_URL": up.base},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    status, url = done.stdout.split()
    assert status == "completed"
    assert httpx2.get(url).content.startswith(b"\x89PNG")


def test_the_readmes_first_hour(tmp_path: Path) -> None:
    (code,) = re.findall(r"```sh\n(git clone REPOSITORY [^`]*make demo.*?)```", README.read_text(), re.DOTALL)
    begun, activated, rest = code.partition(". .venv/bin/activate\n")
    assert begun.count("\n") == 2, "what isn't run here: the clone of the repository, and the demo"
    assert activated
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    done = subprocess.run(
        # As a terminal's shell does, each job gets a group of its own.
        ["bash", "-uc", f"set -m\n{rest.replace(AS_PRINTED, f'localhost:{port}')}wait"],
        cwd=tmp_path,
        env=os.environ
        | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "LIKENESS_API_PORT": str(port),
            # Placeholders will do.
            "LIKENESS_PROFILE": "fake",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    said = done.stdout
    assert "100%  completed" in said, said + done.stderr + (tmp_path / "up.log").read_text()
    assert re.search(r"job_\w+ .* completed +done +100%", said)
    assert "fake" in said
    assert (tmp_path / "up.log").read_text().endswith("# Stopped.\n")


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
    assert bash(up, f". {file}; echo $LIKENESS_API_URL $LIKENESS_API_KEY") == f"{up.base} {up.secret}\n"
    answer = httpx2.get(f"{up.base}/v1/me", headers={"authorization": f"Bearer {secret}"})
    assert answer.json()["organisation"] == "acme"


def test_it_says_when_its_worker_is_ready_and_revives_what_dies(up: Up) -> None:
    assert up.process.stdout
    lines = iter(up.process.stdout.readline, "")
    assert "# The worker is ready: embedded on cpu.\n" in lines
    (leash,) = (pid for pid in children(up.process.pid) if "worker\0worker\0" in command_of(pid))
    (worker,) = children(leash)
    os.kill(worker, signal.SIGKILL)
    assert "# The worker ended with 137, and is started again.\n" in lines
    assert "# The worker is ready: embedded on cpu.\n" in lines


def test_it_delivers_webhooks(up: Up, receiver: Receiver) -> None:
    body = {"name": "Maya W", "shots": ["front"], "callbackUrl": f"http://{receiver.address}/"}
    cloned = httpx2.post(
        f"{up.base}/v1/influencers/inf_sample-maya/clone",
        json=body,
        headers={"authorization": f"Bearer {up.secret}"},
        timeout=60,
    )
    assert cloned.status_code == 202, cloned.text
    (received,) = receiver.wait_for(1, 100)
    (secret,) = re.findall(r"LIKENESS_WEBHOOK_SECRETS=(\S+)", (up.data / "env").read_text())
    told = received.verified(secret.strip("'"))
    assert (told["type"], told["data"]["jobId"]) == ("job.completed", cloned.json()["jobId"])


def test_a_second_start_has_the_same_key_and_the_same_environment(tmp_path: Path) -> None:
    quick = {"LIKENESS_GATE": "off"}
    with running_up(tmp_path, **quick) as first:
        environment = (tmp_path / "env").read_text()
    with running_up(tmp_path, **quick) as second:
        assert second.secret == first.secret
        # A free port was asked for.
        again = (tmp_path / "env").read_text()
        assert again.replace(second.base, first.base) == environment
        assert second.read("/v1/me")["organisation"] == "local"
    with sqlite3.connect(tmp_path / "likeness.db") as database:
        assert database.execute("select count(*) from api_keys").fetchone() == (1,)
    database.close()
    assert (tmp_path / "api-key").stat().st_mode & 0o777 == 0o600
