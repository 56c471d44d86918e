"""The profile for producers' own tests."""

FAKE_PROFILE = "fake"
"""Draws placeholders, and ends jobs as they ask for. Workers refuse it where a deployment could be real."""
