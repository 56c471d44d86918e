"""Carries the references' own pixels into a new view, over the mesh that was fitted to them.

Call `Carrier.of` once for each person and `Carrier.picture` for each view. Needs only numpy and OpenCV.
"""

from pipelines.embedded.carry.carrier import Carried, Carrier

__all__ = ["Carried", "Carrier"]
