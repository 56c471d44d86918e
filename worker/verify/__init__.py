"""The verify process: a spawned child that judges images, and the parent's handle on it.

It is a process, not a thread: dlib holds the GIL while it searches, and leases are short.
"""

from worker.verify.messages import ImageJudged, JudgeImage, ReferencesChecked, VerifyInfo
from worker.verify.process import VerifyProcess

__all__ = ["ImageJudged", "JudgeImage", "ReferencesChecked", "VerifyInfo", "VerifyProcess"]
