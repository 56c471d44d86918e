"""The threads of the processes beside the device. All of them share the node's cores."""

from pathlib import Path

import pytest

from worker.base.settings import Settings
from worker.mark.watermark.process import WatermarkProcess
from worker.verify import VerifyProcess


@pytest.mark.skipif(
    "len(__import__('os').sched_getaffinity(0)) < 2", reason="On one core, NumPy has one thread."
)
@pytest.mark.parametrize("kind", [WatermarkProcess, lambda settings: VerifyProcess(settings, "rendered")])
def test_they_have_no_threads_of_numpy(kind: type[WatermarkProcess]) -> None:
    """Those spin while they wait. With them, an image took half a second of CPU more."""
    process = kind(Settings())
    process.start()
    try:
        # Its own, and the one that ends it with its parent.
        assert len(list(Path(f"/proc/{process.pid}/task").iterdir())) == 2
    finally:
        process.stop()
