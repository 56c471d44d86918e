"""Contexts of the C2PA SDK: without network access, and with trust anchors only where some are given."""

from functools import cache
from typing import Any

from c2pa import Context

_CONFIGURATION: dict[str, Any] = {
    # A thumbnail in every signature would be larger than the thumbnails that we store anyway.
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {
        # A reference could name any address to fetch from.
        "remote_manifest_fetch": False,
        "ocsp_fetch": False,
        # No image may leave with an invalid signature.
        "verify_after_sign": True,
    },
}


@cache
def context() -> Context:
    """The SDK's context, without trust anchors. Threads may share it."""
    return Context.from_dict(_CONFIGURATION)


def trusting(anchors: str) -> Context:
    """A context that trusts the roots in a PEM text. Raises C2paError if the text can't be read."""
    return Context.from_dict({**_CONFIGURATION, "trust": {"trust_anchors": anchors}})
