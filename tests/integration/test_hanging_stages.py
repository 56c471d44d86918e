"""Each stage of a job meets what hangs: it ends at its own limit, with its own code, and the next job runs."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from models.errors import (
    DecodeHung,
    FetchHung,
    LoadHung,
    SigningHung,
    StepHung,
    StorageHung,
    VerifyProcessHung,
)
from models.influencer import Appearance
from models.shot import shot_named
from tests.support.doubles import hanging_child
from tests.support.jobs.stored import make_job
from worker.base.raw_image import RawImage
from worker.base.settings import Settings
from worker.mark import credentials
from worker.mark.statement import Origin
from worker.references import fetch as fetch_module
from worker.references.decode import decode_reference
from worker.references.fetch import ReferenceFetcher
from worker.references.limits import DecodeLimits
from worker.render import RenderOrder, RenderProcess
from worker.render.messages import ImageDone
from worker.run.imagestore import ImageStore
from worker.run.shots import Made
from worker.stack.samples import load_sample
from worker.storage import Storage
from worker.verify import VerifyProcess

DONE = ImageDone("front", 7, RawImage.of(Image.new("RGB", (64, 64), "teal")))


class DrippingStore:
    """Takes whole requests, and answers each a byte at a time without end. A connection's silence never lasts."""

    def __init__(self, head: bytes) -> None:
        self.requests = 0
        self._head = head
        self._stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._drip, args=(connection,), daemon=True).start()

    def _drip(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65536)
            self.requests += 1
            connection.sendall(self._head)
            while not self._stopped.wait(0.05):
                connection.sendall(b"x")

    def stop(self) -> None:
        """Cut all connections."""
        self._stopped.set()

    def close(self) -> None:
        self.stop()
        self._listener.close()


@pytest.fixture
def dripping(settings: Settings) -> Iterator[Callable[[bytes], tuple[DrippingStore, Settings]]]:
    stores: list[DrippingStore] = []

    def start(head: bytes) -> tuple[DrippingStore, Settings]:
        stores.append(DrippingStore(head))
        limits = {"store_timeout": 0.5, "fetch_timeout": 0.5}
        return stores[-1], settings.model_copy(update={"s3_endpoint_url": stores[-1].url, **limits})

    yield start
    for store in stores:
        store.close()


Dripping = Callable[[bytes], tuple[DrippingStore, Settings]]

_BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
_HEADER = b"HTTP/1.1 200 OK\r\nX-Drip: "


def test_a_reference_that_drips_ends_the_attempt_and_not_the_threads(
    dripping: Dripping, settings: Settings, storage: Storage
) -> None:
    _, slow = dripping(_BODY)
    job = make_job()
    _, (picture, *_) = load_sample("maya")
    storage.put_image(storage.keys.media_key(job.project_id, "med_1"), picture, "image/webp")
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(FetchHung):
            ReferenceFetcher(slow, Storage(slow), pool).fetch(job, lambda: None)
        found = ReferenceFetcher(settings, storage, pool).fetch(job, lambda: None)
    assert len(found.images) == 1


def test_a_picture_that_is_decoded_forever_is_rejected_and_holds_no_place(
    settings: Settings, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job()
    _, (picture, *_) = load_sample("maya")
    key = storage.keys.media_key(job.project_id, "med_1")
    bomb = threading.Event()

    def decode(data: bytes, limits: DecodeLimits) -> Image.Image:
        if data == b"bomb":
            bomb.wait()
        return decode_reference(data, limits)

    monkeypatch.setattr(fetch_module, "decode_reference", decode)
    with ThreadPoolExecutor(1) as pool:
        fetcher = ReferenceFetcher(settings.model_copy(update={"fetch_timeout": 0.5}), storage, pool)
        storage.put_image(key, b"bomb", "image/webp")
        # More of them than are decoded at once.
        for _ in range(3):
            (rejected,) = fetcher.fetch(job, lambda: None).rejected
            assert rejected.code == "REFERENCE_DECODE_HUNG"
        storage.put_image(key, picture, "image/webp")
        fetcher = ReferenceFetcher(settings, storage, pool)
        assert len(fetcher.fetch(job, lambda: None).images) == 1
    bomb.set()


@pytest.mark.parametrize("head", [_BODY, _HEADER])
def test_a_put_that_drips_ends_and_is_not_tried_again(dripping: Dripping, head: bytes) -> None:
    store, slow = dripping(head)
    images = ImageStore(slow, Storage(slow))
    with pytest.raises(StorageHung) as caught:
        images.put(make_job(), Made(DONE, Origin()), confirm=lambda: None)
    assert (caught.value.code, caught.value.retryable) == ("STORAGE_HUNG", True)
    asked = store.requests
    # The call fails now, and boto3 would send it again.
    store.stop()
    time.sleep(1)
    assert store.requests == asked == 1


def test_a_key_service_that_never_answers(
    settings: Settings, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang = threading.Event()
    loaded = credentials.load_credentials(settings)
    assert loaded
    images = ImageStore(settings.model_copy(update={"sign_timeout": 0.5}), storage)
    assert images._signer
    images._signer.credentials = replace(loaded, key=None, callback=lambda data: bytes(hang.wait()))
    for act in (
        images.check_signer,
        lambda: images.put(make_job(), Made(DONE, Origin()), confirm=lambda: None),
    ):
        with pytest.raises(SigningHung):
            act()
    hang.set()


def order(*seeds: int) -> RenderOrder:
    shots = zip(("front", "smile"), seeds, strict=False)
    return RenderOrder((), Appearance(), tuple((shot_named(shot), seed) for shot, seed in shots))


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., RenderProcess]]:
    monkeypatch.setattr("worker.render.process.child_main", hanging_child.main)
    processes: list[RenderProcess] = []

    def start(**limits: float | str) -> RenderProcess:
        processes.append(RenderProcess(Settings.model_validate(limits)))
        return processes[-1]

    yield start
    for process in processes:
        process.stop()


def rendered(device: RenderProcess, *seeds: int) -> list[str]:
    with device.turn(lambda: None):
        done = list(device.render(order(*seeds), lambda: None))
    return [one.shot for one in done if isinstance(one, ImageDone)]


def test_a_profile_that_loads_forever(device: Callable[..., RenderProcess]) -> None:
    process = device(profile=hanging_child.LOADS_FOREVER, load_timeout=1)
    with pytest.raises(LoadHung):
        process.start()
    assert process.pid is None


def test_a_step_without_end(device: Callable[..., RenderProcess]) -> None:
    process = device(step_timeout=2)
    process.start()
    with pytest.raises(StepHung):
        rendered(process, 7, hanging_child.STEPS_FOREVER)
    assert rendered(process, 7, 8) == ["front", "smile"]


def test_an_image_that_is_decoded_forever(device: Callable[..., RenderProcess]) -> None:
    process = device(decode_timeout=2)
    process.start()
    with pytest.raises(DecodeHung):
        rendered(process, 7, hanging_child.DECODES_FOREVER)
    assert rendered(process, 7, 8) == ["front", "smile"]


def test_a_judgement_that_never_comes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from tests.e2e.faults import quick_worker

    monkeypatch.setenv("FAULTS_NOTES", str(tmp_path / "notes"))
    monkeypatch.setattr("worker.verify.process.child_main", quick_worker.judge_main)
    process = VerifyProcess(Settings(judge_timeout=2), "rendered")
    process.start()
    assert process.pid
    monkeypatch.setattr(process._child, "send", lambda *_: None)
    with pytest.raises(VerifyProcessHung):
        process.check_references((RawImage(8, 8, bytes(192)),), "any", lambda: None)
    assert process.check_references((RawImage(8, 8, bytes(192)),), "any", lambda: None).checked
    process.stop()
