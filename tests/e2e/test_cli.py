"""The command `likeness`, as a person runs it."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from redis import Redis

from models.event import JobEvent
from models.influencer import Influencer
from models.record import JobRecord
from models.source_type import SourceType
from tests.support.workers import PlanJob, StartWorker, WorkerProcess, environment_of
from worker.base.settings import Settings
from worker.mark.inspection import inspect_image

COMMAND = [sys.executable, "-m", "worker"]


def likeness(
    *arguments: str, settings: Settings | None = None, stdin: str = ""
) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | (environment_of(settings) if settings else {})
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment,
        input=stdin,
        capture_output=True,
        check=False,
        text=True,
        timeout=110,
    )


def test_the_demo_ends_with_a_completed_clone_and_a_contact_sheet(tmp_path: Path) -> None:
    theirs = {
        "images/holiday.png": "a picture",
        "worker.log": "a log",
        "job.json": "{}",
        "demo-1/notes": "own",
    }
    for name, text in theirs.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    done = likeness("demo", "--out", str(tmp_path), "--shots", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "completed" in done.stdout
    assert {name: (tmp_path / name).read_text() for name in theirs} == theirs
    out = tmp_path / "demo-2"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "demo-1",
        "demo-2",
        "images",
        "job.json",
        "worker.log",
    ]
    assert str(out) in "".join(done.stdout.split())
    record = JobRecord.parse((out / "job.json").read_text())
    assert record.status == "completed"
    assert record.result
    row = Influencer.parse((out / "influencer.json").read_text())
    assert row == record.result.influencer
    assert "Likeness: of 2 images" in done.stdout
    # Nothing links to the store, which has ended.
    links = [record.result.manifest_url, *(image.url for image in record.result.images)]
    links += [reference.url for reference in row.reference_images]
    links += re.findall(r'(?:href|src)="([^"]+)"', (out / "index.html").read_text())
    assert all((out / link).is_file() for link in links), links
    assert len(links) > 12
    events = [JobEvent.parse(line) for line in (out / "events.jsonl").read_text().splitlines()]
    assert [event.sequence for event in events] == list(range(1, record.sequence + 1))
    assert not list(out.glob(".*")), "what the services had is gone"
    # In a pipe, each thing that happens is a line.
    assert "\nthe worker loads its model\n" in done.stdout
    assert re.search(r"^\d\d:\d\d:\d\d +\d+%  front: stored$", done.stdout, re.MULTILINE)
    assert "What to try next" in done.stdout
    for image in record.result.images:
        assert image.judgement
        with Image.open(out / "images" / f"{image.shot}.png") as picture:
            assert picture.size == (image.width, image.height)
        shown = likeness("inspect", "--json", str(out / "images" / f"{image.shot}.png"))
        assert shown.returncode == 0, shown.stdout
        found = json.loads(shown.stdout)
        assert found["signedBy"]["trust"] == "development"
        assert (found["render"]["jobId"], found["render"]["seed"]) == (record.job_id, str(image.seed))
    sheet = inspect_image((out / "contact-sheet.png").read_bytes())
    assert (sheet.verdict, sheet.source_type, sheet.source_types_agree) == (
        "valid",
        SourceType.COMPOSITE,
        True,
    )
    assert {one.title for one in sheet.ingredients} == {image.asset_id for image in record.result.images}


def test_a_demo_that_fails_keeps_everything(tmp_path: Path) -> None:
    own = tmp_path / "My walls"
    own.mkdir()
    for name in ("b.png", "a.jpg"):
        Image.new("RGB", (128, 128), "grey").save(own / name)
    done = likeness("demo", "--out", str(tmp_path / "out"), "--references", str(own))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "NO_USABLE_REFERENCE" in done.stdout
    out = tmp_path / "out" / "demo-1"
    assert JobRecord.parse((out / "job.json").read_text()).status == "failed"
    assert "node.ready" in (out / "worker.log").read_text()
    page = (out / "index.html").read_text()
    assert "NO_USABLE_REFERENCE" in page
    assert [file.name for file in sorted((out / "references").iterdir())] == ["a.jpg", "b.png"]
    for file in ("references/a.jpg", "events.jsonl", "contact-sheet.png"):
        assert f'"{file}"' in page
        assert (out / file).is_file()
    assert inspect_image((out / "contact-sheet.png").read_bytes()).verdict == "valid"


def test_a_job_from_submit_to_status(
    worker: WorkerProcess, plan: PlanJob, settings: Settings, redis_client: Redis, tmp_path: Path
) -> None:
    # Other tests of this process have the same Redis.
    redis_client.config_resetstat()
    message = json.loads(plan(["front"]).to_json())
    del message["jobId"]
    file = tmp_path / "job.json"
    file.write_text(json.dumps(message))
    submitted = likeness("submit", str(file), settings=settings)
    assert submitted.returncode == 0, submitted.stderr
    job_id = json.loads(submitted.stdout)["jobId"]

    healthy = likeness("health", settings=settings)
    watched = likeness("watch", "--json", job_id, settings=settings)
    events = [json.loads(line) for line in watched.stdout.splitlines()]
    assert watched.returncode == 0
    assert events[-1]["type"] == "job.completed"
    lines = likeness("watch", job_id, settings=settings).stdout.splitlines()
    assert len(lines) == len(events)
    assert lines[-1].endswith(" 100%  completed")
    assert job_id in likeness("jobs", "--status", "completed", settings=settings).stdout
    assert [e["sequence"] for e in events] == list(range(1, len(events) + 1))
    assert json.loads(likeness("status", job_id, settings=settings).stdout)["status"] == "completed"
    canceled = likeness("cancel", job_id, "--json", settings=settings)
    assert json.loads(canceled.stdout) == {
        "jobId": job_id,
        "accepted": False,
        "reason": "ALREADY_COMPLETED",
    }
    assert healthy.returncode == 0, healthy.stdout
    assert "cmdstat_publish" not in redis_client.info("commandstats"), "nothing of Celery's own is told"


@pytest.mark.parametrize(
    ("arguments", "stdin", "exit_code", "says"),
    [
        (("status", "job_nope"), "", 1, "NOT_FOUND"),
        (("watch", "job_nope"), "", 1, "NOT_FOUND"),
        (("cancel", "job_nope"), "", 1, "NOT_FOUND"),
        (("submit", "-"), "not json", 2, "VALIDATION: The file is not JSON"),
        (("submit", "-"), "[]", 2, "VALIDATION"),
        (("submit", "-"), "[" * 100_000, 2, "VALIDATION: The file is not JSON"),
        (("submit", "-"), '{"name": "\\ud800"}', 2, "VALIDATION"),
        (("submit", "docs/page/job.jpg"), "", 2, "VALIDATION: The file is not JSON"),
        (("watch", "job_nope", "--after", "9" * 40), "", 2, "--after"),
        (("submit", "-"), '{"name": "x"}', 2, "references: Field required"),
        (("submit", "-"), '{"kind": "influencer_create"}', 2, "persona: Field required"),
        (("demo", "--persona", "nobody"), "", 2, "Choose from"),
        (("demo", "--references", "docs/page/no-such"), "", 2, "does not exist"),
        (("demo", "--references", "docs/decisions"), "", 2, "has 0 pictures"),
        (
            ("demo", "--out", "/proc/likeness"),
            "",
            1,
            "FOLDER_UNUSABLE: Nothing can be written to /proc/likeness",
        ),
        (("stack", "--data", "/proc/likeness"), "", 1, "FOLDER_UNUSABLE"),
        (("up", "--data", "/proc/likeness"), "", 1, "FOLDER_UNUSABLE"),
        (("inspect", "pyproject.toml"), "", 2, "VALIDATION: The file is no picture"),
        (("inspect", "no-such-file"), "", 2, "VALIDATION: no-such-file can't be read"),
        (("health",), "", 1, "No ready worker on this machine"),
    ],
)
def test_what_can_not_be_done_is_one_line_and_an_exit_code(
    arguments: tuple[str, ...], stdin: str, exit_code: int, says: str, settings: Settings
) -> None:
    done = likeness(*arguments, settings=settings, stdin=stdin)
    assert done.returncode == exit_code, done.stderr
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("command", "variable"),
    [
        (("stack", "--data"), "LIKENESS_STEPS"),
        (("demo", "--out"), "LIKENESS_STEPS"),
        (("up", "--data"), "LIKENESS_STEPS"),
        (("up", "--data"), "LIKENESS_API_RATE"),
        (("up", "--data"), "LIKENESS_ORGANISATION_TIERS"),
    ],
)
def test_a_setting_that_can_not_be_used_is_named_before_anything_runs(
    command: tuple[str, ...], variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "hunter2")
    done = likeness(*command, str(tmp_path))
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert variable.removeprefix("LIKENESS_").lower() in done.stderr.lower()
    assert "hunter2" not in done.stderr
    assert "export" not in done.stdout


def test_the_doctor_finds_a_healthy_place_healthy(settings: Settings) -> None:
    done = likeness("doctor", settings=settings)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("ok") >= 5
    assert "the profile reads no text" in " ".join(done.stdout.split())


def test_the_doctor_says_what_to_do(settings: Settings) -> None:
    sick = settings.model_copy(
        update={
            "redis_url": Settings(redis_url="redis://127.0.0.1:1/0").redis_url,
            "s3_bucket": "no-such-bucket",
            "profile": "no-such-profile",
        }
    )
    done = likeness("doctor", settings=sick)
    text = " ".join(done.stdout.split())
    assert done.returncode == 1
    assert "LIKENESS_REDIS_URL" in text
    assert "no-such-bucket" in text
    assert "Choose from: embedded" in text


def test_a_worker_that_can_not_load_its_profile_ends_with_a_reason(start_worker: StartWorker) -> None:
    worker = start_worker(profile="no-such-profile")
    assert worker.process.wait(60) == 1
    assert "There is no pipeline profile" in worker.log.read_text()


def test_a_worker_that_can_not_sign_ends_with_a_reason(start_worker: StartWorker, tmp_path: Path) -> None:
    key = tmp_path / "broken.pem"
    key.write_text("-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n")
    worker = start_worker(sign_key=key)
    assert worker.process.wait(60) == 2, "a setting that can not be used"
    log = worker.log.read_text()
    assert "SIGNER_UNFIT" in log
    assert "LIKENESS_SIGN_KEY" in log
    assert "hunter2" not in log


def test_the_stack_prints_an_environment_that_works(tmp_path: Path) -> None:
    stack = subprocess.Popen(
        [*COMMAND, "stack", "--data", str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        # What a shell starts in the background ignores it, and so would all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - it starts no thread
    )
    assert stack.stdout
    environment = dict(os.environ)
    for line in stack.stdout:
        if line.startswith("# A job"):
            break
        if line.startswith("#"):
            continue
        name, _, value = line.removeprefix("export ").rstrip("\n").partition("=")
        environment[name] = value
    done = subprocess.run(
        [*COMMAND, "doctor"], env=environment, capture_output=True, check=False, text=True, timeout=60
    )
    sample = str(tmp_path / "sample-job.json")
    job_ids = {
        json.loads(subprocess.check_output([*COMMAND, "submit", sample], env=environment))["jobId"]
        for _ in range(2)
    }
    stack.send_signal(signal.SIGINT)
    rest = stack.stdout.read()
    stack.stdout.close()
    assert done.returncode == 0, done.stdout
    assert len(job_ids) == 2
    assert stack.wait(20) == 0
    assert "Stopped" in rest
