"""Organisations' webhook secrets: the database has their names, and Redis a copy for deliverers.

Redis may lose it, or miss a change while it is away, so every API process compares the two again and again.
"""

from collections import defaultdict

from sqlalchemy import select

from api.rows.database import Database
from api.rows.tables import WebhookSecretRow
from models.errors import Conflict
from worker.base.settings import Settings
from worker.webhooks.own_secrets import MasterKeys, SecretName, SecretNames


class WebhookSecrets:
    """Derives secrets and publishes their names. Methods raise QueueUnavailable and DatabaseUnavailable."""

    def __init__(self, database: Database, settings: Settings) -> None:
        """Raises InvalidSettings for a master key that can't be used."""
        self._database = database
        self._masters = MasterKeys(settings)
        self._names = SecretNames(settings)

    def require_master(self) -> str:
        """The name of the master key for new secrets. Raises Conflict if there is none."""
        if self._masters.newest is None:
            raise Conflict(
                "This deployment has no webhook secrets for organisations: its own secret signs for all. Its "
                "operator can set LIKENESS_WEBHOOK_MASTER_KEYS.",
                subcode="NO_MASTER_KEY",
            )
        return self._masters.newest

    def secret(self, organisation: str, secret_id: str, master: str) -> str | None:
        """The secret, or None if its master key is no longer in the settings."""
        return self._masters.secret(organisation, SecretName(secret_id, master))

    def publish(self, organisation: str) -> None:
        """Puts an organisation's names as they are now into Redis."""
        with self._database.read() as session:
            mine = WebhookSecretRow.organisation == organisation
            found = session.scalars(
                select(WebhookSecretRow).where(mine).order_by(WebhookSecretRow.secret_id)
            ).all()
        self._names.replace(organisation, [_name(row) for row in found])

    def sync(self) -> None:
        """Publishes what differs in Redis."""
        published = self._names.all()
        kept: dict[str, list[SecretName]] = defaultdict(list)
        with self._database.read() as session:
            for row in session.scalars(select(WebhookSecretRow).order_by(WebhookSecretRow.secret_id)):
                kept[row.organisation].append(_name(row))
        for organisation in published.keys() | kept.keys():
            if published.get(organisation, []) != kept.get(organisation, []):
                self.publish(organisation)


def _name(row: WebhookSecretRow) -> SecretName:
    return SecretName(row.secret_id, row.master)
