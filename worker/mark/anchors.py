"""The roots that an inspection trusts."""

from models.errors import InvalidSettings
from worker.base.settings import Settings


def trust_anchors(configured: Settings) -> str | None:
    """The trusted roots as PEM text; None if the settings name none. Raises InvalidSettings."""
    if configured.trust_anchors is None:
        return None
    try:
        return configured.trust_anchors.read_text(errors="replace")
    except OSError as error:
        raise InvalidSettings(
            f"The file that LIKENESS_TRUST_ANCHORS names can't be read: {error.strerror}."
        ) from None
