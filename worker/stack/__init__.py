"""The embedded stack: a real Redis and a real S3 server that pip can bring."""

from worker.stack.embedded import EmbeddedStack

__all__ = ["EmbeddedStack"]
