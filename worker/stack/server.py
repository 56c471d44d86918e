"""The base of the stack's servers: finds a free loopback port, starts the server and waits for it, and ends it."""

import os
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

from models.errors import StackError
from worker.stack.child import LeashedChild

HOST = "127.0.0.1"
_PORT_TRIES = 5
_POLL_INTERVAL = 0.05
_CLOSE_TIMEOUT = 5


class Server(ABC):
    """A server that listens on a loopback port of its own choice and keeps that port when started again.

    `directory` holds its data and its log; `startup_timeout` is in seconds.
    """

    name: ClassVar[str]

    def __init__(self, directory: Path, *, startup_timeout: float = 20) -> None:
        self.directory = directory.resolve()
        self._startup_timeout = startup_timeout
        self.descriptors: Sequence[int] = ()
        """File descriptors that stay open until the server has ended."""
        self.preferred_port: int | None = None
        """The port to try first at the first start."""
        self._child: LeashedChild | None = None
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

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.is_alive

    @property
    def status(self) -> int | None:
        """The exit status, once it has ended by itself."""
        return self._child.status if self._child else None

    @property
    def log(self) -> Path:
        """The file with its output."""
        return self.directory / f"{self.name.lower()}.log"

    def start(self) -> None:
        """Start it and wait until it answers. Does nothing if it runs.

        Raises StackError, with the end of the server's log, if it ends early or isn't ready in time.
        """
        if self.is_running:
            return
        self.stop()  # Removes what is left of a server that crashed.
        self.directory.mkdir(parents=True, exist_ok=True)
        known, tries = self._port, 1 if self._port else _PORT_TRIES
        for attempt in range(tries):
            preferred = self.preferred_port if attempt == 0 else None
            port = known or preferred or _free_port()
            try:
                self._child = self._launch(port)
            except _PortTakenError:
                # Anybody can take a port between our finding it free and the server's binding it.
                if attempt + 1 == tries:
                    raise
            else:
                self._port = port
                return

    def stop(self) -> None:
        """Stop it and wait for its end. Does nothing if it doesn't run."""
        child, self._child = self._child, None
        if child is not None:
            child.stop()
            self._wait_until_closed()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            self._wait_until_closed()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _wait_until_closed(self) -> None:
        # A server that is killed with its leash is nobody's child: only its port shows when it has gone.
        deadline = time.monotonic() + _CLOSE_TIMEOUT
        while _listens(self.port) and time.monotonic() < deadline:
            time.sleep(_POLL_INTERVAL)

    def _launch(self, port: int) -> LeashedChild:
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
