"""Guarded HTTP requests to URLs from outside."""
