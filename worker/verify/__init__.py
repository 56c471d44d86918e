"""The verify process: a spawned child that judges images, and the parent's handle on it.

It is no thread, since dlib holds Python's lock for as long as it looks, and leases are short.
"""

from worker.verify.messages import ImageJudged, JudgeImage, ReferencesChecked
from worker.verify.process import VerifyProcess

__all__ = ["ImageJudged", "JudgeImage", "ReferencesChecked", "VerifyProcess"]
