"""The base of the stack's servers: finds a free loopback port, starts the server and waits for it, and ends it."""

import os
import socket
import time
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

from models.errors import StackError
from worker.stack.child import LeashedChild
from worker.stack.part import Part

HOST = "127.0.0.1"
_PORT_TRIES = 5
_POLL_INTERVAL = 0.05
_CLOSE_TIMEOUT = 5


class Server(Part):
    """A server that listens on a loopback port of its own choice and keeps that port when started again.

    `directory` holds its data and its log; `startup_timeout` is in seconds.
    """

    def __init__(self, directory: Path, *, startup_timeout: float = 20) -> None:
        self.directory = directory.resolve()
        self.log = self.directory / f"{self.name.lower()}.log"
        self._startup_timeout = startup_timeout
        self.descriptors: Sequence[int] = ()
        """File descriptors that stay open until the server has ended."""
        self.preferred_port: int | None = None
        """The port to try first at the first start."""
        self._port: int | None = None

    @abstractmethod
    def command(self, port: int) -> Sequence[str]:
        """The command that serves on `port`. Raises StackError if its program isn't installed."""

    @abstractmethod
    def is_ready(self, port: int) -> bool:
        """Whether *this* server, and not a stranger that took the port, answers on `port`."""

    def environment(self) -> dict[str, str]:
        """The environment that the server runs in."""
        return dict(os.environ)

    @property
    def port(self) -> int:
        """The port that it listens on. Raises StackError before the first start."""
        if self._port is None:
            raise StackError(f"The {self.name} server has not been started.")
        return self._port

    def stop(self) -> None:
        was_started = self._child is not None
        super().stop()
        if was_started:
            self._wait_until_closed()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            self._wait_until_closed()

    def _wait_until_closed(self) -> None:
        # A server that is killed with its leash is nobody's child: only its port shows when it has gone.
        deadline = time.monotonic() + _CLOSE_TIMEOUT
        while _listens(self.port) and time.monotonic() < deadline:
            time.sleep(_POLL_INTERVAL)

    def _launch(self) -> LeashedChild:
        """Raises StackError, with the end of the server's log, if it ends early or isn't ready in time."""
        self.directory.mkdir(parents=True, exist_ok=True)
        ports = [self._port] if self._port else [self.preferred_port or _free_port()]
        while True:
            port = ports[-1]
            try:
                child = self._serve(port)
            except _PortTakenError:
                # Anybody can take a port between our finding it free and the server's binding it.
                if self._port or len(ports) == _PORT_TRIES:
                    raise
                ports.append(_free_port())
            else:
                self._port = port
                return child

    def _serve(self, port: int) -> LeashedChild:
        child = LeashedChild(
            self.command(port), environment=self.environment(), log=self.log, descriptors=self.descriptors
        )
        try:
            self._wait_until_ready(child, port)
        except BaseException:
            child.stop()
            raise
        return child

    def _wait_until_ready(self, child: LeashedChild, port: int) -> None:
        deadline = time.monotonic() + self._startup_timeout
        while True:
            # Whether it lives is checked last: a server that lost its port to a stranger must not pass for ready.
            if _listens(port) and self.is_ready(port) and child.is_alive:
                return
            if not child.is_alive:
                tail = child.tail()
                kind = _PortTakenError if "address already in use" in tail.lower() else StackError
                raise kind(
                    f"The embedded {self.name} server ended at once, with status {child.status}. "
                    f"Its log ends:\n{tail}"
                )
            if time.monotonic() > deadline:
                raise StackError(
                    f"The embedded {self.name} server did not answer on port {port} within "
                    f"{self._startup_timeout:g} s. Its log ends:\n{child.tail()}"
                )
            time.sleep(_POLL_INTERVAL)


class _PortTakenError(StackError):
    """Somebody else listens on the port."""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
