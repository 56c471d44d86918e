"""`likeness doctor`: what a worker needs, looked at one by one, each with what to do about it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from redis.exceptions import RedisError
from rich.console import Console
from rich.table import Table

from models.errors import DoctorFinding, LikenessError, QueueUnavailable
from worker.jobs.connection import connect
from worker.render import RenderProcess
from worker.settings import Settings, settings
from worker.storage import Storage

# More than this, in seconds, and presigned URLs and signed requests begin to be refused.
_MOST_SKEW = 30.0


def examine() -> bool:
    """Print a table of checks. True if all passed."""
    known = settings()
    checks: dict[str, Callable[[Settings], str]] = {
        "Redis answers": _redis,
        "Redis keeps everything": _noeviction,
        "clock agrees with Redis": _clock,
        "bucket can be written": _bucket,
        "profile loads": _profile,
    }
    table = Table("", "check", "finding", box=None)
    healthy = True
    for name, check in checks.items():
        try:
            table.add_row("[green]ok[/]", name, check(known))
        except LikenessError as error:
            healthy = False
            table.add_row("[red]no[/]", name, f"{error.message} [dim]({error.code})[/]")
    Console().print(table)
    return healthy


def _redis(known: Settings) -> str:
    with connect(known) as redis:
        return f"version {_ask(lambda: redis.info('server'))['redis_version']}"


def _noeviction(known: Settings) -> str:
    with connect(known) as redis:
        policy: str = _ask(lambda: redis.info("memory"))["maxmemory_policy"]
    if policy != "noeviction":
        raise DoctorFinding(
            f"maxmemory-policy is {policy}: under pressure Redis would drop jobs. "
            "Run: redis-cli config set maxmemory-policy noeviction"
        )
    return policy


def _clock(known: Settings) -> str:
    with connect(known) as redis:
        seconds, microseconds = _ask(redis.time)
    skew = abs(time.time() - (seconds + microseconds / 1e6))
    if skew > _MOST_SKEW:
        raise DoctorFinding(
            f"This clock is {skew:.0f} s off. Run an NTP client such as chrony on both machines."
        )
    return f"{skew * 1000:.0f} ms apart at {datetime.now(UTC):%H:%M:%S} UTC"


def _bucket(known: Settings) -> str:
    Storage(known).check_writable()
    return f"{known.s3_bucket} at {known.s3_endpoint_url or 'AWS'}"


def _profile(known: Settings) -> str:
    process = RenderProcess(known)
    began = time.monotonic()
    try:
        info = process.start()
    finally:
        process.stop()
    return f"{info.profile} on {info.device}, {info.dtype}, in {time.monotonic() - began:.1f} s"


def _ask(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except RedisError as error:
        raise QueueUnavailable(
            f"{type(error).__name__}. Start Redis, or set LIKENESS_REDIS_URL to where it runs."
        ) from None
