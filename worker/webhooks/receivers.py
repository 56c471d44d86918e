"""Identifies the receiver behind a URL: all names that one owner can make up at will count as one."""

from functools import cache
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList

# The smallest network that a provider gives to one customer.
_IPV6_BITS = 64


def receiver_of(url: str) -> str:
    """The registrable domain of the URL's host (`a.example.co.uk`: `example.co.uk`), or its address.

    An IPv6 address counts with its neighbours. The port doesn't matter. "" if there is no host.
    """
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""
    try:
        address = ip_address(host)
    except ValueError:
        return _domain_of(host)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _IPV6_BITS), strict=False))
    return str(address)


def _domain_of(host: str) -> str:
    try:
        host = host.encode("idna").decode()
    except UnicodeError:
        return host
    # A host that is a suffix itself has no domain above it.
    return _suffixes().privatesuffix(host) or host


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
