"""Inspection in a process of its own: the same answers, and an end for every hostile picture."""

import json
import random
from pathlib import Path

import pytest

from models.errors import InvalidInput, InvalidSettings, Unforeseen
from models.inspection import Inspection
from tests.support.pictures.png import edit, replaced, without
from worker.base.pictures import EncodedImage
from worker.mark import inspect_apart as apart_module
from worker.mark import inspect_child
from worker.mark.inspect_apart import inspect_apart
from worker.mark.inspection import inspect_image


def test_apart_is_the_same_as_here(signed: bytes, encoded: EncodedImage) -> None:
    for data in (
        signed,
        without(signed, b"caBX"),
        replaced(signed, b"caBX", b"job_1", b"job_2"),
        encoded.thumbnail,
    ):
        assert inspect_apart(data) == inspect_image(data)


def test_errors_come_back(signed: bytes, certificate: tuple[Path, Path]) -> None:
    found = inspect_apart(signed, certificate[0].read_text())
    assert found.signed_by
    assert found.signed_by.trust == "trusted"
    with pytest.raises(InvalidInput, match="no picture"):
        inspect_apart(b"c2pa")
    with pytest.raises(InvalidSettings, match="LIKENESS_TRUST_ANCHORS"):
        inspect_apart(signed, "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")


def test_a_reader_that_hangs_or_breaks_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(apart_module, "_TIMEOUT", 2.0)
    for name, source, kind, told in (
        ("hanging", "import time\ntime.sleep(600)", InvalidInput, "within 2 s"),
        ("crashing", "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", InvalidInput, "signal 11"),
        ("killed", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", InvalidInput, "signal 9"),
        ("exiting", "raise SystemExit(3)", Unforeseen, "inspect an image ended with exit code 3"),
    ):
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.setattr(apart_module, "_CHILD", name)
        with pytest.raises(kind, match=told):
            inspect_apart(b"")


def test_a_damaged_statement_has_an_answer_too(signed: bytes) -> None:
    rng = random.Random(7)

    def damaged(kind: bytes, data: bytes) -> bytes:
        if kind != b"caBX":
            return data
        changed = bytearray(data)
        for _ in range(rng.randint(1, 20)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        return bytes(changed[: rng.randint(1, 2 * len(changed))])

    whole, verdicts = inspect_child.answer(signed, None), set()
    for _ in range(300):
        answer = inspect_child.answer(edit(signed, damaged), None)
        if "code" in answer:
            assert answer["message"].startswith("What the image states can't be read")
        else:
            verdicts.add(Inspection.parse(json.loads(json.dumps(answer))).verdict)
            # Padding of the signature's box isn't signed.
            assert answer["verdict"] != "valid" or answer == whole
    assert "manifest_changed" in verdicts


@pytest.mark.parametrize("failure", [RecursionError(), MemoryError(), KeyError("active_manifest")])
def test_a_statement_of_an_odd_shape_is_unreadable(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(inspect_child, "inspect_image", fail)
    answer = inspect_child.answer(b"", None)
    assert answer["code"] == "VALIDATION"
    assert type(failure).__name__ in answer["message"]


def test_an_endless_statement_is_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    long = Inspection(verdict="valid", render={"jobId": "x" * 300_000})
    monkeypatch.setattr(inspect_child, "inspect_image", lambda *_: long)
    assert "too long" in inspect_child.answer(b"", None)["message"]
