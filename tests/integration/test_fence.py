"""A holder that lost its job without knowing it changes nothing in the bucket, whenever it was stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest

from models.errors import LeaseLost
from models.job import CloneJob
from models.manifest import Manifest
from tests.support.doubles.zombie import node_of
from tests.support.jobs.contents import contents
from tests.support.jobs.node import done
from tests.support.jobs.stored import claimed, make_job, short
from tests.support.servers.conditional_store import ConditionalStore
from tests.support.workers import environment_of
from worker.base.settings import Settings
from worker.mark.statement import Origin
from worker.node.consuming.messages import handle
from worker.run.drain import Drain
from worker.run.held import HeldJob
from worker.run.imagestore import ImageStore
from worker.run.shots import Made
from worker.stack import EmbeddedStack
from worker.storage import Storage
from worker.webhooks.outbox import Outbox


def wait_until_stopped(pid: int) -> None:
    found = os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    assert found
    assert found.si_code == os.CLD_STOPPED, "it ended"


def test_a_holder_that_is_stopped_right_before_a_write_changes_nothing_when_it_wakes(
    settings: Settings, storage: Storage
) -> None:
    hook = {"callbackUrl": "https://example.com/hook"}  # nobody delivers, so the outbox keeps it
    jobs = [CloneJob.parse(make_job().to_data() | hook) for _ in range(2)]
    ends = ("/front.png", "/manifest.json")
    stops = [text for job, end in zip(jobs, ends, strict=True) for text in (job.to_json(), end)]
    heir = node_of(settings, storage)
    zombie = subprocess.Popen(
        [sys.executable, "-m", "tests.support.doubles.zombie", *stops],
        env=os.environ | environment_of(settings),
    )
    try:
        for job in jobs:
            wait_until_stopped(zombie.pid)
            while not (record := heir.store.get(job.job_id)).is_final:
                handle(heir, job.to_data())  # in vain until the lease has run out
                time.sleep(0.02)
            assert (record.status, record.attempts) == ("completed", 2)
            before, hooks = contents(storage, job), Outbox(settings).deliveries()
            zombie.send_signal(signal.SIGCONT)
            if job is jobs[-1]:
                assert zombie.wait(30) == 0
            else:
                wait_until_stopped(zombie.pid)
            assert contents(storage, job) == before
            assert heir.store.get(job.job_id) == record
            assert [hook for hook in Outbox(settings).deliveries() if hook.job_id == job.job_id] == [
                hook for hook in hooks if hook.job_id == job.job_id
            ]
            assert record.result
            manifest = Manifest.parse(before[record.result.manifest_key])
            assert manifest.images == record.result.images
            assert [sha256(before[one.key]).hexdigest() for one in manifest.images] == [
                one.sha256 for one in manifest.images
            ]
    finally:
        zombie.kill()
        zombie.wait()


@pytest.fixture
def conditional(stack: EmbeddedStack, storage: Storage) -> Iterator[ConditionalStore]:
    proxy = ConditionalStore(stack.s3.port, storage)
    yield proxy
    proxy.stop()


@pytest.fixture
def images(settings: Settings, conditional: ConditionalStore) -> ImageStore:
    """What workers of that store have."""
    there = settings.model_copy(update={"s3_endpoint_url": f"http://{conditional.address}"})
    return ImageStore(there, Storage(there))


def test_a_put_that_is_under_way_when_the_job_is_taken_changes_nothing(
    settings: Settings, storage: Storage, conditional: ConditionalStore, images: ImageStore
) -> None:
    store, job = short(settings), make_job()
    held = HeldJob(store, claimed(store, job), Drain(60), lease_until=time.monotonic())
    with ThreadPoolExecutor(1) as pool:
        with conditional.under_way() as arrived:
            late = pool.submit(images.put, job, Made(done(job), Origin()), held.confirm)
            assert arrived.wait(30)
            while store.claim(job, "heir").verdict == "held":
                time.sleep(0.02)
            stored = ImageStore(settings, storage).put(job, Made(done(job), Origin()), confirm=lambda: None)
        with pytest.raises(LeaseLost):
            late.result()
    found = contents(storage, job)
    assert sha256(found[stored.key]).hexdigest() == stored.sha256
    assert sha256(found[stored.thumbnail_key]).hexdigest() == stored.thumbnail_sha256
    assert len(found) == 2


def test_a_holder_replaces_what_an_earlier_attempt_left(
    storage: Storage, conditional: ConditionalStore, images: ImageStore
) -> None:
    job = make_job()
    storage.put_image(storage.keys.thumbnail_key(job, "front"), b"broken", "image/webp")
    stored = images.put(job, Made(done(job), Origin()), confirm=lambda: None)
    found = images.find(job, "front")
    assert found
    assert (found.stored.sha256, found.stored.thumbnail_sha256) == (stored.sha256, stored.thumbnail_sha256)
    assert conditional.puts == ["If-None-Match", "If-Match", "If-None-Match"]


def test_a_store_without_conditions_is_asked_for_them_once(
    settings: Settings, conditional: ConditionalStore, images: ImageStore
) -> None:
    there = Storage(settings.model_copy(update={"s3_endpoint_url": f"http://{conditional.address}"}))
    assert there.check_writable() == ()
    conditional.lacks = frozenset(("If-None-Match", "If-Match"))
    assert there.check_writable() == ("If-None-Match", "If-Match")
    conditional.puts.clear()
    job = make_job()
    images.put(job, Made(done(job), Origin()), confirm=lambda: None)
    assert images.find(job, "front")
    assert conditional.puts == ["If-None-Match", "", ""]


def test_a_store_that_has_one_condition_and_not_the_other_is_asked_for_that_one(
    settings: Settings, conditional: ConditionalStore
) -> None:
    """OpenStack Swift is such a one."""
    there = settings.model_copy(update={"s3_endpoint_url": f"http://{conditional.address}"})
    job, without_none, without_match = (
        make_job(),
        ImageStore(there, Storage(there)),
        ImageStore(there, Storage(there)),
    )

    def put_twice(images: ImageStore) -> list[str]:
        conditional.puts.clear()
        for _ in range(2):
            images.put_evidence(job, Made(done(job), Origin()), confirm=lambda: None)
        images.remove_evidence(job, confirm=lambda: None)
        return conditional.puts

    conditional.lacks = frozenset(("If-None-Match",))
    assert Storage(there).check_writable() == ("If-None-Match",)
    assert put_twice(without_none) == ["If-None-Match", "", "If-Match"]
    assert put_twice(without_none) == ["", "If-Match"]
    conditional.lacks = frozenset(("If-Match",))
    assert put_twice(without_match) == ["If-None-Match", "If-None-Match", "If-Match", ""]
    assert put_twice(without_match) == ["If-None-Match", "If-None-Match", ""]


def test_what_is_deleted_is_still_this_workers(settings: Settings, storage: Storage) -> None:
    def lost() -> None:
        raise LeaseLost("The heir has it.")

    images, job = ImageStore(settings, storage), make_job()
    kept = images.put_evidence(job, Made(done(job), Origin()), confirm=lambda: None)
    stored = images.put(job, Made(done(job), Origin()), confirm=lambda: None)
    with pytest.raises(LeaseLost):
        images.remove_evidence(job, confirm=lost)
    with pytest.raises(LeaseLost):
        images.discard(job, "front", confirm=lost)
    assert contents(storage, job).keys() == {kept.key, stored.key, stored.thumbnail_key}
