"""What a run leaves behind once all its jobs have ended: nothing to do in Redis, and of objects what gc deletes."""

from worker.base.settings import Settings
from worker.queue.jobs.connection import connect
from worker.queue.lanes import Lanes
from worker.storage import Storage
from worker.storage.retention import Retention

_PLACES = (
    "watch",
    "sent",
    "expiring",
    "parked",
    "parked:*",
    "slots:*",
    "hooks",
    "hooks:busy:*",
    "hooks:parked:*",
)


def unfinished(settings: Settings) -> list[str]:
    """Redis's keys that say what there is to do: jobs to look after, to send or to end, who is parked or has a
    slot, webhooks to deliver, and the queues. Redis keeps no empty ones."""
    patterns = (*(f"{settings.redis_prefix}:{place}" for place in _PLACES), *Lanes(settings).all)
    with connect(settings) as client:
        return [str(key) for pattern in patterns for key in client.keys(pattern)]


def asking(settings: Settings) -> int:
    """How many workers ask for messages now: several times a second while they have none, and never while their
    hands are full."""
    with connect(settings) as client:
        return sum(one["cmd"] == "eval" and int(one["idle"]) < 2 for one in client.client_list())


def collect(settings: Settings) -> tuple[dict[str, list[str]], list[str]]:
    """Delete what nothing accounts for, however new, as `likeness gc --delete` does. Returns the keys by job, and
    sentences about what was left alone though something is wrong with it."""
    deleted: dict[str, list[str]] = {}
    doubts = []
    with Storage(settings) as storage:
        retention = Retention(settings, storage)
        # The store's clock tells whole seconds, its objects' times don't.
        for found in list(retention.find(age=-1)):
            if found.doubt:
                doubts.append(f"{found.folder.path}: {found.doubt}")
            else:
                gone = retention.delete(found)
                deleted.setdefault(found.folder.job_id, []).extend(one.key for one in gone.objects)
    return deleted, doubts
