"""Current URLs of an asset's pictures: a presigned URL expires after days, and a row stays."""

import time
from collections.abc import Callable
from functools import lru_cache

from api.rows.tables import AssetRow
from worker.base.settings import Settings

_MOST_KNOWN = 100_000


class Links:
    """Makes URLs of pictures in the object store by `url_of`, if the settings have a key for it or a public base
    URL. Otherwise the URLs are those of the row."""

    def __init__(self, settings: Settings, url_of: Callable[[str], str]) -> None:
        self._makes = bool(settings.public_base_url or settings.s3_access_key_id)
        # A URL is handed out for half its lifetime, so that whoever gets it can use it for as long again.
        self._term = settings.presign_ttl / 2
        self._made = lru_cache(_MOST_KNOWN)(lambda key, _term: url_of(key))

    def of(self, asset: AssetRow) -> tuple[str, str | None]:
        """The picture's URL, and its thumbnail's. Raises what `url_of` does."""
        url, thumbnail_url = self._now(asset.object_key), self._now(asset.thumbnail_key)
        return url or asset.url, thumbnail_url or asset.thumbnail_url

    def _now(self, key: str | None) -> str | None:
        return self._made(key, time.time() // self._term) if self._makes and key else None
