"""Tiny weights, and the hub that they come from."""
