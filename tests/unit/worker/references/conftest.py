"""The scripted server as a fixture, and the certificate authority that vouches for it."""

import ssl
from collections.abc import Iterator

import pytest
import trustme

from tests.support.servers.scripted_server import HOST, Script, ScriptedServer, Serve


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    """The client's trust store: the test's authority and no other."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def serve(authority: trustme.CA) -> Iterator[Serve]:
    """Start a server: `serve(script)`, with a certificate for HOST; `secure=False` for plain http."""
    running: list[ScriptedServer] = []

    def start(script: Script, *, secure: bool = True) -> ScriptedServer:
        context = None
        if secure:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(HOST).configure_cert(context)
        server = ScriptedServer(script, context)
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()
