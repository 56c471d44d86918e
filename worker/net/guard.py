"""The URL guard: decides which URLs and addresses references are fetched from and webhooks are sent to.

It is pure policy, except that `look_up` asks the system's resolver. Callers must connect to the addresses that
`resolve` returned: a second look-up could return others.
"""

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from models.base import MOST_URL
from models.errors import ReferenceFetchFailed, ReferenceNotFound, ReferenceUrlRefused

Address = IPv4Address | IPv6Address
LookUp = Callable[[str, int], tuple[Address, ...]]

_DEFAULT_PORTS = {"https": 443, "http": 80}
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_BRACKETED = re.compile(r"\[[^\[\]]*\](?::.*)?")
# URL libraries read such a last label as an IPv4 address in decimal, octal or hexadecimal.
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
# Letters that the old and the new IDNA rules send to different hosts: the caller must say which is meant.
_AMBIGUOUS = frozenset("ßẞς\u200c\u200d")

# What `is_global` says of these depends on the Python release; none of them serves pictures.
_NEVER_V4 = tuple(
    IPv4Network(net)
    for net in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "240.0.0.0/4",
    )
)
_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
# IETF protocols (Teredo among them), documentation, 6to4. Tunnels hide an IPv4 address inside.
_NEVER_V6 = tuple(IPv6Network(net) for net in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class CheckedUrl:
    """A URL that passed the guard, split into the parts that a request needs."""

    scheme: str
    host: str
    """Lower-case ASCII name without a final dot, or a bare address (no brackets)."""
    port: int
    target: str = field(repr=False)
    """Path and query. The query may be a signature, so it never prints."""
    is_own_store: bool = False
    """The `allow_http_to` store: plain http, and its address may be private."""

    @property
    def authority(self) -> str:
        """`host:port` as in a URL, without the port if it is the scheme's default."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def text(self) -> str:
        """The whole URL, to resolve a redirect against. Never log it."""
        return f"{self.scheme}://{self.authority}{self.target}"


def check_url(url: str, allow_http_to: str | None = None) -> CheckedUrl:
    """Checks a URL and splits it into its parts. Raises ReferenceUrlRefused.

    Only https is allowed, on any port: a request's first byte is sent only to a global address, after a TLS
    handshake with a valid certificate for the name, so a port number gives no other access. Plain http goes only to
    `allow_http_to` (`host:port`, or several with spaces between them). Messages name at most the host, never the
    path, the query or credentials.
    """
    parts = _split(url)
    if parts.scheme not in _DEFAULT_PORTS:
        raise ReferenceUrlRefused("The URL must begin with https://.")
    if "@" in parts.netloc:
        raise ReferenceUrlRefused("The URL must not carry a user name or password.")
    host = _host_of(parts)
    port = _port_of(parts)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.isascii() or not target.startswith("/"):
        raise ReferenceUrlRefused("Percent-encode the path and the query of the URL.", host=host)
    checked = CheckedUrl(parts.scheme, host, port, target)
    if parts.scheme == "https":
        if "." not in host and ":" not in host:
            raise ReferenceUrlRefused(f"{host} is not a public name. Use a full host name.", host=host)
        return checked
    bracketed = f"[{host}]" if ":" in host else host
    if f"{bracketed}:{port}" not in (allow_http_to or "").lower().split():
        raise ReferenceUrlRefused(f"Plain http to {host} is refused. Use https.", host=host)
    return CheckedUrl(parts.scheme, host, port, target, is_own_store=True)


def look_up(host: str, port: int) -> tuple[Address, ...]:
    """Every address that the system's resolver has for a host, without judging them.

    Raises ReferenceNotFound if the name doesn't exist, ReferenceFetchFailed if the resolver fails.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except socket.gaierror as error:
        if error.errno == socket.EAI_NONAME:
            raise ReferenceNotFound(f"There is no host named {host}. Check the URL.", host=host) from None
        raise ReferenceFetchFailed(f"The name {host} can't be resolved now. Try again.", host=host) from None
    return tuple(dict.fromkeys(ip_address(sockaddr[0]) for *_, sockaddr in found))


def resolve(host: str, port: int, look_up: LookUp = look_up) -> tuple[Address, ...]:
    """The addresses to connect to, looked up once. IPv4-mapped IPv6 addresses are returned as IPv4.

    Raises ReferenceUrlRefused unless every address is a global unicast address: one bad address among good
    ones is an attack or a mistake, and a connection might pick either.
    """
    addresses = tuple(_unmapped(address) for address in look_up(host, port))
    if not addresses or not all(is_public(address) for address in addresses):
        # The address isn't named: it would tell a stranger what a private name points to.
        raise ReferenceUrlRefused(f"{host} does not lead to a public address only.", host=host)
    return addresses


def is_public(address: Address) -> bool:
    """Whether it is a global unicast address, whatever the spelling or the tunnel around it."""
    address = _unmapped(address)
    if isinstance(address, IPv6Address):
        if address in _NAT64:  # how an IPv6-only cluster reaches IPv4 hosts
            return is_public(IPv4Address(address.packed[-4:]))
        if address.scope_id or address not in _GLOBAL_UNICAST_V6 or any(address in net for net in _NEVER_V6):
            return False
    elif any(address in net for net in _NEVER_V4):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _unmapped(address: Address) -> Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _split(url: str) -> SplitResult:
    if not url or len(url) > MOST_URL:
        raise ReferenceUrlRefused(f"The URL must have 1 to {MOST_URL} characters.")
    # Before parsing: the parser drops some of these without a word, and another parser reads `\` as `/`.
    if any(char.isspace() or not char.isprintable() or char == "\\" for char in url):
        raise ReferenceUrlRefused("The URL has a space, a control character or a backslash in it.")
    try:
        return urlsplit(url)
    except ValueError:
        raise ReferenceUrlRefused("The URL can't be read. Check its host name.") from None


def _port_of(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        port = 0
    else:
        port = _DEFAULT_PORTS[parts.scheme] if port is None else port
    if not port:
        raise ReferenceUrlRefused("The port in the URL must be from 1 to 65535.")
    return port


def _host_of(parts: SplitResult) -> str:
    host = parts.hostname or ""
    refusal = ReferenceUrlRefused("The host in the URL is not a valid name or address.")
    if parts.netloc.startswith("["):
        if not _BRACKETED.fullmatch(parts.netloc):  # the parser overlooks what follows the bracket
            raise refusal
        try:
            address = IPv6Address(host)
        except ValueError:
            raise refusal from None
        if address.scope_id is not None:
            raise refusal
        return str(address)
    if not host.isascii():
        if not _AMBIGUOUS.isdisjoint(host):
            raise ReferenceUrlRefused("Write the host in the URL in its xn-- form.")
        try:
            # May turn look-alike digits and dots into ASCII ones, so the checks come after it.
            host = host.encode("idna").decode("ascii").lower()
        except UnicodeError:
            raise refusal from None
    host = host.removesuffix(".")
    if not _NAME.fullmatch(host):
        raise refusal
    if _NUMERIC.fullmatch(host):
        try:
            return str(IPv4Address(host))
        except ValueError:
            raise ReferenceUrlRefused("Write the address in the URL as a.b.c.d.") from None
    return host
