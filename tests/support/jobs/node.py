"""A node with everything but a device."""

from collections.abc import Callable

from PIL import Image

from models.job import CloneJob
from models.record import JobResult
from tests.support.jobs.stored import result_of
from worker.base.observers.prometheus import PrometheusMetrics
from worker.base.raw_image import RawImage
from worker.base.settings import Settings
from worker.node.heartbeat import Heartbeat
from worker.node.store_watch import StoreWatch
from worker.queue.jobs import JobStore
from worker.queue.queue import JobQueue
from worker.render.messages import ImageDone
from worker.run.drain import Drain
from worker.run.held import HeldJob
from worker.run.imagestore import ImageStore
from worker.storage import Storage

Clone = Callable[[CloneJob, HeldJob], JobResult]


class DoubleNode:
    """A node with everything but a device: `attempt` is what the test says."""

    def __init__(self, settings: Settings, storage: Storage) -> None:
        self.settings = settings
        self.name, self.worker_id = "here:1", "wrk_1"
        self.store = JobStore(settings)
        self.queue = JobQueue(settings, self.store)
        self.drain = Drain(60)
        self.heartbeat = Heartbeat(settings.lease_ttl)
        self.images = ImageStore(settings, storage)
        self.observer = PrometheusMetrics()
        self.store_watch = StoreWatch(storage)
        self.gave_up = False
        self.attempt: Clone = lambda job, held: result_of(job)

    def give_up(self) -> None:
        self.gave_up = True

    def must_hand_back(self) -> bool:
        return self.store_watch.trouble is not None


def done(job: CloneJob, seed: int = 7) -> ImageDone:
    return ImageDone("front", seed, RawImage.of(Image.new("RGB", (64, 64), "teal")))


def raising(error: Exception) -> Clone:
    def clone(job: CloneJob, held: HeldJob) -> JobResult:
        raise error

    return clone
