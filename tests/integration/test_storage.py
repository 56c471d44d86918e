"""Storage against a real S3 server, and against one that misbehaves."""

import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from models.errors import (
    InvalidInput,
    NotFound,
    ObjectTooLarge,
    StorageError,
    StorageRefused,
)
from tests.support.servers.storages import storage_with
from worker.base.settings import Settings
from worker.stack import EmbeddedStack
from worker.storage import Storage, StoredObject


@pytest.fixture
def folder(storage: Storage) -> str:
    """A folder of this test alone."""
    return f"{storage.keys.prefix}folder"


@pytest.mark.parametrize("data", [b"", b"x", b"0123456789abcdef" * (2 * 1024 * 1024)], ids=len)
def test_what_is_put_is_got(storage: Storage, folder: str, data: bytes) -> None:
    digest = storage.put_image(f"{folder}/a.png", data, "image/png")
    assert digest == sha256(data).hexdigest()
    assert storage.get(f"{folder}/a.png", len(data)) == data


def test_put_replaces(storage: Storage, folder: str) -> None:
    storage.put_image(f"{folder}/a.png", b"old", "image/png")
    storage.put_image(f"{folder}/a.png", b"new", "image/png")
    assert storage.get(f"{folder}/a.png", 10) == b"new"


def test_head_tells_what_is_stored(storage: Storage, folder: str) -> None:
    key = f"{folder}/a.webp"
    digest = storage.put_image(key, b"bytes", "image/webp", {"shot": "front"})
    found = storage.head(key)
    assert found is not None
    assert (found.key, found.size, found.content_type) == (key, 5, "image/webp")
    assert found.metadata == {"shot": "front", "sha256": digest}
    assert found.etag
    assert '"' not in found.etag
    assert abs(found.last_modified - datetime.now(UTC)) < timedelta(minutes=1)
    assert found.last_modified.tzinfo is UTC


def test_json_is_stored_as_text(storage: Storage, folder: str) -> None:
    storage.put_json(f"{folder}/manifest.json", '{"name": "Zoë"}')
    found = storage.head(f"{folder}/manifest.json")
    assert found is not None
    assert found.content_type == "application/json"
    assert storage.get(f"{folder}/manifest.json", 100).decode() == '{"name": "Zoë"}'


@pytest.mark.parametrize("key", ["missing.png", "", "../other/a", "a//b", "/a"])
def test_a_missing_or_impossible_key(storage: Storage, key: str) -> None:
    with pytest.raises(NotFound):
        storage.get(key, 10)
    assert storage.head(key) is None


@pytest.mark.parametrize("key", ["", "../other/a", "a/", "/a"])
def test_nothing_is_put_under_an_impossible_key(storage: Storage, key: str) -> None:
    with pytest.raises(InvalidInput):
        storage.put_image(key, b"x", "image/png")
    with pytest.raises(InvalidInput):
        storage.url(key)


def test_an_object_above_the_cap_is_not_read(storage: Storage, folder: str) -> None:
    storage.put_image(f"{folder}/a.png", bytes(100), "image/png")
    with pytest.raises(ObjectTooLarge) as caught:
        storage.get(f"{folder}/a.png", 99)
    assert caught.value.details == {"key": f"{folder}/a.png", "size": 100, "max_bytes": 99}
    assert not caught.value.retryable
    assert len(storage.get(f"{folder}/a.png", 100)) == 100


def test_list_goes_through_pages_and_stays_in_its_folder(storage: Storage, folder: str) -> None:
    keys = [f"{folder}/job_1/{number:02}.png" for number in range(9)]
    for key in (*keys, f"{folder}/job_10/x.png"):
        storage.put_image(key, b"x", "image/png")
    found = list(storage.list(f"{folder}/job_1", page_size=4))
    assert [one.key for one in found] == keys
    assert all(isinstance(one, StoredObject) and one.size == 1 for one in found)
    assert list(storage.list(f"{folder}/none")) == []


def test_delete_prefix_goes_through_batches_and_spares_neighbours(storage: Storage, folder: str) -> None:
    for number in range(30):
        storage.put_image(f"{folder}/job_1/{number}.png", b"x", "image/png")
    storage.put_image(f"{folder}/job_10/x.png", b"x", "image/png")
    assert storage.delete_prefix(f"{folder}/job_1", page_size=7) == 30
    assert storage.delete_prefix(f"{folder}/job_1/") == 0
    assert [one.key for one in storage.list(folder)] == [f"{folder}/job_10/x.png"]


@pytest.mark.parametrize("prefix", ["", "/", "..", "a/../.."])
def test_the_whole_bucket_can_not_be_deleted(storage: Storage, prefix: str) -> None:
    with pytest.raises(InvalidInput):
        storage.delete_prefix(prefix)


def test_one_storage_serves_many_threads(settings: Settings, folder: str) -> None:
    with Storage(settings) as storage, ThreadPoolExecutor(8) as pool:
        digests = pool.map(
            lambda n: storage.put_image(f"{folder}/{n}.png", bytes([n]) * 1000, "image/png"), range(32)
        )
        assert len(set(digests)) == 32
        assert len(list(storage.list(folder))) == 32


def test_a_signed_url_is_fetched_without_keys(storage: Storage, folder: str) -> None:
    key = f"{folder}/ü b+%.png"
    storage.put_image(key, b"bytes", "image/png")
    with urlopen(storage.url(key)) as answer:
        assert answer.read() == b"bytes"
        assert answer.headers["Content-Type"] == "image/png"


def test_an_altered_url_is_refused(storage: Storage, folder: str) -> None:
    for name in ("a", "b"):
        storage.put_image(f"{folder}/{name}.png", b"bytes", "image/png")
    url = storage.url(f"{folder}/a.png")
    longer = url.replace("X-Amz-Expires=604800", "X-Amz-Expires=604801")
    assert longer != url
    for altered in (url.replace("/a.png", "/b.png"), longer, url.partition("?")[0]):
        with pytest.raises(HTTPError) as caught:
            urlopen(altered)
        caught.value.close()
        assert caught.value.code in (400, 403)


def test_a_signed_url_ends(settings: Settings, folder: str) -> None:
    with storage_with(settings, presign_ttl=1) as storage:
        storage.put_image(f"{folder}/a.png", b"bytes", "image/png")
        url = storage.url(f"{folder}/a.png")
        time.sleep(2.1)
        with pytest.raises(HTTPError) as caught:
            urlopen(url)
        caught.value.close()


@pytest.mark.parametrize("base", ["https://cdn.example.com/x", "https://cdn.example.com/x/"])
def test_a_public_base_replaces_signing(settings: Settings, base: str) -> None:
    storage = storage_with(settings, public_base_url=base)
    assert storage.url("p/a b+ü.png") == "https://cdn.example.com/x/p/a%20b%2B%C3%BC.png"


def test_check_writable_leaves_nothing(storage: Storage) -> None:
    storage.check_writable()
    assert list(storage.list(storage.keys.prefix)) == []


def test_a_layout_that_can_not_work_is_refused_at_once(settings: Settings) -> None:
    with pytest.raises(InvalidInput, match="unknown placeholder"):
        storage_with(settings, job_key_template="{nonsense}/{jobId}")


CALLS: dict[str, Callable[[Storage], object]] = {
    "put": lambda storage: storage.put_json("a/b.json", "{}"),
    "get": lambda storage: storage.get("a/b.json", 10),
    "head": lambda storage: storage.head("a/b.json"),
    "list": lambda storage: list(storage.list("a")),
    "delete": lambda storage: storage.delete_prefix("a"),
    "check": lambda storage: storage.check_writable(),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    "changes",
    [
        {"s3_secret_access_key": "another-secret"},
        {"s3_access_key_id": "another-key"},
        {"s3_access_key_id": None},
        {"s3_endpoint_url": "nonsense"},
    ],
    ids="-".join,
)
def test_what_no_retry_can_mend_is_refused(
    settings: Settings, changes: dict[str, Any], call: Callable[[Storage], object]
) -> None:
    with storage_with(settings, **changes) as storage, pytest.raises(StorageRefused) as caught:
        call(storage)
    assert not caught.value.retryable


def test_a_missing_bucket_is_refused_by_name(settings: Settings) -> None:
    with storage_with(settings, s3_bucket="nobodys-bucket") as storage:
        for call in (CALLS["put"], CALLS["get"], CALLS["list"]):
            with pytest.raises(StorageRefused, match="'nobodys-bucket': NoSuchBucket"):
                call(storage)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_an_unreachable_store_is_given_up_in_time(
    settings: Settings, call: Callable[[Storage], object]
) -> None:
    began = time.monotonic()
    with (
        storage_with(settings, s3_endpoint_url="http://127.0.0.1:1", s3_attempts=3) as storage,
        pytest.raises(StorageError) as caught,
    ):
        call(storage)
    assert caught.value.retryable
    assert caught.value.details["bucket"] == settings.s3_bucket
    assert time.monotonic() - began < 10


def test_secrets_show_in_no_error(settings: Settings) -> None:
    secret, key_id = "s3cr3t-of-nobody", "key-of-nobody"
    for changes in ({}, {"s3_endpoint_url": "http://127.0.0.1:1", "s3_attempts": 1}):
        with storage_with(
            settings, s3_secret_access_key=secret, s3_access_key_id=key_id, **changes
        ) as storage:
            assert secret not in repr(storage)
            assert key_id not in repr(storage)
            with pytest.raises(StorageError) as caught:
                storage.get("a/b", 10)
        text = "".join(traceback.format_exception(caught.value)) + repr(caught.value.details)
        assert secret not in text
        assert key_id not in text
        assert "X-Amz" not in text


def test_an_outage_is_ridden_out(tmp_path_factory: pytest.TempPathFactory) -> None:
    with (
        EmbeddedStack(tmp_path_factory.mktemp("outage")) as stack,
        Storage(stack.settings(s3_attempts=8)) as storage,
    ):
        storage.put_image("a.png", b"bytes", "image/png")
        stack.s3.kill()
        back = threading.Timer(0.5, stack.s3.start)
        back.start()
        assert storage.get("a.png", 10) == b"bytes"
        back.join()


def test_the_stores_clock_is_told(storage: Storage) -> None:
    assert abs((datetime.now(UTC) - storage.clock()).total_seconds()) < 5
