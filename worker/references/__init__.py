"""Fetches, checks and decodes references, which are treated as hostile."""
