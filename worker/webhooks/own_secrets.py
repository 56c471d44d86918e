"""Organisations' own webhook secrets. They are derived from the deployment's master keys and never stored: Redis
and the database only know their names."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import digest
from typing import Self

from models.errors import InvalidSettings
from worker.base.settings import Settings
from worker.queue.jobs.connection import connect, guarded

_LEAST = 32


@dataclass(frozen=True, slots=True)
class SecretName:
    """All that is stored of a secret: its id, and which master key it is derived from."""

    secret_id: str
    master: str

    def __str__(self) -> str:
        return f"{self.secret_id}:{self.master}"

    @classmethod
    def parse(cls, text: str) -> Self:
        secret_id, _, master = text.partition(":")
        return cls(secret_id, master)


class MasterKeys:
    """Derives secrets. Raises InvalidSettings if a key can't be used; the message gives that one's position."""

    def __init__(self, settings: Settings) -> None:
        keys = settings.webhook_master_keys.get_secret_value().split()
        for place, key in enumerate(keys, start=1):
            if len(key) < _LEAST:
                raise InvalidSettings(
                    f"LIKENESS_WEBHOOK_MASTER_KEYS: number {place} has less than {_LEAST} characters. "
                    "Make one with: openssl rand -hex 32. Separate several with spaces."
                )
        self._keys = {_name_of(key): key.encode() for key in keys}

    @property
    def newest(self) -> str | None:
        """The name of the key for new secrets: the first one. None if there is none."""
        return next(iter(self._keys), None)

    def secret(self, organisation: str, name: SecretName) -> str | None:
        """The secret, or None if its master key isn't known here."""
        key = self._keys.get(name.master)
        if key is None:
            return None
        # No id has a NUL, so no two pairs give the same text.
        text = f"likeness webhook secret\0{organisation}\0{name.secret_id}"
        return f"whsec_{b64encode(digest(key, text.encode(), 'sha256')).decode()}"

    def secrets(self, organisation: str, names: Iterable[SecretName]) -> list[str]:
        """Those secrets whose master key is known here."""
        found = (self.secret(organisation, name) for name in names)
        return [secret for secret in found if secret is not None]


class SecretNames:
    """The names of all organisations' secrets in Redis, where deliverers find them. Methods raise
    QueueUnavailable."""

    def __init__(self, settings: Settings) -> None:
        # outbox.lua reads it.
        self._key = f"{settings.redis_prefix}:hooks:secrets"
        self._redis = connect(settings, patient=False)

    def all(self) -> dict[str, list[SecretName]]:
        """By organisation."""
        found: Mapping[str, str] = guarded(lambda: self._redis.hgetall(self._key))
        return {organisation: names_in(text) for organisation, text in found.items()}

    def replace(self, organisation: str, names: Iterable[SecretName]) -> None:
        """Sets an organisation's names."""
        text = " ".join(map(str, names))
        if text:
            guarded(lambda: self._redis.hset(self._key, organisation, text))
        else:
            guarded(lambda: self._redis.hdel(self._key, organisation))


def names_in(text: str) -> list[SecretName]:
    """Parses what Redis has for one organisation."""
    return [SecretName.parse(name) for name in text.split()]


def _name_of(key: str) -> str:
    return sha256(f"likeness webhook master key\0{key}".encode()).hexdigest()[:12]
