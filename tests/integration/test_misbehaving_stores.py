"""The object store's client against a server that answers badly."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import botocore.auth
import pytest

from models.errors import (
    ClockSkewed,
    LeaseLost,
    ObjectTooLarge,
    StorageError,
    StorageRefused,
)
from tests.support.servers.storages import storage_with
from worker.base.settings import Settings
from worker.storage import Storage, failures
from worker.storage.fence import fenced


@pytest.fixture
def folder(storage: Storage) -> str:
    """A folder of this test alone."""
    return f"{storage.keys.prefix}folder"


@dataclass
class Misbehaving:
    """A store whose every answer to a method is scripted: status, headers and body, or what hangs up."""

    url: str
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)


@pytest.fixture
def misbehaving() -> Iterator[Misbehaving]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            store.seen.append(f"{self.command} {self.path}")
            status, headers, body = store.answers.get(self.command, (204, {}, b""))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        store = Misbehaving(f"http://127.0.0.1:{http.server_address[1]}")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield store
        http.shutdown()
        thread.join()


@pytest.fixture
def unlucky(settings: Settings, misbehaving: Misbehaving) -> Iterator[Storage]:
    with storage_with(settings, s3_endpoint_url=misbehaving.url, s3_attempts=2) as storage:
        yield storage


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_is_wrong_is_told_from_a_key_that_is(
    storage: Storage, folder: str, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.put_image(f"{folder}/a.png", b"x", "image/png")
    auth: Any = botocore.auth
    step, at, now = timedelta(hours=hours), auth.get_current_datetime, time.time
    monkeypatch.setattr(auth, "get_current_datetime", lambda: at() + step)
    monkeypatch.setattr(failures, "now", lambda: now() + step.total_seconds())
    asks: list[Callable[[], object]] = [
        lambda: storage.put_image(f"{folder}/a.png", b"x", "image/png"),
        lambda: storage.head(f"{folder}/a.png"),
        lambda: list(storage.list(folder)),
    ]
    for ask in asks:
        with pytest.raises(ClockSkewed) as caught:
            ask()
        assert caught.value.retryable
        assert caught.value.details["skew"] == pytest.approx(step.total_seconds(), abs=60)
    monkeypatch.undo()
    assert storage.head(f"{folder}/a.png")


def test_each_try_asks_first_whether_it_may_be_sent(unlucky: Storage, misbehaving: Misbehaving) -> None:
    misbehaving.answers["PUT"] = (503, {}, b"<Error><Code>SlowDown</Code></Error>")

    def confirm() -> None:
        if misbehaving.seen:
            raise LeaseLost("It ran out during the first.")

    with fenced(confirm), pytest.raises(LeaseLost):
        unlucky.put_json("a.json", "{}")
    assert len(misbehaving.seen) == 1


def test_a_failing_store_is_tried_again_and_then_reported(unlucky: Storage, misbehaving: Misbehaving) -> None:
    misbehaving.answers["PUT"] = (503, {}, b"<Error><Code>SlowDown</Code><Message>wait</Message></Error>")
    with pytest.raises(StorageError, match="could not write in bucket 'likeness': SlowDown") as caught:
        unlucky.put_json("a.json", "{}")
    assert caught.value.code == "STORAGE_UNAVAILABLE"
    assert caught.value.retryable
    assert len(misbehaving.seen) == 2


def test_a_refusal_is_not_tried_again(unlucky: Storage, misbehaving: Misbehaving) -> None:
    misbehaving.answers["PUT"] = (403, {}, b"<Error><Code>AccessDenied</Code></Error>")
    with pytest.raises(StorageRefused, match="AccessDenied"):
        unlucky.put_json("a.json", "{}")
    assert len(misbehaving.seen) == 1


def test_a_declared_length_above_the_cap_is_enough(unlucky: Storage, misbehaving: Misbehaving) -> None:
    misbehaving.answers["GET"] = (200, {"Content-Length": str(10**12)}, b"")
    with pytest.raises(ObjectTooLarge):
        unlucky.get("a.png", 1000)


def test_a_body_without_a_length_is_cut_at_the_cap(unlucky: Storage, misbehaving: Misbehaving) -> None:
    misbehaving.answers["GET"] = (200, {"Content-Length": ""}, bytes(1_000_000))
    with pytest.raises(ObjectTooLarge):
        unlucky.get("a.png", 1000)
    assert len(unlucky.get("a.png", 1_000_000)) == 1_000_000


def test_a_body_that_breaks_off_is_not_taken_for_whole(unlucky: Storage, misbehaving: Misbehaving) -> None:
    misbehaving.answers["GET"] = (200, {"Content-Length": "1000"}, bytes(500))
    with pytest.raises(StorageError) as caught:
        unlucky.get("a.png", 10_000)
    assert caught.value.retryable


LISTING = b"""<ListBucketResult><IsTruncated>false</IsTruncated>
<Contents><Key>f/a</Key><Size>1</Size><ETag>"e"</ETag><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>
<Contents><Key>f/b</Key><Size>1</Size><ETag>"e"</ETag><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>
</ListBucketResult>"""


@pytest.mark.parametrize(
    ("answer", "singles"),
    [
        ((501, {}, b"<Error><Code>NotImplemented</Code></Error>"), ["f/a", "f/b"]),
        (
            (
                200,
                {},
                b"<DeleteResult><Error><Key>f/b</Key><Code>InternalError</Code></Error></DeleteResult>",
            ),
            ["f/b"],
        ),
        ((200, {}, b"<DeleteResult/>"), []),
    ],
    ids=["no such call", "one left over", "all gone"],
)
def test_what_a_batch_leaves_is_deleted_one_by_one(
    unlucky: Storage,
    misbehaving: Misbehaving,
    answer: tuple[int, dict[str, str], bytes],
    singles: list[str],
) -> None:
    misbehaving.answers |= {"GET": (200, {}, LISTING), "POST": answer}
    assert unlucky.delete_prefix("f") == 2
    deleted = [line.rpartition("likeness/")[2] for line in misbehaving.seen if line.startswith("DELETE")]
    assert deleted == singles


def test_a_store_that_changes_what_it_keeps_is_not_writable(
    unlucky: Storage, misbehaving: Misbehaving
) -> None:
    misbehaving.answers |= {"PUT": (200, {}, b""), "GET": (200, {}, b"eborp")}
    with pytest.raises(StorageError, match="other bytes"):
        unlucky.check_writable()
    assert misbehaving.seen[-1].startswith("DELETE")
