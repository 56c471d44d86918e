"""What an answer means, by Standard Webhooks 1.0.0: only a 2xx is success, and 410 ends it."""

from collections.abc import Callable, Sequence
from random import random

from worker.webhooks.outbox import Outcome
from worker.webhooks.sender import Answer

_GONE = 410
# No receiver puts a delivery off for longer, in seconds.
_MOST_WAIT = 86_400
# Of a wait, added at random: receivers that were down aren't met by everything at once.
_JITTER = 0.2


def outcome_of(
    answer: Answer, number: int, waits: Sequence[float], random: Callable[[], float] = random
) -> Outcome:
    """What becomes of a delivery after its try `number`, from 1. `waits` are in seconds."""
    if answer.status is None:
        # A refusal is no fault of the receiver's, and comes at once.
        text, is_slow = answer.failure, not answer.is_refused
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
