"""The one error tree. Each error has a stable code and says whether a retry can help.

LikenessError                                              the root; never raised itself
├── Unforeseen                    INTERNAL                 a bug, or an unforeseen situation; retryable
│   └── UnreadableDocument        INTERNAL                 what Likeness stored can't be read; retryable
├── InvalidInput                  VALIDATION               the caller's document breaks the contract
│   └── BodyTooLarge              VALIDATION               a request's body is above the cap
├── InvalidSettings               SETTINGS_INVALID         a LIKENESS_ variable can't be used
│   └── SignerUnfit               SIGNER_UNFIT             the certificate, key or callback can't sign images
├── NotFound                      NOT_FOUND                no such job or object, or it is another tenant's
│   └── MethodNotAllowed          NOT_FOUND                the path has no such method
├── Conflict                      CONFLICT                 the row's or job's state forbids the call
│   ├── IdempotencyConflict       IDEMPOTENCY_CONFLICT     same id, other content
│   └── CancelUnavailable         CONFLICT                 too late: the result is being committed
├── Unauthenticated               UNAUTHENTICATED          no API key, or one that isn't valid
├── ForbiddenScope                FORBIDDEN_SCOPE          the API key lacks the scope that the call needs
├── RateLimited                   RATE_LIMITED             the API key calls too often; retryable
├── UnusableReference             REFERENCE_UNUSABLE       one reference image can't be used
│   ├── ReferenceNotFound         REFERENCE_NOT_FOUND
│   ├── ReferenceTooLarge         REFERENCE_TOO_LARGE      bytes or pixels above the cap
│   ├── ReferenceNotAnImage       REFERENCE_NOT_AN_IMAGE   not a picture of an accepted format, or broken
│   ├── ReferenceUrlRefused       REFERENCE_URL_REFUSED    the URL guard refused it
│   ├── ReferenceFetchFailed      REFERENCE_FETCH_FAILED   the remote server failed; retryable
│   ├── ReferenceDecodeHung       REFERENCE_DECODE_HUNG    the picture can't be decoded in time
│   ├── ReferenceShowsAnother     REFERENCE_SHOWS_ANOTHER  another person than the other references
│   └── ReferenceNotMarked        REFERENCE_NOT_MARKED     no intact mark says that a model made it
├── NoUsableReference             NO_USABLE_REFERENCE      none of the job's references can be used
├── FaceModelMissing              FACE_MODEL_MISSING       the face detector or embedder is missing
├── CalibrationRefused            CALIBRATION_REFUSED      made for another embedder, or no calibration at all
├── SafetyModelMissing            SAFETY_MODEL_MISSING     the safety gate's model is missing, or can't be used
├── WatermarkModelMissing         WATERMARK_MODEL_MISSING  the watermark's models are missing, or can't be used
├── ContentRefused                CONTENT_REFUSED          what must not be rendered, or not be stored
├── LikenessNotReached            LIKENESS_NOT_REACHED     every permitted try of a shot missed the likeness
├── VerifyError                   VERIFY_FAILED            an image couldn't be judged; retryable
│   ├── VerifyProcessDied         VERIFY_PROCESS_DIED      killed or crashed; retryable
│   └── VerifyProcessHung         VERIFY_PROCESS_HUNG      no judgement in time; retryable
├── WatermarkFailed               WATERMARK_FAILED         an image couldn't be watermarked; retryable
│   ├── WatermarkProcessDied      WATERMARK_PROCESS_DIED   killed or crashed; retryable
│   └── WatermarkProcessHung      WATERMARK_PROCESS_HUNG   no marked image in time; retryable
├── RenderError                   RENDER_FAILED            the pipeline raised; retryable
│   ├── RenderProcessDied         RENDER_PROCESS_DIED      killed or crashed; retryable
│   ├── RenderProcessHung         RENDER_PROCESS_HUNG      no sign of life; retryable
│   │   ├── LoadHung              RENDER_LOAD_HUNG         while it loads the profile; retryable
│   │   ├── StepHung              RENDER_STEP_HUNG         before or at a denoising step; retryable
│   │   └── DecodeHung            RENDER_DECODE_HUNG       after an image's last step; retryable
│   ├── RenderOutOfMemory         RENDER_OUT_OF_MEMORY     even one small image doesn't fit the device; retryable
│   ├── DeviceLost                DEVICE_LOST              the device's context is broken; retryable
│   ├── ProfileNeedsReferences    PROFILE_NEEDS_REFERENCES the profile can't make up a person
│   └── ProfileLoadFailed         PROFILE_LOAD_FAILED      the profile can't be loaded here; retryable elsewhere
│       ├── WeightsMissing        WEIGHTS_MISSING          not fetched, or not all of it; retryable elsewhere
│       ├── WeightsRefused        WEIGHTS_REFUSED          they differ from what is pinned; retryable elsewhere
│       └── DeviceUnfit           DEVICE_UNFIT             it fails or miscalculates; retryable elsewhere
├── WeightsFetchFailed            WEIGHTS_FETCH_FAILED     weights can't be downloaded; retryable
├── SigningFailed                 SIGNING_FAILED           key service or timestamp authority failed; retryable
│   └── SigningHung               SIGNING_HUNG             it doesn't answer; retryable
├── StorageError                  STORAGE_UNAVAILABLE      the object store fails; retryable
│   ├── StorageHung               STORAGE_HUNG             a call doesn't end; retryable
│   │   └── FetchHung             FETCH_HUNG               a reference's object doesn't come; retryable
│   ├── ClockSkewed               CLOCK_SKEWED             this machine's clock is not the store's; retryable
│   ├── StorageRefused            STORAGE_REFUSED          it refuses: wrong key, missing right, no such bucket
│   └── ObjectTooLarge            OBJECT_TOO_LARGE         bytes above the reader's cap
├── QueueUnavailable              QUEUE_UNAVAILABLE        Redis can't be reached; retryable
├── DatabaseUnavailable           DATABASE_UNAVAILABLE     the API's database can't be reached or written; retryable
├── StackError                    STACK_UNAVAILABLE        the embedded Redis or S3 can't be started
│   └── StackInUse                STACK_IN_USE             another process has its folder
├── FolderUnusable                FOLDER_UNUSABLE          a folder is full, read-only or not a folder
├── LeaseLost                     LEASE_LOST               another worker holds the job now
│   └── RecordLost                RECORD_LOST              Redis lost the job's record; the job starts again
├── AttemptsExhausted             ATTEMPTS_EXHAUSTED       every permitted attempt ended early
├── DeadlineExceeded              DEADLINE_EXCEEDED        no worker started the job before its expiresAt
├── WatchTimeout                  WATCH_TIMEOUT            a watched job didn't end in time; it goes on
├── WorkerEnded                   WORKER_ENDED             the demo's worker ended before its job did
└── DoctorFinding                 DOCTOR_FINDING           a service works, but not as a worker needs it
"""

from typing import Any, ClassVar


class LikenessError(Exception):
    """Root of the tree. `message` is a sentence for a person that says what to do; `details` is JSON data."""

    code: ClassVar[str] = "INTERNAL"
    retryable: ClassVar[bool] = False

    def __init_subclass__(cls, *, code: str | None = None, retryable: bool | None = None) -> None:
        """Sets the class's `code` and `retryable`. A value that isn't given is the parent's."""
        super().__init_subclass__()
        cls.code = code or cls.code
        cls.retryable = cls.retryable if retryable is None else retryable

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def __reduce__(self) -> tuple[Any, ...]:
        # Details are keyword arguments, which the default pickling of exceptions drops.
        return _rebuild, (type(self), self.message, self.details)


def _rebuild(kind: type[LikenessError], message: str, details: dict[str, Any]) -> LikenessError:
    return kind(message, **details)


class Unforeseen(LikenessError, retryable=True):
    """A bug, or a situation that the code doesn't handle. The message names only the kind of exception; the log
    has the rest."""


class UnreadableDocument(Unforeseen):
    """A document that Likeness stored can't be read: it is broken, or this version is too old for it.
    `details["fields"]` lists the offending paths."""


class InvalidInput(LikenessError, code="VALIDATION"):
    """A document or argument from the caller breaks the contract. `details["fields"]` lists the offending paths."""


class BodyTooLarge(InvalidInput):
    """A request's body is above the cap."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message, **{"subcode": "BODY_TOO_LARGE", **details})


class InvalidSettings(LikenessError, code="SETTINGS_INVALID"):
    """A `LIKENESS_` variable, or an installed add-on, can't be used. A new start doesn't help."""


class SignerUnfit(InvalidSettings, code="SIGNER_UNFIT"):
    """The configured certificate, key or signing callback can't sign images."""


class NotFound(LikenessError, code="NOT_FOUND"):
    """The job, row or object doesn't exist, or belongs to another tenant."""


class MethodNotAllowed(NotFound):
    """There is such a path, but not with this method. `details["allowed"]` has those that it has."""


class Conflict(LikenessError, code="CONFLICT"):
    """The state of a row or job forbids the call. `details["subcode"]` says which rule, where several apply."""


class IdempotencyConflict(Conflict, code="IDEMPOTENCY_CONFLICT"):
    """An id or Idempotency-Key was used before with other content."""


class CancelUnavailable(Conflict):
    """A cancel came too late: the job has ended, or its result is being committed."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message, **{"subcode": "JOB_CANCEL_UNAVAILABLE", **details})


class Unauthenticated(LikenessError, code="UNAUTHENTICATED"):
    """The request has no API key, or one that isn't valid."""


class ForbiddenScope(LikenessError, code="FORBIDDEN_SCOPE"):
    """The API key lacks the scope that the call needs."""


class RateLimited(LikenessError, code="RATE_LIMITED", retryable=True):
    """The API key calls more often than it may. `details["retryAfter"]` is in seconds."""


class UnusableReference(LikenessError, code="REFERENCE_UNUSABLE"):
    """One reference image can't be used; the job goes on without it if others can."""


class ReferenceNotFound(UnusableReference, code="REFERENCE_NOT_FOUND"):
    """Neither the URL's host nor the object store has the reference."""


class ReferenceTooLarge(UnusableReference, code="REFERENCE_TOO_LARGE"):
    """A reference has more bytes or pixels than the limits allow, or would take too much memory to decode."""


class ReferenceNotAnImage(UnusableReference, code="REFERENCE_NOT_AN_IMAGE"):
    """A reference isn't a picture in an accepted format, or its file is broken or truncated."""


class ReferenceUrlRefused(UnusableReference, code="REFERENCE_URL_REFUSED"):
    """The URL guard refused a reference's or webhook's URL: its scheme, port or address isn't allowed."""


class ReferenceFetchFailed(UnusableReference, code="REFERENCE_FETCH_FAILED", retryable=True):
    """The server in a reference's URL failed or didn't answer in time."""


class ReferenceDecodeHung(UnusableReference, code="REFERENCE_DECODE_HUNG"):
    """A reference couldn't be decoded within the time limit."""


class ReferenceShowsAnother(UnusableReference, code="REFERENCE_SHOWS_ANOTHER"):
    """A reference shows another person than the job's other references do."""


class ReferenceNotMarked(UnusableReference, code="REFERENCE_NOT_MARKED"):
    """A reference has no intact, signed mark that says that a trained model made it, and the worker takes no other
    (`LIKENESS_REFERENCES=marked`)."""


class NoUsableReference(LikenessError, code="NO_USABLE_REFERENCE"):
    """None of the job's references can be used. `details["references"]` says why for each."""


class FaceModelMissing(LikenessError, code="FACE_MODEL_MISSING"):
    """The face detector or embedder isn't installed, or its model files are missing."""


class CalibrationRefused(LikenessError, code="CALIBRATION_REFUSED"):
    """The likeness gate has no calibration that fits its embedder."""


class SafetyModelMissing(LikenessError, code="SAFETY_MODEL_MISSING"):
    """The safety gate has no model that it can use, so nothing may be rendered."""


class WatermarkModelMissing(LikenessError, code="WATERMARK_MODEL_MISSING"):
    """The watermark that images must be marked with has no models that it can use."""


class ContentRefused(LikenessError, code="CONTENT_REFUSED"):
    """The job asks for what must not be rendered, or made what must not be stored. Nothing of it is kept.
    `details["rule"]` says which rule decided."""


class LikenessNotReached(LikenessError, code="LIKENESS_NOT_REACHED"):
    """Every permitted try of at least one shot missed the likeness. `details` has the scores."""


class VerifyError(LikenessError, code="VERIFY_FAILED", retryable=True):
    """An image couldn't be judged."""


class VerifyProcessDied(VerifyError, code="VERIFY_PROCESS_DIED"):
    """The verify process was killed or crashed."""


class VerifyProcessHung(VerifyError, code="VERIFY_PROCESS_HUNG"):
    """The verify process gave no judgement within the time limit."""


class WatermarkFailed(LikenessError, code="WATERMARK_FAILED", retryable=True):
    """An image couldn't be watermarked."""


class WatermarkProcessDied(WatermarkFailed, code="WATERMARK_PROCESS_DIED"):
    """The watermark process was killed or crashed."""


class WatermarkProcessHung(WatermarkFailed, code="WATERMARK_PROCESS_HUNG"):
    """The watermark process gave no marked image within the time limit."""


class RenderError(LikenessError, code="RENDER_FAILED", retryable=True):
    """The pipeline raised an error while it rendered."""


class RenderProcessDied(RenderError, code="RENDER_PROCESS_DIED"):
    """The render process was killed or crashed."""


class RenderProcessHung(RenderError, code="RENDER_PROCESS_HUNG"):
    """The render process gave no sign of life within the time limit."""


class LoadHung(RenderProcessHung, code="RENDER_LOAD_HUNG"):
    """The render process hung while it loaded its profile."""


class StepHung(RenderProcessHung, code="RENDER_STEP_HUNG"):
    """The render process hung before or during a denoising step."""


class DecodeHung(RenderProcessHung, code="RENDER_DECODE_HUNG"):
    """The render process hung between an image's last step and its pixels."""


class RenderOutOfMemory(RenderError, code="RENDER_OUT_OF_MEMORY"):
    """The device has too little memory for even one image, with every fallback in use."""


class DeviceLost(RenderError, code="DEVICE_LOST"):
    """The device's context is broken; only a new process can use the device again."""


class ProfileNeedsReferences(RenderError, code="PROFILE_NEEDS_REFERENCES", retryable=False):
    """The profile can't make up a person from a description: it needs references."""


class ProfileLoadFailed(RenderError, code="PROFILE_LOAD_FAILED"):
    """The profile can't be loaded on this node. Another node may be able to."""


class WeightsMissing(ProfileLoadFailed, code="WEIGHTS_MISSING"):
    """The profile's weights were never fetched, or only in part."""


class WeightsRefused(ProfileLoadFailed, code="WEIGHTS_REFUSED"):
    """Weight files differ from what is pinned, or have a format that isn't safe to load."""


class DeviceUnfit(ProfileLoadFailed, code="DEVICE_UNFIT"):
    """The device is missing, unsupported, or computes wrongly."""


class WeightsFetchFailed(LikenessError, code="WEIGHTS_FETCH_FAILED", retryable=True):
    """Weights couldn't be downloaded."""


class SigningFailed(LikenessError, code="SIGNING_FAILED", retryable=True):
    """The key service or the timestamp authority failed."""


class SigningHung(SigningFailed, code="SIGNING_HUNG"):
    """The key service or the timestamp authority didn't answer within the time limit."""


class StorageError(LikenessError, code="STORAGE_UNAVAILABLE", retryable=True):
    """The object store failed or can't be reached."""


class StorageHung(StorageError, code="STORAGE_HUNG"):
    """A call to the object store didn't end within the time limit."""


class FetchHung(StorageHung, code="FETCH_HUNG"):
    """A reference's object didn't arrive from the object store within the time limit."""


class ClockSkewed(StorageError, code="CLOCK_SKEWED"):
    """The object store refused requests because this machine's clock differs from its own."""


class StorageRefused(StorageError, code="STORAGE_REFUSED", retryable=False):
    """The object store refused a request: wrong key, missing right, or no such bucket."""


class ObjectTooLarge(StorageError, code="OBJECT_TOO_LARGE", retryable=False):
    """An object has more bytes than the reader accepts."""


class QueueUnavailable(LikenessError, code="QUEUE_UNAVAILABLE", retryable=True):
    """Redis can't be reached, or refuses commands for now."""


class DatabaseUnavailable(LikenessError, code="DATABASE_UNAVAILABLE", retryable=True):
    """The API's database can't be reached or written."""


class StackError(LikenessError, code="STACK_UNAVAILABLE"):
    """The embedded Redis or S3 server couldn't be started."""


class StackInUse(StackError, code="STACK_IN_USE"):
    """Another process already runs the embedded servers on this data folder."""


class FolderUnusable(LikenessError, code="FOLDER_UNUSABLE"):
    """A folder that a command writes to is full, read-only, or not a folder."""


class LeaseLost(LikenessError, code="LEASE_LOST"):
    """Another worker holds the job now, so this one must write nothing more."""


class RecordLost(LeaseLost, code="RECORD_LOST"):
    """Redis lost the job's record; the job starts again from its message."""


class AttemptsExhausted(LikenessError, code="ATTEMPTS_EXHAUSTED"):
    """Every permitted attempt at the job ended early. `details["lastError"]` has the last reason."""


class DeadlineExceeded(LikenessError, code="DEADLINE_EXCEEDED"):
    """No worker started the job before its `expiresAt`."""


class WatchTimeout(LikenessError, code="WATCH_TIMEOUT"):
    """A watched job didn't end in the time that the watcher gave it; the job goes on."""


class WorkerEnded(LikenessError, code="WORKER_ENDED"):
    """The worker of `likeness demo` ended before its job did."""


class DoctorFinding(LikenessError, code="DOCTOR_FINDING"):
    """`likeness doctor` found a service that works, but not in the way that a worker needs."""
