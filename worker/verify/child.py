"""The verify process: answers the requests from its pipe with its gates. It knows no queue, store or device."""

import pickle
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from models.errors import FaceModelMissing, LikenessError, SafetyModelMissing, VerifyError
from models.gate_options import GateInfo, GateOptions
from models.safety import SafetyOptions
from worker.base.spawned import Failed, Ready, live_with_parent
from worker.verify.messages import (
    CheckReferences,
    FromChild,
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


def main(pipe: Connection, leash: Connection, options: VerifyOptions) -> None:
    """Loads the gates, then answers one request after another until the pipe closes."""
    live_with_parent(leash)
    try:
        gates = _load(options)
    except LikenessError as error:
        pipe.send(Failed(error, ends_process=True))
        return
    pipe.send(Ready(gates.info()))
    while True:
        try:
            request: ToChild = pipe.recv()
        except EOFError:
            return
        pipe.send(_answer(gates, request))


def _answer(gates: _Gates, request: ToChild) -> FromChild:
    what = "safety" if isinstance(request, ScreenImage) else "likeness"
    try:
        if isinstance(request, ScreenImage):
            assert gates.safety
            return ImageScreened(gates.safety.read(request.image.to_image()))
        assert gates.likeness
        if isinstance(request, CheckReferences):
            return _check(gates.likeness, request)
        return _judge(gates.likeness, request)
    except LikenessError as error:
        error.__traceback__ = None
        return Failed(error)
    except Exception as error:  # noqa: BLE001 - whatever a picture does to the libraries, the next one is judged
        return Failed(VerifyError(f"The {what} gate raised {type(error).__name__}: {str(error)[:500]}"))


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
