"""`likeness inspect`: a sentence and an exit code for each way in which an image can be."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from models.errors import InvalidSettings, StorageError
from models.inspection import WatermarkedImage, WatermarkFinding
from models.reference_origin import ReferenceOrigin
from models.safety import SafetyReading
from models.watermark import HiddenNumber
from tests.support.jobs.stored import SOURCE, make_job
from tests.support.pictures.marked import sign
from tests.support.pictures.png import replaced, without
from worker.base import settings as settings_module
from worker.base.pictures import EncodedImage
from worker.base.settings import Settings
from worker.cli.inspect import run
from worker.mark.signer import ImageSigner
from worker.mark.statement import Origin, Picture, Statement, statement


def show(file: Path, capsys: pytest.CaptureFixture[str], *, as_json: bool = False) -> tuple[int, str]:
    code = run(file, as_json=as_json)
    return code, capsys.readouterr().out


def test_each_way_has_its_own_exit_code_and_sentence(
    signed: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = signed.rindex(b"IDAT") + 40
    file, seen = tmp_path / "image.png", {}
    for name, data in {
        "as signed": signed,
        "no signature": without(signed, b"caBX"),
        "a flipped pixel": signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :],
        "an edited manifest": replaced(signed, b"caBX", b"job_1", b"job_2"),
    }.items():
        file.write_bytes(data)
        code, text = show(file, capsys)
        seen[name] = (code, text.partition(":")[0].partition(",")[0].strip())
    assert seen == {
        "as signed": (0, "The signature is valid"),
        "no signature": (13, "There is no signature"),
        "a flipped pixel": (14, "The picture was changed after it was signed"),
        "an edited manifest": (15, "The signed statement was changed"),
    }


def test_it_tells_what_is_in_the_image(
    signed: bytes,
    certificate: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    file = tmp_path / "image.png"
    file.write_bytes(signed)
    _, text = show(file, capsys)
    for part in (
        "development certificate",
        "trainedAlgorithmicMedia",
        "med_reference",
        "job_1",
        "front",
        str(2**62 + 1),
        "embedded",
    ):
        assert part in text
    assert "…" not in text, "hashes are whole, however narrow the terminal is"
    monkeypatch.setenv("LIKENESS_TRUST_ANCHORS", str(certificate[0]))
    settings_module.settings.cache_clear()
    code, text = show(file, capsys, as_json=True)
    settings_module.settings.cache_clear()
    assert code == 0
    assert json.loads(text)["signedBy"]["trust"] == "trusted"


def test_trust_anchors_that_are_missing_are_a_setting_to_mend(
    signed: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "image.png"
    file.write_bytes(signed)
    monkeypatch.setenv("LIKENESS_TRUST_ANCHORS", str(tmp_path / "none.pem"))
    settings_module.settings.cache_clear()
    with pytest.raises(InvalidSettings, match="LIKENESS_TRUST_ANCHORS") as caught:
        show(file, capsys)
    settings_module.settings.cache_clear()
    assert caught.value.code == "SETTINGS_INVALID"


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        (
            {"kind": "synthetic", "statedBy": "likeness"},
            "nobody's: the references are synthetic (stated by likeness)",
        ),
        (
            {"kind": "consented", "statedBy": "Acme", "statedAt": "2026-11-01T00:00:00.000Z"},
            "a person's, who consented (stated by Acme, 2026-11-01T00:00:00.000Z)",
        ),
    ],
)
def test_it_tells_whose_face_it_is_and_who_says_so(
    origin: dict[str, str],
    line: str,
    signer: ImageSigner,
    encoded: EncodedImage,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stated = SOURCE.model_copy(update={"reference_origin": ReferenceOrigin.parse(origin)})
    job = make_job().model_copy(update={"source": stated})
    file = tmp_path / "image.png"
    file.write_bytes(sign(signer, job, encoded.png))
    _, text = show(file, capsys)
    assert line in " ".join(text.split())
    _, text = show(file, capsys, as_json=True)
    assert json.loads(text)["render"]["referenceOrigin"] == origin


IMAGE = WatermarkedImage(
    job_id="job_1",
    project_id="project-1",
    influencer_id="inf_nova",
    asset_id="med_1",
    shot="front",
    created_at=datetime(2026, 11, 1, tzinfo=UTC),
    is_stored=False,
)
HIDDEN = HiddenNumber(algorithm="org.example.1", number="00ff")


@pytest.mark.parametrize(
    ("found", "lines"),
    [
        (
            WatermarkFinding(reason="Nothing is installed."),
            ["Nobody could look for a watermark: Nothing is installed."],
        ),
        (WatermarkFinding(found=False), ["There is no watermark in its pixels."]),
        (
            WatermarkFinding(found=True, hidden=HIDDEN),
            ["leads to what made the image", "00ff (org.example.1)", "med_1: front of inf_nova", "no longer"],
        ),
    ],
    ids=["unknown", "none", "found"],
)
def test_it_tells_what_is_in_the_pixels(
    found: WatermarkFinding,
    lines: list[str],
    signed: bytes,
    finding: list[WatermarkFinding],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("worker.cli.inspect.settings", lambda: Settings(s3_bucket="likeness"))
    monkeypatch.setattr("worker.cli.inspect.WatermarkIndex.find", lambda index, hidden: (IMAGE,))
    finding.insert(0, found)
    file = tmp_path / "image.png"
    file.write_bytes(signed)
    _, text = show(file, capsys)
    assert [line for line in lines if line not in text] == []


@pytest.mark.parametrize("is_set_up", [True, False])
def test_without_a_store_it_says_that_it_was_not_looked_up(
    is_set_up: bool,
    signed: bytes,
    finding: list[WatermarkFinding],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(index: object, hidden: HiddenNumber) -> Any:
        raise StorageError("It is away.")

    if is_set_up:
        monkeypatch.setattr("worker.cli.inspect.settings", lambda: Settings(s3_bucket="likeness"))
    monkeypatch.setattr("worker.cli.inspect.WatermarkIndex.find", away)
    finding.insert(0, WatermarkFinding(found=True, hidden=HIDDEN))
    file = tmp_path / "image.png"
    file.write_bytes(signed)
    _, text = show(file, capsys)
    assert "It wasn't looked up." in text
    assert ("It is away." if is_set_up else "No object store is set up here.") in text


def test_a_number_that_is_not_the_signed_one_is_told(
    signer: ImageSigner,
    encoded: EncodedImage,
    finding: list[WatermarkFinding],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reading = SafetyReading(nudity="none", score=0.99)
    picture = Picture("front", 1, safety=reading, hidden=HIDDEN)
    file = tmp_path / "image.png"
    file.write_bytes(signer.sign(encoded.png, "image/png", statement(make_job(), picture, Origin())))
    for number, as_signed in (("00ff", True), ("00fe", False)):
        finding.insert(0, WatermarkFinding(found=True, hidden=HIDDEN.model_copy(update={"number": number})))
        _, text = show(file, capsys, as_json=True)
        told = json.loads(text)
        assert told["signedWatermark"] == HIDDEN.to_data()
        assert told["watermark"]["asSigned"] is as_signed
    _, text = show(file, capsys)
    assert "another number than the signed statement" in text
    assert "nudity none (0.99)" in text


HOSTILE: dict[str, Any] = {
    "a text": "all of it",
    "a list": [1, 2],
    "texts inside": {"weights": "none", "referenceOrigin": "synthetic", "safety": "good", "seed": {}},
    "numbers inside": {
        "weights": [7],
        "referenceOrigin": {"kind": 7, "statedBy": 7},
        "safety": {"apparentMinor": []},
    },
}


@pytest.mark.parametrize("render", HOSTILE.values(), ids=HOSTILE)
def test_a_statement_of_any_shape_is_printed_or_refused(
    render: Any,
    signer: ImageSigner,
    encoded: EncodedImage,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whoever has a certificate of their own can sign what they like under the label of our assertion."""
    definition = {
        "claim_generator_info": [{"name": "somebody"}],
        "assertions": [{"label": "org.likeness.render", "data": render}],
    }
    file = tmp_path / "image.png"
    file.write_bytes(signer.sign(encoded.png, "image/png", Statement(definition)))
    code, text = show(file, capsys)
    assert code == 0
    assert "somebody" in text


def test_what_others_state_can_not_control_the_terminal(
    signer: ImageSigner, encoded: EncodedImage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "good\x1b[2K\x1b[1A\x9b1A\u202egnp.exe\r"
    definition = {
        "claim_generator_info": [{"name": evil}],
        "assertions": [
            {"label": "org.likeness.render", "data": {"jobId": evil, "weights": [{"repository": evil}]}}
        ],
    }
    file = tmp_path / "image.png"
    file.write_bytes(signer.sign(encoded.png, "image/png", Statement(definition)))
    code, text = show(file, capsys)
    assert code == 0
    assert "good" in text
    assert [mark for mark in text if not mark.isprintable() and mark != "\n"] == []
