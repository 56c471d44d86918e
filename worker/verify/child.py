"""The verify process: answers the requests from its pipe with the gate. It knows no queue, store or device."""

import pickle
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from models.errors import FaceModelMissing, LikenessError, VerifyError
from models.gate_options import GateInfo, GateOptions
from worker.base.spawned import Failed, Ready, live_with_parent
from worker.verify.messages import CheckReferences, FromChild, ImageJudged, JudgeImage, ReferencesChecked

if TYPE_CHECKING:
    from pipelines.identity.gate import LikenessGate


def main(pipe: Connection, leash: Connection, options: GateOptions) -> None:
    """Loads the gate, then answers one request after another until the pipe closes."""
    live_with_parent(leash)
    try:
        gate = _load(options)
    except LikenessError as error:
        pipe.send(Failed(error, ends_process=True))
        return
    pipe.send(Ready(GateInfo.of(gate.calibration)))
    while True:
        try:
            request: CheckReferences | JudgeImage = pipe.recv()
        except EOFError:
            return
        pipe.send(_answer(gate, request))


def _answer(gate: "LikenessGate", request: CheckReferences | JudgeImage) -> FromChild:
    try:
        if isinstance(request, CheckReferences):
            return _check(gate, request)
        return _judge(gate, request)
    except LikenessError as error:
        error.__traceback__ = None
        return Failed(error)
    except Exception as error:  # noqa: BLE001 - whatever a picture does to the libraries, the next one is judged
        return Failed(VerifyError(f"The likeness gate raised {type(error).__name__}: {str(error)[:500]}"))


def _check(gate: "LikenessGate", request: CheckReferences) -> ReferencesChecked:
    references = gate.check_references([image.to_image() for image in request.images], request.subject)
    return ReferencesChecked(pickle.dumps(references), references.checked)


def _judge(gate: "LikenessGate", request: JudgeImage) -> ImageJudged:
    portrait = gate.portrait(request.image.to_image())
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


def _load(options: GateOptions) -> "LikenessGate":
    try:
        from pipelines.identity.loading import load_gate

        return load_gate(options)
    except ImportError as error:
        raise FaceModelMissing(
            f"What the likeness gate needs can't be imported ({error}). Install it: pip install '.[gate]', or "
            "'.[gate-onnx]' for ONNX models. LIKENESS_GATE=off does without."
        ) from None
