"""Keeps the profile `fake` out of anything that could be a real deployment."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from models.errors import InvalidSettings
from models.fake import FAKE_PROFILE
from worker.base.settings import Settings
from worker.mark.credentials import load_credentials


def refuse_real(settings: Settings) -> None:
    """Raises InvalidSettings for a worker with the profile `fake` if its Redis or object store isn't on this
    machine, or its certificate isn't one for development: its placeholders could become somebody's images. Also
    raises SignerUnfit."""
    if settings.profile != FAKE_PROFILE:
        return
    credentials = load_credentials(settings)
    redis, store = urlsplit(settings.redis_url.get_secret_value()), settings.s3_endpoint_url
    faults = [
        ("LIKENESS_REDIS_URL", redis.scheme == "unix" or _is_here(redis.hostname)),
        ("LIKENESS_S3_ENDPOINT_URL", store is not None and _is_here(urlsplit(store).hostname)),
        ("LIKENESS_SIGN_CERTIFICATE", credentials is None or credentials.is_for_development),
    ]
    if names := [name for name, is_fine in faults if not is_fine]:
        raise InvalidSettings(
            "LIKENESS_PROFILE=fake draws placeholders. It is for tests with services on this machine and a "
            f"certificate for development, as `likeness stack --fake` has them. Here {' and '.join(names)} "
            f"{'says' if len(names) == 1 else 'say'} otherwise."
        )


def _is_here(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False
