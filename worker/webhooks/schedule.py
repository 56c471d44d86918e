"""Decides what an answer means, by Standard Webhooks 1.0.0: only a 2xx is success, and a 410 ends the delivery."""

from collections.abc import Callable, Sequence
from random import random

from worker.webhooks.outbox import Outcome
from worker.webhooks.sender import Answer

_GONE = 410
# The longest time, in seconds, for which a receiver can put a delivery off.
_MOST_WAIT = 86_400
# The share of a wait that is added at random, so that a receiver that was down doesn't get everything at once.
_JITTER = 0.2


def outcome_of(
    answer: Answer, number: int, waits: Sequence[float], random: Callable[[], float] = random
) -> Outcome:
    """The outcome of a delivery's try `number`, from 1. `waits` are in seconds."""
    if answer.status is None:
        # Where nothing was sent, that isn't the receiver's fault.
        text, is_slow = answer.failure, not (answer.is_refused or answer.is_unsigned)
    else:
        text, is_slow = _describe(answer.status), False
    if answer.status is not None and 200 <= answer.status < 300:
        return Outcome("delivered", text)
    hold = min(answer.retry_after, _MOST_WAIT)
    if answer.is_refused or answer.status == _GONE or number > len(waits):
        return Outcome("failed", text, hold=hold, gone=answer.status == _GONE, slow=is_slow)
    delay = max(waits[number - 1] * (1 + _JITTER * random()), hold)
    return Outcome("pending", text, delay=delay, hold=hold, slow=is_slow)


def _describe(status: int) -> str:
    if 300 <= status < 400:
        return f"{status}: redirects aren't followed"
    if status == _GONE:
        return f"{status}: this URL is not tried again"
    return str(status)
