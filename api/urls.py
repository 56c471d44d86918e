"""URLs that callers name, checked as they come, by the guard that decides what is connected to later."""

from contextlib import suppress
from ipaddress import ip_address

from models.errors import InvalidInput, ReferenceUrlRefused
from worker.base.settings import Settings
from worker.net.guard import check_url, is_public


class UrlCheck:
    """Refuses URLs that no worker fetches from, and no deliverer posts to. Looks no name up."""

    def __init__(self, settings: Settings) -> None:
        self._allow_http_to = settings.allow_http_to

    def require_usable(self, url: str, field: str, advice: str = "") -> None:
        """Raises InvalidInput for the body's `field`. `advice` ends the message."""
        try:
            checked = check_url(url, self._allow_http_to)
            if not checked.is_own_store:
                _refuse_private(checked.host)
        except ReferenceUrlRefused as error:
            # The guard's messages name the host at most.
            raise InvalidInput(
                f"{field}: {error.message}{advice}", fields=[{"path": field, "reason": error.message}]
            ) from None


def _refuse_private(host: str) -> None:
    """Raises ReferenceUrlRefused for an address in the URL itself. Where a name leads is seen when it is used."""
    with suppress(ValueError):
        if not is_public(ip_address(host)):
            raise ReferenceUrlRefused(f"{host} is not a public address.", host=host)
