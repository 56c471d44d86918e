"""Guarded HTTP for URLs that somebody else wrote."""
