"""The render process and its handle, on the embedded profile: orders, calling off, death of either side."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from models.errors import ProfileLoadFailed, RenderError
from models.influencer import Appearance
from models.manifest import RenderInfo
from models.shot import shot_named
from tests.support.doubles import faulty_child
from worker.base.observers.memory import DeviceMemory
from worker.base.raw_image import RawImage
from worker.base.settings import Settings
from worker.render import RenderOrder, RenderProcess
from worker.render.messages import FromChild, ImageDone, StepDone
from worker.stack.samples import load_sample


class StopHereError(Exception):
    """What a check raises in these tests."""


@pytest.fixture(scope="module")
def device() -> Iterator[RenderProcess]:
    # One image after another, so that an order that is called off has most of its images to come.
    process = RenderProcess(Settings(profile="embedded", steps=3, max_batch=1))
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def _faulty() -> Iterator[RenderProcess]:
    process = RenderProcess(Settings(profile="embedded", steps=3, max_batch=1))
    yield process
    process.stop()


@pytest.fixture
def faulty(_faulty: RenderProcess, monkeypatch: pytest.MonkeyPatch) -> RenderProcess:
    """One that is told by seeds what goes wrong."""
    monkeypatch.setattr("worker.render.process.child_main", faulty_child.main)
    _faulty.start()
    return _faulty


def order(*shots: str, seed: int = 7) -> RenderOrder:
    _, files = load_sample("maya")
    references = tuple(RawImage.of(Image.open(BytesIO(data)).convert("RGB")) for data in files[:2])
    return RenderOrder(references, Appearance(), tuple((shot_named(shot), seed) for shot in shots))


def go_on() -> None:
    """A check that never stops anything."""


def images(device: RenderProcess, *shots: str) -> list[ImageDone]:
    with device.turn(go_on):
        return [done for done in device.render(order(*shots), go_on) if isinstance(done, ImageDone)]


def test_an_order_yields_the_renderer_then_steps_and_images(device: RenderProcess) -> None:
    with device.turn(go_on):
        first, *rest = device.render(order("front", "smile"), go_on)
    assert isinstance(first, RenderInfo)
    assert first.profile == "embedded"
    assert [done.shot for done in rest if isinstance(done, ImageDone)] == ["front", "smile"]
    steps = [done for done in rest if isinstance(done, StepDone)]
    assert [done.step for done in steps if done.shot == "smile"] == list(range(1, steps[0].steps + 1))


def test_a_called_off_order_stops_within_a_step_and_leaves_the_device_clean(
    faulty: RenderProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = images(faulty, "front")
    seen = 0
    received: list[FromChild] = []
    child = faulty._child
    assert child
    receive = child.receive

    def keep(timeout: float, check: Callable[[], None], hung: Any = None) -> FromChild:
        received.append(receive(timeout, check, hung))
        return received[-1]

    monkeypatch.setattr(child, "receive", keep)

    def stop_after_three() -> None:
        if seen == 3:
            raise StopHereError

    # Its steps take a second once it should be called off: else a busy machine's device is ahead of this process.
    whole = order("front", "smile", "profile", "outdoor", seed=faulty_child.DAWDLING_SEED)
    with faulty.turn(go_on):
        rendering = faulty.render(whole, stop_after_three)
        with suppress(StopHereError):
            for done in rendering:
                seen += isinstance(done, StepDone)
    assert seen == 3
    steps = sum(isinstance(message, StepDone) for message in received)
    assert steps <= seen + 2, "one step that was under way, and one that the device was about to begin"
    monkeypatch.undo()
    pid = faulty.pid
    assert images(faulty, "front") == before
    assert faulty.pid == pid, "it was stopped, not replaced"


def test_an_iteration_that_is_abandoned_frees_the_device(device: RenderProcess) -> None:
    with device.turn(go_on):
        rendering = device.render(order("front", "smile"), go_on)
        next(rendering)
        rendering.close()  # type: ignore[attr-defined]
    assert len(images(device, "front")) == 1


def test_what_the_pipeline_raises_fails_the_order_and_not_the_process(device: RenderProcess) -> None:
    pid = device.pid
    nothing = RenderOrder((), Appearance(), ((shot_named("front"), 7),))
    with pytest.raises(RenderError) as caught, device.turn(go_on):
        list(device.render(nothing, go_on))
    assert caught.value.code == "RENDER_FAILED"
    assert len(images(device, "front")) == 1
    assert device.pid == pid


@pytest.mark.parametrize(
    ("seed", "code"),
    [(faulty_child.OUT_OF_MEMORY_SEED, "RENDER_OUT_OF_MEMORY"), (faulty_child.LOST_SEED, "DEVICE_LOST")],
)
def test_a_process_whose_device_is_of_no_more_use_exits_and_is_replaced(
    faulty: RenderProcess, seed: int, code: str
) -> None:
    old = faulty.pid
    with pytest.raises(RenderError) as caught, faulty.turn(go_on):
        list(faulty.render(order("front", seed=seed), go_on))
    assert (caught.value.code, caught.value.retryable) == (code, True)
    assert not Path(f"/proc/{old}").exists()
    assert faulty.pid != old
    assert len(images(faulty, "front")) == 1


def test_a_process_that_ends_while_its_order_is_called_off_gets_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("worker.render.process.child_main", faulty_child.main)
    process = RenderProcess(Settings(profile="embedded", steps=1))
    seen: list[StepDone] = []

    def stop_after_the_last_step() -> None:
        if seen:
            raise StopHereError

    try:
        late = order("front", seed=faulty_child.LATE_SEED)
        with suppress(StopHereError), process.turn(go_on):
            for done in process.render(late, stop_after_the_last_step):
                if isinstance(done, StepDone):
                    seen.append(done)  # noqa: PERF401 - the check looks at it in between
        assert len(images(process, "front")) == 1
    finally:
        process.stop()


def test_a_process_that_died_between_orders_is_replaced(device: RenderProcess) -> None:
    old, busy = device.pid, device.busy_seconds
    assert old
    os.kill(old, signal.SIGKILL)
    os.waitid(os.P_PID, old, os.WEXITED | os.WNOWAIT)
    was_ready = device.is_ready
    assert not was_ready
    assert len(images(device, "front")) == 1
    assert device.pid != old
    assert device.is_ready
    assert device.busy_seconds > busy
    assert device.busy_seconds == device.busy_seconds, "it is counted while there is an order alone"


def test_a_profile_that_can_not_be_loaded_says_why() -> None:
    process = RenderProcess(Settings(profile="no-such-profile"))
    with pytest.raises(ProfileLoadFailed, match="Choose from: embedded"):
        process.start()
    assert process.pid is None


def test_the_render_process_ends_with_its_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import time\n"
        "from worker.render import RenderProcess\n"
        "from worker.base.settings import Settings\n"
        "if __name__ == '__main__':\n"
        "    process = RenderProcess(Settings())\n"
        "    process.start()\n"
        "    print(process.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
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


def test_the_devices_memory_is_known_without_asking_the_process(
    device: RenderProcess, faulty: RenderProcess
) -> None:
    assert device.memory() is None, "a CPU has none of its own"
    images(faulty, "front")
    assert faulty.memory() == DeviceMemory(*faulty_child.MEMORY)
