"""The scripted server of the references' tests."""

from tests.unit.worker.references.conftest import authority, serve, tls

__all__ = ["authority", "serve", "tls"]
