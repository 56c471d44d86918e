"""Options after the `?` in LIKENESS_REDIS_URL, and how each value is parsed."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from models.errors import InvalidSettings

_TRUE = frozenset(("1", "true", "yes", "on"))
_FALSE = frozenset(("0", "false", "no", "off"))


def read_options(query: str, *, tls: bool, sentinels: bool) -> dict[str, Any]:
    """Parses the options into those of redis-py's connections, by name; those of Sentinels keep their prefix.

    Raises InvalidSettings, which never quotes the input: it may be a part of a password with a `?` in it.
    """
    known = _GENERAL | (_TLS if tls else {}) | (_SENTINELS if sentinels else {})
    options: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            raise InvalidSettings(_unknown(name, known))
        try:
            options[name] = known[name](value)
        except ValueError as error:
            raise InvalidSettings(f"LIKENESS_REDIS_URL: {name} {error}.") from None
    _require_loadable(options)
    return options


def _unknown(name: str, known: dict[str, Any]) -> str:
    if name in _TLS:
        return f"LIKENESS_REDIS_URL: {name} needs TLS. Begin the URL with rediss:// or sentinels://."
    if name in _SENTINELS:
        return f"LIKENESS_REDIS_URL: {name} needs Sentinels. Begin the URL with sentinel:// or sentinels://."
    return (
        "LIKENESS_REDIS_URL has an option after its ? that isn't known here. "
        f"These are: {', '.join(sorted(known))}. Write a ? in a password as %3F."
    )


def _whole(value: str) -> int:
    if not value.isdecimal():
        raise ValueError("must be a whole number")
    return int(value)


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0
    # Some reads wait for a second on purpose.
    if not 2 <= seconds < float("inf"):
        raise ValueError("must be a number of seconds, 2 or more")
    return seconds


def _protocol(value: str) -> int | None:
    if value not in ("2", "3"):
        raise ValueError("must be 2 or 3")
    # Without this option, redis-py 8 speaks 3 and gives its answers the shapes of 2, as is wanted here.
    return 2 if value == "2" else None


def _yes(value: str) -> bool:
    if value.lower() not in _TRUE | _FALSE:
        raise ValueError("must be yes or no")
    return value.lower() in _TRUE


def _cert_reqs(value: str) -> str:
    # Celery and hosting providers write them as Python's ssl module calls them.
    name = value.lower().removeprefix("cert_")
    if name not in ("none", "optional", "required"):
        raise ValueError("must be required, optional or none")
    return name


def _file(value: str) -> str:
    if not Path(value).is_file():
        raise ValueError("names a file that isn't there")
    return value


def _folder(value: str) -> str:
    if not Path(value).is_dir():
        raise ValueError("names a folder that isn't there")
    return value


def _require_loadable(options: dict[str, Any]) -> None:
    """Checks that certificates can be loaded: otherwise it would look like a Redis that doesn't answer."""
    context = ssl.create_default_context()
    try:
        if {"ssl_ca_certs", "ssl_ca_path"} & options.keys():
            context.load_verify_locations(options.get("ssl_ca_certs"), options.get("ssl_ca_path"))
    except OSError:
        raise InvalidSettings("LIKENESS_REDIS_URL: ssl_ca_certs must hold certificates as PEM.") from None
    if not {"ssl_certfile", "ssl_keyfile"} & options.keys():
        return
    if "ssl_certfile" not in options:
        raise InvalidSettings("LIKENESS_REDIS_URL: ssl_keyfile is of no use without ssl_certfile.")
    try:
        # An empty password keeps OpenSSL from asking for one at the terminal.
        context.load_cert_chain(
            options["ssl_certfile"], options.get("ssl_keyfile"), options.get("ssl_password", "")
        )
    except OSError:
        raise InvalidSettings(
            "LIKENESS_REDIS_URL: ssl_certfile and ssl_keyfile can't be loaded. They must be a certificate and its "
            "key as PEM; ssl_password is the key's, if it is encrypted."
        ) from None


_Readers = dict[str, Callable[[str], Any]]
_GENERAL: _Readers = {
    "client_name": str,
    "db": _whole,
    "health_check_interval": _whole,
    "password": str,
    "protocol": _protocol,
    "socket_connect_timeout": _seconds,
    "socket_keepalive": _yes,
    "socket_timeout": _seconds,
    "username": str,
}
_TLS: _Readers = {
    "ssl_ca_certs": _file,
    "ssl_ca_path": _folder,
    "ssl_cert_reqs": _cert_reqs,
    "ssl_certfile": _file,
    "ssl_check_hostname": _yes,
    "ssl_keyfile": _file,
    "ssl_password": str,
}
_SENTINELS: _Readers = {"sentinel_password": str, "sentinel_username": str}
