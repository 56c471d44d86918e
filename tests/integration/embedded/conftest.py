"""The profile `embedded` with the weights that are shipped."""

from tests.support.weights.embedded import engine, shipped

__all__ = ["engine", "shipped"]
