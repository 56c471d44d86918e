"""Fetching weights from a real HTTP server."""

import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from models import errors
from models.errors import WeightsRefused
from pipelines.profile import Source
from pipelines.weights import verify
from pipelines.weights.lock import NOTICES
from tests.support.processes import eventually
from tests.support.weights.fetches import FILES, FIRST, SECOND, SOURCE, WANTED, Hub
from tests.support.weights.hub_double import HubDouble, Repository


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with HubDouble().serving() as server:
        yield Hub(server, tmp_path)


def test_a_first_fetch_takes_the_newest_commit_and_locks_it(hub: Hub) -> None:
    lock = hub.fetch()
    assert (lock.revision, set(lock.files), lock.patterns) == (
        FIRST,
        WANTED,
        tuple(sorted({*SOURCE.files, *NOTICES})),
    )
    assert lock.fetched_at is not None
    assert hub.on_disk() == {path: FILES[path] for path in WANTED}
    assert verify(hub.store, SOURCE).lock.digest == lock.digest
    assert sorted(path.name for path in hub.store.root.iterdir()) == [
        "tests--weights",
        "tests--weights.lock.json",
    ]


def test_the_licence_comes_with_weights_and_is_fetched_for_a_lock_from_before(hub: Hub) -> None:
    before = hub.fetch()
    files = FILES | {"LICENSE.md": b"Apache", "NOTICE": b"Names", "LICENSE.pdf": b"not text"}
    hub.repository.commits[FIRST] = files
    narrow = before.model_copy(update={"patterns": SOURCE.files})
    narrow.write(hub.store.lock_path(SOURCE))
    assert verify(hub.store, SOURCE).lock.digest == before.digest
    assert hub.fetch().files.keys() == WANTED | {"LICENSE.md", "NOTICE"}
    assert verify(hub.store, SOURCE).lock.digest == before.digest
    assert hub.server.downloads["vae/model.safetensors"] == 1


def test_files_that_two_repositories_share_lie_on_the_disk_once(hub: Hub) -> None:
    hub.fetch()
    other = replace(SOURCE, repository="tests/other")
    files = FILES | {"vae/model.safetensors": b"another's"}
    hub.server.repositories[other.repository] = Repository({SECOND: files})
    before = hub.server.downloads.copy()
    hub.fetch(other)
    verify(hub.store, other)
    name = "unet/model.safetensors"
    assert (hub.store.folder(other) / name).samefile(hub.store.folder(SOURCE) / name)
    assert hub.server.downloads - before == {"model_index.json": 1, "vae/model.safetensors": 1}
    # What one of them gets anew is no change of the other.
    (hub.store.folder(other) / name).unlink()
    hub.server.repositories[other.repository].commits = {FIRST: files | {name: b"newer"}}
    hub.fetch(other, update=True)
    verify(hub.store, SOURCE)


def test_a_small_file_of_which_the_hub_lists_no_sha256_is_compared_with_the_published_one(hub: Hub) -> None:
    hub.repository.commits[FIRST] = {"face.onnx": b"network"}
    faces = replace(
        SOURCE, files=("*.onnx",), suffix=".onnx", sha256={"face.onnx": sha256(b"network").hexdigest()}
    )
    other = replace(faces, sha256={"face.onnx": sha256(b"other").hexdigest()})
    with pytest.raises(WeightsRefused, match="than was published"):
        hub.fetch(other)
    assert hub.store.lock(other) is None
    assert hub.fetch(faces).files.keys() == {"face.onnx"}


def test_onnx_is_fetched_and_kept_for_sources_of_it_alone(hub: Hub) -> None:
    hub.repository.commits[FIRST] = {"face.onnx": b"network"}
    faces = replace(SOURCE, files=("*.onnx",), suffix=".onnx")
    with pytest.raises(WeightsRefused, match=r"only plain names that end in .*safetensors"):
        hub.fetch(replace(SOURCE, files=("*.onnx",)))
    assert hub.fetch(faces).files.keys() == {"face.onnx"}
    verify(hub.store, faces)
    with pytest.raises(WeightsRefused, match="never loaded"):
        verify(hub.store, replace(faces, suffix=".safetensors"))


def test_a_second_fetch_asks_for_nothing_and_works_without_a_network(hub: Hub) -> None:
    lock = hub.fetch()
    hub.repository.commits[SECOND] = FILES | {"vae/model.safetensors": b"newer"}
    assert hub.fetch() == lock
    assert hub.fetch(HF_HUB_OFFLINE="1", HF_ENDPOINT="http://127.0.0.1:1") == lock
    assert set(hub.server.downloads.values()) == {1}


def test_a_killed_fetch_goes_on_with_what_it_had_not_finished(hub: Hub) -> None:
    hub.repository.held.add("unet/model.safetensors")
    process = hub.start(SOURCE)
    part = hub.store.part(SOURCE)
    finished = [
        part / "vae/model.safetensors",
        part / ".cache/huggingface/download/model_index.json.metadata",
    ]
    finished.append(part / ".cache/huggingface/download/vae/model.safetensors.metadata")
    assert eventually(
        lambda: (
            all(file.exists() for file in finished) and hub.server.downloads["unet/model.safetensors"] > 0
        ),
        60,
    )
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not hub.store.lock_path(SOURCE).exists()
    hub.server.release.set()
    hub.repository.held.clear()
    assert set(hub.fetch().files) == WANTED
    assert hub.server.downloads == {
        "model_index.json": 1,
        "vae/model.safetensors": 1,
        "unet/model.safetensors": 2,
    }
    assert not part.exists()
    verify(hub.store, SOURCE)


@pytest.mark.parametrize("ignores_ranges", [False, True])
def test_a_large_file_that_broke_off_goes_on_where_it_was(hub: Hub, *, ignores_ranges: bool) -> None:
    hub.repository.held.add("unet/model.safetensors")
    process = hub.start(SOURCE)
    assert eventually(lambda: any(half.stat().st_size for half in hub.halves()), 60)
    process.kill()
    process.communicate()
    begun = hub.halves()[0].stat().st_size
    hub.server.release.set()
    hub.repository.held.clear()
    hub.repository.ignores_ranges = ignores_ranges
    hub.fetch()
    assert hub.server.ranges == ({} if ignores_ranges else {"unet/model.safetensors": [f"bytes={begun}-"]})
    assert hub.on_disk() == {path: FILES[path] for path in WANTED}


def test_a_half_of_other_bytes_is_fetched_again(hub: Hub) -> None:
    part = hub.store.part(SOURCE)
    (part / ".cache").mkdir(parents=True)
    digest = sha256(FILES["unet/model.safetensors"]).hexdigest()
    (part / ".cache" / f"{digest}.half").write_bytes(b"x" * 50_000)
    with pytest.raises(WeightsRefused, match="not what it lists"):
        hub.fetch()
    hub.fetch()
    verify(hub.store, SOURCE)


def test_a_fetch_that_was_killed_while_it_moved_files_is_finished(hub: Hub) -> None:
    hub.fetch()
    folder, part = hub.store.folder(SOURCE), hub.store.part(SOURCE)
    (part / "vae").mkdir(parents=True)
    (folder / "vae/model.safetensors").rename(part / "vae/model.safetensors")
    hub.fetch()
    verify(hub.store, SOURCE)


def test_a_broken_file_is_replaced_and_a_foreign_one_removed(hub: Hub, tmp_path: Path) -> None:
    lock = hub.fetch()
    folder = hub.store.folder(SOURCE)
    (folder / "vae/model.safetensors").write_bytes(b"x" * 1_000)
    (folder / "evil.py").write_text("raise SystemExit")
    (folder / "link").symlink_to(tmp_path)
    assert hub.fetch().digest == lock.digest
    assert hub.on_disk() == {path: FILES[path] for path in WANTED}
    assert hub.server.downloads == {
        "model_index.json": 1,
        "unet/model.safetensors": 1,
        "vae/model.safetensors": 2,
    }
    verify(hub.store, SOURCE)


def test_a_linked_folder_is_replaced_and_what_it_leads_to_left_alone(hub: Hub, tmp_path: Path) -> None:
    hub.fetch()
    folder, elsewhere = hub.store.folder(SOURCE), tmp_path / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    hub.fetch()
    verify(hub.store, SOURCE)
    assert not folder.is_symlink()
    assert {path.relative_to(elsewhere).as_posix() for path in elsewhere.rglob("*.*")} == WANTED


@pytest.mark.parametrize("path", ["unet/model.safetensors", "model_index.json"])
def test_the_lock_holds_when_the_hub_has_other_bytes(hub: Hub, path: str) -> None:
    hub.fetch()
    before = hub.store.lock_path(SOURCE).read_bytes()
    hub.repository.commits[FIRST] |= {path: FILES[path].swapcase() if b"u" in FILES[path] else b"[]"}
    (hub.store.folder(SOURCE) / path).unlink()
    with pytest.raises(errors.WeightsRefused, match=f"another {path} .*than the lock"):
        hub.fetch()
    assert hub.store.lock_path(SOURCE).read_bytes() == before


@pytest.mark.parametrize("path", ["unet/model.safetensors", "model_index.json"])
def test_bytes_that_are_not_as_listed_are_refused_and_asked_for_again(hub: Hub, path: str) -> None:
    hub.repository.sent[path] = FILES[path].swapcase() if b"u" in FILES[path] else b"[]"
    with pytest.raises(errors.WeightsRefused, match=f"sent as {path} .*is not what it lists"):
        hub.fetch()
    assert not hub.store.lock_path(SOURCE).exists()
    hub.repository.sent.clear()
    hub.fetch()
    verify(hub.store, SOURCE)


def test_update_moves_to_the_newest_commit(hub: Hub) -> None:
    old = hub.fetch()
    newer = {"model_index.json": b'{"newer": 1}', "unet/model.safetensors": FILES["unet/model.safetensors"]}
    hub.repository.commits[SECOND] = newer
    new = hub.fetch(update=True)
    assert (new.revision, set(new.files)) == (SECOND, set(newer))
    assert new.digest != old.digest
    assert hub.on_disk() == newer
    assert hub.server.downloads["unet/model.safetensors"] == 1  # it is the same in both
    verify(hub.store, SOURCE)


def test_a_pinned_commit_is_fetched_and_a_lock_of_another_needs_update(hub: Hub) -> None:
    hub.repository.commits[SECOND] = FILES | {"vae/model.safetensors": b"newer"}
    assert hub.fetch(replace(SOURCE, revision=FIRST)).revision == FIRST
    moved = replace(SOURCE, revision=SECOND)
    with pytest.raises(errors.WeightsRefused, match=f"pinned to {SECOND}.*--update"):
        hub.fetch(moved)
    assert hub.fetch(moved, update=True).revision == SECOND
    verify(hub.store, moved)


def test_two_profiles_share_a_repository_at_one_commit(hub: Hub) -> None:
    hub.fetch(replace(SOURCE, files=("*.json",)))
    hub.repository.commits[SECOND] = FILES | {"model_index.json": b'{"newer": 1}'}
    lock = hub.fetch(replace(SOURCE, files=("*/*.safetensors",)))
    assert (lock.revision, set(lock.files)) == (FIRST, WANTED)
    assert verify(hub.store, SOURCE).lock.digest == lock.digest
    assert set(hub.server.downloads.values()) == {1}
    # The newest commit is the newest for both.
    hub.fetch(replace(SOURCE, files=("*.json",)), update=True)
    assert verify(hub.store, SOURCE).lock.revision == SECOND


def test_weights_that_ask_for_code_are_not_locked(hub: Hub) -> None:
    hub.repository.commits[FIRST]["unet/config.json"] = b'{"auto_map": {"AutoModel": "model.Mine"}}'
    with pytest.raises(errors.WeightsRefused, match="auto_map"):
        hub.fetch()
    assert not hub.store.lock_path(SOURCE).exists()


@pytest.mark.parametrize("path", ["../../outside.json", "vae/.hidden.json", "vae/model.bin"])
def test_names_and_types_that_are_never_loaded_are_not_fetched(hub: Hub, path: str) -> None:
    hub.repository.commits[FIRST][path] = b"{}"
    with pytest.raises(errors.WeightsRefused, match="is not fetched"):
        hub.fetch(replace(SOURCE, files=("*.json", "*.bin")))
    assert not hub.server.downloads


def test_a_gated_repository_says_what_to_do_and_no_token_is_printed(hub: Hub) -> None:
    hub.repository.gated = True
    for token in ("", "hf_secret"):
        with pytest.raises(
            errors.WeightsFetchFailed, match=r"gated.*huggingface\.co/tests/weights.*HF_TOKEN"
        ) as caught:
            hub.fetch(HF_TOKEN=token)
        assert "secret" not in str(caught.value)
    assert hub.fetch(HF_TOKEN="hf_good").revision == FIRST
    assert hub.server.tokens == {None, "Bearer hf_secret", "Bearer hf_good"}


@pytest.mark.parametrize(
    ("source", "environment", "reason"),
    [
        (replace(SOURCE, repository="tests/nothing"), {}, "no such repository"),
        (replace(SOURCE, revision="c" * 40), {}, "no such commit"),
        (replace(SOURCE, files=("*.txt",)), {}, "no file that the profile asks for"),
        (SOURCE, {"HF_ENDPOINT": "http://127.0.0.1:1"}, "Check the network"),
        (SOURCE, {"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set"),
    ],
)
def test_failures_say_what_to_do(hub: Hub, source: Source, environment: dict[str, Any], reason: str) -> None:
    with pytest.raises(errors.WeightsFetchFailed, match=reason) as caught:
        hub.fetch(source, **environment)
    assert caught.value.retryable
    assert not hub.store.lock_path(source).exists()


def test_a_second_fetch_at_the_same_time_is_told_to_wait(hub: Hub) -> None:
    hub.repository.held.add("unet/model.safetensors")
    process = hub.start(SOURCE)
    while not hub.server.downloads["unet/model.safetensors"]:
        time.sleep(0.02)
    try:
        with pytest.raises(errors.WeightsFetchFailed, match="Another process is fetching"):
            hub.fetch()
    finally:
        process.kill()
        process.communicate()


def test_a_full_disk_is_noticed_before_the_download(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.weights import fetch as module
    from pipelines.weights.hub import RemoteFile

    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=300_000_000))
    part = hub.store.part(SOURCE)
    part.mkdir(parents=True)
    remote = RemoteFile("a.safetensors", 100_000_000, "0" * 64, "")
    with pytest.raises(errors.WeightsFetchFailed, match="300,000,000 bytes free, and 368,435,456 are needed"):
        module._check_space(part, [remote])
    with (part / "a.safetensors").open("wb") as file:
        file.truncate(remote.bytes)
    module._check_space(part, [remote])  # it is there already
