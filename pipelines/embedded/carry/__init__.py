"""Carries the references' own pixels into a new view, over the mesh that was fitted to them.

`Carrier.of` once for each person, `Carrier.picture` for each view. Only numpy and OpenCV.
"""

from pipelines.embedded.carry.carrier import Carried, Carrier

__all__ = ["Carried", "Carrier"]
