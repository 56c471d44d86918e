"""Object stores with other settings."""

from typing import Any

from worker.base.settings import Settings
from worker.storage import Storage


def storage_with(settings: Settings, **changes: Any) -> Storage:
    return Storage(Settings(**{**settings.model_dump(), **changes}))
