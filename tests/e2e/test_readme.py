"""The README's Python example, run as it is printed."""

import re
from pathlib import Path

import pytest

from tests.support.workers import WorkerProcess, environment_of
from worker.base import settings as settings_module
from worker.base.settings import Settings
from worker.stack.samples import load_sample
from worker.storage import Storage

README = Path(__file__).parents[2] / "README.md"


def test_the_example_runs(
    worker: WorkerProcess,
    storage: Storage,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # The other one is the HTTP API's; test_up.py has it.
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    source, (image, *_) = load_sample("maya")
    key = storage.keys.media_key(source.project_id, "med_1")
    storage.put_image(key, image, "image/webp")
    reference = {"assetId": "med_1", "url": storage.url(key), "addedAt": "2026-01-01T00:00:00Z"}
    row = source.to_data() | {"referenceImages": [reference]}
    for name, value in environment_of(settings).items():
        monkeypatch.setenv(name, value)
    settings_module.settings.cache_clear()
    try:
        exec(compile(code, str(README), "exec"), {"row": row})
    finally:
        settings_module.settings.cache_clear()
    printed = capsys.readouterr().out
    assert "job.completed done 100%" in printed
    assert "manifest_key=" in printed
