"""What `likeness doctor` checks, in order, and what it says about each."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import entry_points
from typing import Any

from redis.exceptions import RedisError

from models.errors import DoctorFinding, QueueUnavailable
from worker.base.settings import Settings
from worker.cli.faces.embedder import configured_profile, domain_of_profile
from worker.mark.signer import ImageSigner
from worker.mark.watermark.options import watermark_choice
from worker.mark.watermark.process import WatermarkProcess
from worker.node.fake import refuse_real
from worker.queue.broker_check import round_trip
from worker.queue.fleet.presence import Presence, here
from worker.queue.jobs.connection import connect, guarded, refuse_cluster
from worker.queue.jobs.refusals import refusal_of, why_unavailable
from worker.render import RenderProcess
from worker.storage import Storage
from worker.storage.urls import check_urls
from worker.verify import VerifyProcess
from worker.verify.options import safety_choice
from worker.webhooks.outbox import Outbox

GROUP = "likeness.checks"
"""The entry points of checks that other packages add: functions like a `Check`'s. Their names are the checks'."""

# In seconds. Leases use Redis's clock alone, but stores refuse requests signed minutes off their own time.
_MOST_SKEW = 30.0
# In seconds. A deliverer polls several times a second.
_MOST_LATE = 60.0


class Warned(Exception):
    """What a check found works, but won't for long."""


class Unasked(Exception):
    """Why a check has nothing to look at here."""


@dataclass(frozen=True, slots=True)
class Check:
    """A check by its name, as `--skip` takes it. It returns what it found, and raises a LikenessError for what must
    be mended, or Warned. `needs`: the check without which this one would only fail, too."""

    name: str
    title: str
    find: Callable[[Settings], str]
    needs: str | None = None


def all_checks() -> list[Check]:
    """The checks of this package, and those that other packages add."""
    added = sorted(entry_points(group=GROUP), key=lambda one: one.name)
    return [*_checks(), *(_added(found.name, found.load) for found in added)]


def _added(name: str, load: Callable[[], Any]) -> Check:
    def find(configured: Settings) -> str:
        try:
            check = load()
        except ImportError as error:
            raise Unasked(f"{error.name or 'what it needs'} isn't installed here") from None
        return str(check(configured))

    return Check(name, name.replace("-", " "), find)


def _checks() -> tuple[Check, ...]:
    return (
        Check("redis", "Redis answers", _redis),
        Check("redis-writes", "Redis takes writes", _writes, "redis"),
        Check("broker", "jobs can be sent and taken", _broker, "redis"),
        Check("eviction", "Redis keeps everything", _noeviction, "redis"),
        Check("webhooks", "webhooks are delivered", _webhooks, "redis"),
        Check("bucket", "bucket can be written", _bucket),
        Check("urls", "its URLs work", _urls, "bucket"),
        Check("clock", "clock agrees with the store", _clock, "bucket"),
        Check("signer", "images are signed", _signer),
        Check("gate", "images are judged", _gate),
        Check("safety", "unsafe images are refused", _safety),
        Check("watermark", "images are watermarked", _watermark),
        Check("profile", "profile loads", _profile),
    )


def _redis(configured: Settings) -> str:
    refuse_cluster(configured)
    # A person waits. The other checks find that it answers.
    with connect(configured, patient=False) as redis:
        return f"version {_ask(lambda: redis.info('server'))['redis_version']}"


def _writes(configured: Settings) -> str:
    with connect(configured) as redis:
        # It expires by itself.
        guarded(lambda: redis.set(f"{configured.redis_prefix}:doctor", "", px=1000))
    return "it does now"


def _broker(configured: Settings) -> str:
    return f"in {round_trip(configured) * 1000:.0f} ms"


def _noeviction(configured: Settings) -> str:
    with connect(configured) as redis:
        policy: str = _ask(lambda: redis.info("memory"))["maxmemory_policy"]
    if policy != "noeviction":
        raise DoctorFinding(
            f"maxmemory-policy is {policy}: under pressure Redis would drop jobs. "
            "Run: redis-cli config set maxmemory-policy noeviction"
        )
    return policy


def _webhooks(configured: Settings) -> str:
    late = Outbox(configured).late(_MOST_LATE)
    if late:
        raise DoctorFinding(f"{late} have been due for more than a minute. Run: likeness webhooks deliver")
    return "none is late"


def _clock(configured: Settings) -> str:
    skew = abs((datetime.now(UTC) - Storage(configured).clock()).total_seconds())
    if skew > _MOST_SKEW:
        raise DoctorFinding(
            f"This clock is {skew:.0f} s off the object store's. Run an NTP client such as chrony on both machines."
        )
    return f"within {skew:.0f} s, at {datetime.now(UTC):%H:%M:%S} UTC"


def _bucket(configured: Settings) -> str:
    missing = Storage(configured).check_writable()
    place = f"{configured.s3_bucket} at {configured.s3_endpoint_url or 'AWS'}"
    return f"{place}, which heeds no {' and no '.join(missing)}: see docs/operating.md" if missing else place


def _urls(configured: Settings) -> str:
    check_urls(Storage(configured))
    if configured.public_base_url:
        return f"those under {configured.public_base_url}, and uploads'"
    return f"signed for {configured.presign_ttl / 86400:g} days, and uploads'"


def _signer(configured: Settings) -> str:
    signer = ImageSigner.from_settings(configured)
    if signer is None:
        return "no: LIKENESS_SIGNING is off, and images leave with XMP alone"
    signer.check()
    if ends := signer.credentials.ends_soon(datetime.now(UTC)):
        raise Warned(f"{signer.credentials.describe()}. {ends}")
    return signer.credentials.describe()


def _gate(configured: Settings) -> str:
    if configured.gate == "off":
        return "no: LIKENESS_GATE is off, and nobody looks whether images show the same face"
    domain = domain_of_profile(configured)
    process = VerifyProcess(configured, domain)
    try:
        info = process.start().gate
    finally:
        process.stop()
    assert info
    what_then = (
        f"a shot has {configured.max_attempts_per_shot} tries"
        if configured.gate == "required"
        else "all are taken, since LIKENESS_GATE is report"
    )
    by = f"by {info.embedder}, calibration {info.calibration[:12]} for {info.calibrated_for}"
    if info.origin == "published":
        by += ", from published figures: better make your own with `likeness calibrate`"
    if info.calibrated_for != domain:
        by += f" THOUGH THE PROFILE RENDERS {domain}".upper()
    return f"{by}; {what_then}"


def _safety(configured: Settings) -> str:
    profile = configured_profile(configured)
    choice = safety_choice(configured, profile.reads_text)
    if choice.mode == "off":
        return f"no: {choice.why}, and nobody looks at images before they are stored"
    process = VerifyProcess(configured.model_copy(update={"gate": "off"}), profile.domain, screens=True)
    try:
        info = process.start().safety
    finally:
        process.stop()
    assert info
    ages = "it tells apparent minors, too" if info.judges_age else "NOTHING TELLS APPARENT MINORS"
    return f"by {info.classifier}, since {choice.why}; {ages}"


def _watermark(configured: Settings) -> str:
    choice = watermark_choice(configured)
    if choice.mode == "off":
        return f"no: {choice.why}, and an image that is stripped of its metadata isn't found again"
    process = WatermarkProcess(configured)
    try:
        info = process.start()
    finally:
        process.stop()
    return f"by {info.algorithm}, with {info.bits} bits"


def _profile(configured: Settings) -> str:
    refuse_real(configured)
    with suppress(QueueUnavailable):
        # A second copy beside theirs could take the memory that their next job needs.
        if nodes := Presence(configured, patient=False).nodes(here()):
            return f"not tried: {', '.join(nodes)} rendered with it here. Stop them first to have it loaded"
    process = RenderProcess(configured)
    began = time.monotonic()
    try:
        info = process.start()
    finally:
        process.stop()
    where = f"{info.profile} RENDERS ON {info.device}".upper()
    return " ".join(
        [f"{where}, in {info.dtype}; loaded in {time.monotonic() - began:.1f} s.", *info.warnings]
    )


def _ask(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except RedisError as error:
        if refusal_of(error):
            raise QueueUnavailable(why_unavailable(error)) from None
        why = str(error) or type(error).__name__
        raise QueueUnavailable(
            f"{why.removesuffix('.')}. Start Redis, or set LIKENESS_REDIS_URL to where it runs."
        ) from None
