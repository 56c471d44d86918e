"""Contexts of the C2PA SDK: without network access, and with trust anchors only where some are given."""

from functools import cache
from typing import Any

from c2pa import Context

_CONFIGURATION: dict[str, Any] = {
    # A picture of the picture, in every signature, would outweigh the thumbnails that we store anyway.
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {
        # A reference could name any address.
        "remote_manifest_fetch": False,
        "ocsp_fetch": False,
        # No image leaves whose signature doesn't hold.
        "verify_after_sign": True,
    },
}


@cache
def context() -> Context:
    """The SDK's configuration. Threads may share it."""
    return Context.from_dict(_CONFIGURATION)


def trusting(anchors: str) -> Context:
    """The same, trusting the roots in a PEM text. Raises C2paError if it can't be read."""
    return Context.from_dict({**_CONFIGURATION, "trust": {"trust_anchors": anchors}})
