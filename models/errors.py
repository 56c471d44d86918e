"""The one error tree. An error knows its stable code and whether trying again can help.

LikenessError                                              the root; never raised itself
├── Unforeseen                    INTERNAL                 a bug, or a thing that nobody foresaw; retryable
├── InvalidInput                  VALIDATION               the caller's document breaks the contract
├── InvalidSettings               SETTINGS_INVALID         a LIKENESS_ variable can't be used
│   └── SignerUnfit               SIGNER_UNFIT             the certificate, key or callback can't sign images
├── NotFound                      NOT_FOUND                no such job or object, or it is another tenant's
├── Conflict                      CONFLICT                 the thing's state forbids the call
│   ├── IdempotencyConflict       IDEMPOTENCY_CONFLICT     same id, other content
│   └── CancelUnavailable         CONFLICT                 too late: the result is being committed
├── Unauthenticated               UNAUTHENTICATED          no API key, or one that isn't valid
├── ForbiddenScope                FORBIDDEN_SCOPE          the API key hasn't the scope that the call needs
├── RateLimited                   RATE_LIMITED             the API key calls too often; retryable
├── UnusableReference             REFERENCE_UNUSABLE       one reference image can't be used
│   ├── ReferenceNotFound         REFERENCE_NOT_FOUND
│   ├── ReferenceTooLarge         REFERENCE_TOO_LARGE      bytes or pixels above the cap
│   ├── ReferenceNotAnImage       REFERENCE_NOT_AN_IMAGE   not a picture of an accepted format, or broken
│   ├── ReferenceUrlRefused       REFERENCE_URL_REFUSED    the URL guard said no
│   ├── ReferenceFetchFailed      REFERENCE_FETCH_FAILED   the far server failed; retryable
│   ├── ReferenceDecodeHung       REFERENCE_DECODE_HUNG    the picture can't be decoded in time
│   └── ReferenceShowsAnother     REFERENCE_SHOWS_ANOTHER  another person than the rest of them do
├── NoUsableReference             NO_USABLE_REFERENCE      none of the job's references can be used
├── FaceModelMissing              FACE_MODEL_MISSING       what finds and describes faces isn't here
├── CalibrationRefused            CALIBRATION_REFUSED      made for another embedder, or no calibration at all
├── LikenessNotReached            LIKENESS_NOT_REACHED     every permitted try of a shot missed the likeness
├── VerifyError                   VERIFY_FAILED            an image couldn't be judged; retryable
│   ├── VerifyProcessDied         VERIFY_PROCESS_DIED      killed or crashed; retryable
│   └── VerifyProcessHung         VERIFY_PROCESS_HUNG      no judgement in time; retryable
├── RenderError                   RENDER_FAILED            the pipeline raised; retryable
│   ├── RenderProcessDied         RENDER_PROCESS_DIED      killed or crashed; retryable
│   ├── RenderProcessHung         RENDER_PROCESS_HUNG      no sign of life; retryable
│   │   ├── LoadHung              RENDER_LOAD_HUNG         while it loads the profile; retryable
│   │   ├── StepHung              RENDER_STEP_HUNG         before or at a denoising step; retryable
│   │   └── DecodeHung            RENDER_DECODE_HUNG       after an image's last step; retryable
│   ├── RenderOutOfMemory         RENDER_OUT_OF_MEMORY     even one small image doesn't fit the device; retryable
│   ├── DeviceLost                DEVICE_LOST              the device's context is broken; retryable
│   ├── ProfileNeedsReferences    PROFILE_NEEDS_REFERENCES the profile can't make a person up
│   └── ProfileLoadFailed         PROFILE_LOAD_FAILED      the profile can't be loaded here; retryable elsewhere
│       ├── WeightsMissing        WEIGHTS_MISSING          not fetched, or not all of it; retryable elsewhere
│       ├── WeightsRefused        WEIGHTS_REFUSED          they aren't what was pinned; retryable elsewhere
│       └── DeviceUnfit           DEVICE_UNFIT             it fails or miscalculates; retryable elsewhere
├── WeightsFetchFailed            WEIGHTS_FETCH_FAILED     weights can't be downloaded; retryable
├── SigningFailed                 SIGNING_FAILED           key service or timestamp authority failed; retryable
│   └── SigningHung               SIGNING_HUNG             it doesn't answer; retryable
├── StorageError                  STORAGE_UNAVAILABLE      the object store fails; retryable
│   ├── StorageHung               STORAGE_HUNG             a call doesn't end; retryable
│   │   └── FetchHung             FETCH_HUNG               a reference's object doesn't come; retryable
│   ├── ClockSkewed               CLOCK_SKEWED             this machine's clock is not the store's; retryable
│   ├── StorageRefused            STORAGE_REFUSED          it says no: wrong key, no right, no such bucket
│   └── ObjectTooLarge            OBJECT_TOO_LARGE         bytes above the reader's cap
├── QueueUnavailable              QUEUE_UNAVAILABLE        Redis can't be reached; retryable
├── DatabaseUnavailable           DATABASE_UNAVAILABLE     the API's database can't be reached or written; retryable
├── StackError                    STACK_UNAVAILABLE        the embedded Redis or S3 can't be started
│   └── StackInUse                STACK_IN_USE             another process has its folder
├── LeaseLost                     LEASE_LOST               another worker holds the job now
│   └── RecordLost                RECORD_LOST              Redis lost the job, which then begins anew
├── AttemptsExhausted             ATTEMPTS_EXHAUSTED       every permitted attempt ended early
├── DeadlineExceeded              DEADLINE_EXCEEDED        no worker began with the job before its expiresAt
├── WatchTimeout                  WATCH_TIMEOUT            a watched job didn't end in time; it goes on
├── WorkerEnded                   WORKER_ENDED             the demo's worker ended before its job did
└── DoctorFinding                 DOCTOR_FINDING           it works, but not as a worker needs it
"""

from typing import Any, ClassVar


class LikenessError(Exception):
    """Root of the tree. `message` is a sentence for a person that says what to do; `details` is JSON data."""

    code: ClassVar[str] = "INTERNAL"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def __reduce__(self) -> tuple[Any, ...]:
        # Details are keyword arguments, which the default pickling of exceptions forgets.
        return _rebuild, (type(self), self.message, self.details)


def _rebuild(kind: type[LikenessError], message: str, details: dict[str, Any]) -> LikenessError:
    return kind(message, **details)


class Unforeseen(LikenessError):
    retryable = True


class InvalidInput(LikenessError):
    code = "VALIDATION"


class InvalidSettings(LikenessError):
    code = "SETTINGS_INVALID"


class SignerUnfit(InvalidSettings):
    code = "SIGNER_UNFIT"


class NotFound(LikenessError):
    code = "NOT_FOUND"


class Conflict(LikenessError):
    code = "CONFLICT"


class IdempotencyConflict(Conflict):
    code = "IDEMPOTENCY_CONFLICT"


class CancelUnavailable(Conflict):
    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message, **{"subcode": "JOB_CANCEL_UNAVAILABLE", **details})


class Unauthenticated(LikenessError):
    code = "UNAUTHENTICATED"


class ForbiddenScope(LikenessError):
    code = "FORBIDDEN_SCOPE"


class RateLimited(LikenessError):
    code = "RATE_LIMITED"
    retryable = True


class UnusableReference(LikenessError):
    code = "REFERENCE_UNUSABLE"


class ReferenceNotFound(UnusableReference):
    code = "REFERENCE_NOT_FOUND"


class ReferenceTooLarge(UnusableReference):
    code = "REFERENCE_TOO_LARGE"


class ReferenceNotAnImage(UnusableReference):
    code = "REFERENCE_NOT_AN_IMAGE"


class ReferenceUrlRefused(UnusableReference):
    code = "REFERENCE_URL_REFUSED"


class ReferenceFetchFailed(UnusableReference):
    code = "REFERENCE_FETCH_FAILED"
    retryable = True


class ReferenceDecodeHung(UnusableReference):
    code = "REFERENCE_DECODE_HUNG"


class ReferenceShowsAnother(UnusableReference):
    code = "REFERENCE_SHOWS_ANOTHER"


class NoUsableReference(LikenessError):
    code = "NO_USABLE_REFERENCE"


class FaceModelMissing(LikenessError):
    code = "FACE_MODEL_MISSING"


class CalibrationRefused(LikenessError):
    code = "CALIBRATION_REFUSED"


class LikenessNotReached(LikenessError):
    code = "LIKENESS_NOT_REACHED"


class VerifyError(LikenessError):
    code = "VERIFY_FAILED"
    retryable = True


class VerifyProcessDied(VerifyError):
    code = "VERIFY_PROCESS_DIED"


class VerifyProcessHung(VerifyError):
    code = "VERIFY_PROCESS_HUNG"


class RenderError(LikenessError):
    code = "RENDER_FAILED"
    retryable = True


class RenderProcessDied(RenderError):
    code = "RENDER_PROCESS_DIED"


class RenderProcessHung(RenderError):
    code = "RENDER_PROCESS_HUNG"


class LoadHung(RenderProcessHung):
    code = "RENDER_LOAD_HUNG"


class StepHung(RenderProcessHung):
    code = "RENDER_STEP_HUNG"


class DecodeHung(RenderProcessHung):
    code = "RENDER_DECODE_HUNG"


class RenderOutOfMemory(RenderError):
    code = "RENDER_OUT_OF_MEMORY"


class DeviceLost(RenderError):
    code = "DEVICE_LOST"


class ProfileNeedsReferences(RenderError):
    code = "PROFILE_NEEDS_REFERENCES"
    retryable = False


class ProfileLoadFailed(RenderError):
    code = "PROFILE_LOAD_FAILED"


class WeightsMissing(ProfileLoadFailed):
    code = "WEIGHTS_MISSING"


class WeightsRefused(ProfileLoadFailed):
    code = "WEIGHTS_REFUSED"


class DeviceUnfit(ProfileLoadFailed):
    code = "DEVICE_UNFIT"


class WeightsFetchFailed(LikenessError):
    code = "WEIGHTS_FETCH_FAILED"
    retryable = True


class SigningFailed(LikenessError):
    code = "SIGNING_FAILED"
    retryable = True


class SigningHung(SigningFailed):
    code = "SIGNING_HUNG"


class StorageError(LikenessError):
    code = "STORAGE_UNAVAILABLE"
    retryable = True


class StorageHung(StorageError):
    code = "STORAGE_HUNG"


class FetchHung(StorageHung):
    code = "FETCH_HUNG"


class ClockSkewed(StorageError):
    code = "CLOCK_SKEWED"


class StorageRefused(StorageError):
    code = "STORAGE_REFUSED"
    retryable = False


class ObjectTooLarge(StorageError):
    code = "OBJECT_TOO_LARGE"
    retryable = False


class QueueUnavailable(LikenessError):
    code = "QUEUE_UNAVAILABLE"
    retryable = True


class DatabaseUnavailable(LikenessError):
    code = "DATABASE_UNAVAILABLE"
    retryable = True


class StackError(LikenessError):
    code = "STACK_UNAVAILABLE"


class StackInUse(StackError):
    code = "STACK_IN_USE"


class LeaseLost(LikenessError):
    code = "LEASE_LOST"


class RecordLost(LeaseLost):
    code = "RECORD_LOST"


class AttemptsExhausted(LikenessError):
    code = "ATTEMPTS_EXHAUSTED"


class DeadlineExceeded(LikenessError):
    code = "DEADLINE_EXCEEDED"


class WatchTimeout(LikenessError):
    code = "WATCH_TIMEOUT"


class WorkerEnded(LikenessError):
    code = "WORKER_ENDED"


class DoctorFinding(LikenessError):
    code = "DOCTOR_FINDING"
