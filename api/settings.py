"""The API's own settings, read once from the environment (`LIKENESS_…`). A worker needs none of them."""

from functools import cache
from typing import Literal

from pydantic import Field, SecretStr

from worker.base.environment import EnvironmentSettings
from worker.base.settings import TierName


class ApiSettings(EnvironmentSettings):
    """The API's settings. Every default works on one machine. Durations are in seconds, sizes in bytes."""

    database_url: SecretStr = SecretStr("sqlite:///likeness.db")
    """SQLite, or PostgreSQL: `postgresql+psycopg://USER:PASSWORD@HOST/DATABASE`."""
    api_host: str = "127.0.0.1"
    """The address to listen at: `0.0.0.0` or `::` if calls come from other machines."""
    api_port: int = Field(8080, ge=0, le=65535)
    api_keep_alive: int = Field(75, ge=1)
    """How long an idle connection is kept open, in seconds. A proxy in front must close it earlier (usually after
    60), or it may send a call into a connection that is closing."""
    api_max_body: int = Field(1024 * 1024, ge=1024)
    """The largest body of a request."""
    api_cors_origins: str = ""
    """Origins of pages in browsers that may call the API, such as `https://studio.example`, with commas between
    them. None by default."""
    page: Literal["on", "off"] = "on"
    """Whether the API serves the page for people at `/`."""
    api_rate: float = Field(100, gt=0)
    """Calls a second that one key may make to one API process."""
    api_streams: int = Field(200, ge=1)
    """Event streams that one key may have open at once at one API process."""
    organisation_projects: int = Field(1000, ge=1)
    """Projects that one organisation may have."""
    organisation_influencers: int = Field(10_000, ge=1)
    """Influencers that one organisation may have. Deleted ones don't count."""
    organisation_uploads: int = Field(1000, ge=1)
    """Uploads that one organisation may have begun and not finalized."""
    organisation_tiers: dict[str, tuple[TierName, ...]] = Field({})
    """The tiers of LIKENESS_TIERS, or `default`, that each of these organisations may choose for a job, as a JSON
    object. Others choose none: their jobs have their project's tier."""
    landing_interval: float = Field(0.5, gt=0)
    """How often each API process looks for jobs to land."""


@cache
def api_settings() -> ApiSettings:
    """The process's settings, read at the first call. Raises InvalidSettings."""
    return ApiSettings.load()
