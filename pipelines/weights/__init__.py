"""Weights on disk: how they are fetched, locked, verified and loaded.

`Source` (a profile's) → `fetch` → files and their `Lock` in a `WeightStore` → `verify` → `load_folder`. Importing
this package doesn't import torch; `pipelines.weights.safe` does, and `pipelines.weights.fetch` imports the hub's
client.
"""

from pipelines.weights.lock import Lock, LockedFile
from pipelines.weights.offline import offline
from pipelines.weights.store import WeightStore, store_of
from pipelines.weights.verify import VerifiedSource, check_known, verify

__all__ = [
    "Lock",
    "LockedFile",
    "VerifiedSource",
    "WeightStore",
    "check_known",
    "offline",
    "store_of",
    "verify",
]
