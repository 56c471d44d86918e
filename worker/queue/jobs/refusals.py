"""Classifies Redis's error answers, and words them for an operator.

Redis's own text isn't shown: it may contain what was sent.
"""

import re

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)

# Each means "not now": the refused command can be retried unchanged.
_MEANINGS = {
    "READONLY": "it is a replica and takes no writes. Wait for the failover, or let LIKENESS_REDIS_URL lead to the "
    "master",
    "OOM": "its memory is full. Raise maxmemory, or remove what else is in it",
    "MISCONF": "it can't save its data to disk, and so takes no writes. Look into its log, and at its disk",
    "LOADING": "it is still loading its data. Wait",
    "BUSY": "a script keeps it busy. Wait, or look for the script's owner",
    "CLUSTERDOWN": "its cluster is down. Look at the cluster's nodes",
    "NOREPLICAS": "too few replicas follow it. Look at them, or at min-replicas-to-write",
    "MASTERDOWN": "it is a replica that lost its master. Wait for the failover, or let LIKENESS_REDIS_URL lead to "
    "the master",
    "NOPERM": "its user has no right to that. Give LIKENESS_REDIS_URL's user all commands on its keys: see "
    "docs/operating.md",
    "WRONGPASS": "it doesn't accept the user or password in LIKENESS_REDIS_URL",
    "UNBLOCKED": "it just became a replica. Wait for the failover",
}
_CODE = re.compile(rf"\b({'|'.join(_MEANINGS)})\b")
# redis-py removes the code from the text if it has a class for it.
_CODE_OF: tuple[tuple[type[Exception], str], ...] = (
    (ReadOnlyError, "READONLY"),
    (OutOfMemoryError, "OOM"),
    (BusyLoadingError, "LOADING"),
    (MasterDownError, "MASTERDOWN"),
    (ClusterDownError, "CLUSTERDOWN"),
    (NoPermissionError, "NOPERM"),
    (AuthenticationError, "WRONGPASS"),
)
# Up to version 6, Redis has no code for NOPERM inside scripts.
_NO_RIGHT_IN_SCRIPT = "The user executing the script can't"


def refusal_of(error: BaseException | None) -> str | None:
    """Redis's code for a refusal that may pass; None for other errors. It also looks into wrapped errors."""
    while error is not None:
        if code := _code_of(error):
            return code
        error = error.__cause__
    return None


def why_unavailable(error: BaseException) -> str:
    """A sentence that says why Redis is unavailable, and what to do."""
    code = refusal_of(error)
    if code is None:
        return f"Redis does not answer ({type(error).__name__}). Check LIKENESS_REDIS_URL and the server."
    return f"Redis refuses ({code}): {_MEANINGS[code]}."


def _code_of(error: BaseException) -> str | None:
    for kind, code in _CODE_OF:
        if isinstance(error, kind):
            return code
    if not isinstance(error, ResponseError):
        return None
    # A pipeline puts the command before it, which holds what was sent.
    said = str(error).rpartition("caused error: ")[2]
    if _NO_RIGHT_IN_SCRIPT in said:
        return "NOPERM"
    found = _CODE.search(said)
    return found.group() if found else None
