"""The verify process and its handle, with the real gate: answers, errors, death of either side."""

import fcntl
import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path

import pytest

from models.errors import (
    CalibrationRefused,
    FaceModelMissing,
    NoUsableReference,
    VerifyError,
    VerifyProcessDied,
)
from models.likeness import EmbedderName, Reason
from tests.support.doubles.picture_worker import picture
from worker.base.raw_image import RawImage
from worker.base.settings import Settings
from worker.run.held import JobCanceled
from worker.verify import JudgeImage, VerifyProcess
from worker.verify.messages import Measured


def raw(name: str) -> RawImage:
    return RawImage.of(picture(name))


def request(name: str, references: Measured, **others: Measured) -> JudgeImage:
    return JudgeImage(raw(name), references, yaw=0, others=others, changed=False)


def unread(process: VerifyProcess) -> int:
    """Bytes that its child has yet to read."""
    assert process._child
    queued = fcntl.ioctl(process._child._pipe.fileno(), termios.TIOCOUTQ, bytes(4))
    return int.from_bytes(queued, sys.byteorder)


def go_on() -> None:
    """A check that never stops anything."""


@pytest.fixture(scope="module")
def process() -> Iterator[VerifyProcess]:
    process = VerifyProcess(Settings(), "rendered")
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def references(process: VerifyProcess) -> Measured:
    return process.check_references((raw("jonas 0"), raw("jonas 1")), "person", go_on).measured


def test_it_judges_as_the_gate_does(process: VerifyProcess, references: Measured) -> None:
    first = process.judge(request("jonas 3", references), go_on)
    assert first.judgement.verdict.outcome == "pass"
    twin = process.judge(request("jonas 3", references, front=first.portrait), go_on)
    assert twin.judgement.verdict.reasons == (Reason.TWIN,)
    assert process.judge(request("maya 0", references), go_on).judgement.verdict.reasons == (
        Reason.NOT_THE_SAME_FACE,
    )


def test_an_error_ends_the_request_and_not_the_process(process: VerifyProcess, references: Measured) -> None:
    pid = process.pid
    with pytest.raises(NoUsableReference):
        process.check_references((RawImage(8, 8, bytes(192)),), "person", go_on)
    with pytest.raises(VerifyError, match="raised UnpicklingError"):
        process.judge(request("jonas 3", b"nonsense"), go_on)
    assert process.judge(request("jonas 3", references), go_on).judgement.verdict.outcome == "pass"
    assert process.pid == pid


def test_a_process_that_is_lost_at_work_is_replaced_and_knows_what_the_other_measured(
    process: VerifyProcess, references: Measured
) -> None:
    pid = process.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        judging = pool.submit(process.judge, request("jonas 3", references), go_on)
        while not unread(process):
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(VerifyProcessDied):
            judging.result()
    assert process.judge(request("jonas 3", references), go_on).judgement.verdict.outcome == "pass"
    assert process.pid != pid


def test_a_request_that_nobody_wants_any_more_is_not_waited_for(
    process: VerifyProcess, references: Measured
) -> None:
    pid = process.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    asked = 0

    def stop() -> None:
        nonlocal asked
        asked += 1
        if asked == 3:
            raise JobCanceled

    # One that fits into the pipe, so that sending it ends.
    small = JudgeImage(RawImage(8, 8, bytes(192)), references, yaw=0, others={}, changed=False)
    with pytest.raises(JobCanceled):
        process.judge(small, stop)
    assert process.judge(request("jonas 3", references), go_on).judgement.verdict.outcome == "pass"


def test_models_that_are_missing_are_named(tmp_path: Path) -> None:
    process = VerifyProcess(Settings(embedder=EmbedderName.YUNET_SFACE, face_models_dir=tmp_path), "rendered")
    with pytest.raises(FaceModelMissing, match="onnx"):
        process.start()
    assert process.pid is None


def test_the_default_gate_refuses_a_calibration_of_another_domain(tmp_path: Path) -> None:
    calibration = tmp_path / "rendered.json"
    ours = files("pipelines.identity") / "calibration-dlib-rendered.json"
    calibration.write_text(ours.read_text())
    process = VerifyProcess(Settings(calibration=calibration), "photographs")
    with pytest.raises(CalibrationRefused, match="rendered heads, and the profile renders photographs"):
        process.start()
    wanted = VerifyProcess(Settings(calibration=calibration, gate="required"), "photographs")
    gate = wanted.start().gate
    assert gate
    assert gate.calibrated_for == "rendered"
    wanted.stop()


def test_it_ends_with_its_parent() -> None:
    script = (
        "import time\n"
        "from worker.base.settings import Settings\n"
        "from worker.verify import VerifyProcess\n"
        'process = VerifyProcess(Settings(), "rendered")\n'
        "process.start()\n"
        "print(process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    child = Path(f"/proc/{parent.stdout.readline().strip()}")
    assert child.exists()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while child.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not child.exists()
