"""The verify process: answers the requests from its pipe with its gates. It knows no queue, store or device."""

import pickle
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from models.errors import FaceModelMissing, SafetyModelMissing, VerifyError
from models.gate_options import GateInfo, GateOptions
from models.safety import SafetyOptions
from worker.base.children.pixel_pipe import PixelPipe
from worker.base.children.spawned import answer_requests
from worker.verify.messages import (
    CheckReferences,
    ImageJudged,
    ImageScreened,
    JudgeImage,
    ReferencesChecked,
    ScreenImage,
    ToChild,
    VerifyInfo,
    VerifyOptions,
)

if TYPE_CHECKING:
    from pipelines.fake.gate import FakeGate
    from pipelines.identity.gate import LikenessGate
    from pipelines.safety.classifiers import SafetyClassifier


@dataclass(frozen=True, slots=True)
class _Gates:
    """The loaded gates. Only what was loaded is asked."""

    likeness: "LikenessGate | FakeGate | None"
    safety: "SafetyClassifier | None"

    def info(self) -> VerifyInfo:
        return VerifyInfo(
            gate=GateInfo.of(self.likeness.calibration) if self.likeness else None,
            safety=self.safety.info if self.safety else None,
        )

    def answer(self, request: ToChild) -> ReferencesChecked | ImageJudged | ImageScreened:
        if isinstance(request, ScreenImage):
            assert self.safety
            return ImageScreened(self.safety.read(request.image.to_image()))
        assert self.likeness
        if isinstance(request, CheckReferences):
            return _check(self.likeness, request)
        return _judge(self.likeness, request)

    def unforeseen(self, request: ToChild, error: Exception) -> VerifyError:
        what = "safety" if isinstance(request, ScreenImage) else "likeness"
        return VerifyError(f"The {what} gate raised {type(error).__name__}: {str(error)[:500]}")


def main(pipe: PixelPipe, leash: Connection, options: VerifyOptions) -> None:
    """Loads the gates, then answers one request after another until the pipe closes."""
    answer_requests(pipe, leash, lambda: _load(options))


def _check(gate: "LikenessGate | FakeGate", request: CheckReferences) -> ReferencesChecked:
    references = gate.check_references([image.to_image() for image in request.images], request.subject)
    return ReferencesChecked(pickle.dumps(references), references.checked)


def _judge(gate: "LikenessGate | FakeGate", request: JudgeImage) -> ImageJudged:
    portrait: Any = gate.portrait(request.image.to_image())
    judgement = gate.judge(
        portrait,
        _measured(request.references),
        yaw=request.yaw,
        others={shot: _measured(other) for shot, other in request.others.items()},
        changed=request.changed,
    )
    return ImageJudged(pickle.dumps(portrait), judgement)


def _measured(data: bytes) -> Any:
    return pickle.loads(data)  # noqa: S301 - this process, or the one before it, made it


def _load(options: VerifyOptions) -> _Gates:
    likeness = _load_likeness(options.gate) if options.gate else None
    return _Gates(likeness, _load_safety(options.safety, likeness) if options.safety else None)


def _load_likeness(options: GateOptions) -> "LikenessGate | FakeGate":
    if options.fake:
        from pipelines.fake.gate import FakeGate

        return FakeGate()
    try:
        from pipelines.identity.loading import load_gate

        return load_gate(options)
    except ImportError as error:
        raise FaceModelMissing(
            f"What the likeness gate needs can't be imported ({error}). Install it: pip install '.[gate]', or "
            "'.[gate-onnx]' for ONNX models. LIKENESS_GATE=off does without."
        ) from None


def _load_safety(options: SafetyOptions, likeness: "LikenessGate | FakeGate | None") -> "SafetyClassifier":
    try:
        from pipelines.safety.loading import load_safety

        return load_safety(options, likeness.faces if likeness else None)
    except ImportError as error:
        raise SafetyModelMissing(
            f"What the safety gate needs can't be imported ({error}). Install it: pip install '.[gate-onnx]'. "
            "LIKENESS_SAFETY=off does without."
        ) from None
