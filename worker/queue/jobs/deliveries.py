"""Lists deliveries of webhooks, and replays them. outbox.lua has the writes; `worker.webhooks` delivers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from itertools import islice
from typing import Any

from models.errors import NotFound
from models.webhook import Delivery, DeliveryState
from worker.base.settings import Settings
from worker.queue.jobs.connection import connect, guarded
from worker.queue.jobs.documents import time_of
from worker.queue.jobs.ranked import Place, Ranked

# The endpoints that store.lua sends one webhook to: the job's own URL, and the one that hears of all jobs.
_ENDPOINTS = ("job", "all")


@dataclass(frozen=True, slots=True)
class DeliveryPlace:
    """A delivery's place in the list: among those that are pending, or those that ended."""

    is_pending: bool
    place: Place


class Deliveries:
    """The deliveries of webhooks that are pending, or ended lately. Methods raise QueueUnavailable."""

    def __init__(self, settings: Settings, *, patient: bool = True) -> None:
        """`patient`: as for `connect`."""
        self._prefix = settings.redis_prefix
        self._hooks = f"{self._prefix}:hooks"
        self._row_ttl = int(settings.record_ttl)
        self._redis = connect(settings, patient=patient)
        # Pending ones by their next try, then the others, the latest first.
        self._lists = {
            True: Ranked(self._redis, self._hooks),
            False: Ranked(self._redis, f"{self._hooks}:ended", latest_first=True),
        }
        source = resources.files("worker.queue.jobs").joinpath("outbox.lua").read_text()
        self._script = self._redis.register_script(source)

    def replay(self, name: str) -> list[Delivery]:
        """Delivers again the webhook with this id, or of this job, whatever its state. Raises NotFound."""
        known = guarded(lambda: self._redis.hget(f"{self._prefix}:job:{name}", "webhook_id"))
        ids = [f"{known or name}-{endpoint}" for endpoint in _ENDPOINTS]
        replayed = [delivery_id for delivery_id in ids if self._call("replay", delivery_id) == "ok"]
        if not replayed:
            raise NotFound(f"There is no webhook of {name}. It may have expired, or its job isn't final yet.")
        return [delivery for delivery in self._read(replayed) if delivery]

    def deliveries(self, state: DeliveryState | None = None, most: int | None = None) -> list[Delivery]:
        """Lists deliveries: pending ones by their next try, then the others, the latest first."""
        found = (delivery for _, delivery in self.after(None) if state in (None, delivery.state))
        return list(islice(found, most))

    def after(self, place: DeliveryPlace | None) -> Iterator[tuple[DeliveryPlace, Delivery]]:
        """The deliveries behind a place in that list, or all, each with its place. They are read as they are asked
        for, a page at a time."""
        # A delivery may end while this reads, and would then appear twice.
        seen: set[str] = set()
        for is_pending in (True, False):
            if place is not None and is_pending and not place.is_pending:
                continue
            begin = place.place if place is not None and place.is_pending == is_pending else None
            for places in self._lists[is_pending].pages(begin):
                new = [found for found in places if found.member not in seen]
                seen.update(found.member for found in new)
                for found, delivery in zip(new, self._read([one.member for one in new]), strict=True):
                    if delivery:
                        yield DeliveryPlace(is_pending, found), delivery

    def _read(self, ids: list[str]) -> list[Delivery | None]:
        if not ids:
            return []
        with self._redis.pipeline(transaction=False) as pipeline:
            for delivery_id in ids:
                pipeline.hgetall(f"{self._hooks}:row:{delivery_id}")
                pipeline.zscore(self._hooks, delivery_id)
            answers = guarded(pipeline.execute)
        rows = zip(answers[::2], answers[1::2], strict=True)
        return [delivery_from(fields, next_at) if fields else None for fields, next_at in rows]

    def _call(self, function: str, *args: Any) -> Any:
        return guarded(lambda: self._script(keys=[self._hooks], args=[function, self._row_ttl, *args]))


def delivery_from(fields: dict[str, str], next_at: float | None) -> Delivery:
    """Builds the state of a delivery from its row. `next_at` is when it is tried next, if it is pending."""
    delivery: dict[str, Any] = {
        name: fields[name] for name in ("webhook_id", "job_id", "type", "state", "tries")
    }
    delivery["url"] = _without_query(fields["url"])
    delivery["created_at"] = time_of(fields["created_at"])
    delivery["last_answer"] = fields.get("last_answer")
    if "last_at" in fields:
        delivery["last_try_at"] = time_of(fields["last_at"])
    if next_at is not None:
        delivery["next_try_at"] = time_of(next_at)
    return Delivery.read_fields(delivery)


def _without_query(url: str) -> str:
    place, query, _ = url.partition("#")[0].partition("?")
    return re.sub(r"//[^/@]*@", "//", place) + ("?…" if query else "")
