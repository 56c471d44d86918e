"""Services and a worker with the profile `fake`, for a test to put jobs on their queue."""

import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from models.derived import asset_id_of
from models.errors import StackError
from models.influencer import Influencer, ReferenceImage
from models.record import JobRecord
from worker.base.settings import Settings
from worker.client import JobClient
from worker.queue.fleet.presence import Presence
from worker.stack import EmbeddedStack
from worker.stack.own import FAKE, own_deliverer, own_worker
from worker.stack.samples import load_sample
from worker.storage import Storage

_LOADS = 120.0  # seconds, on a very busy machine


class FakeStack:
    """A Redis, an S3 server, a worker that draws placeholders, and a deliverer. Use it in a `with` block.

    Jobs complete within a second, unless their persona's `vibe` asks for another outcome: see `row`.
    """

    def __init__(self, folder: Path) -> None:
        """`folder` gets the objects and the logs."""
        self._folder = folder
        self._stack = EmbeddedStack(folder)
        self._open = ExitStack()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead a process to the services."""
        return self._stack.environment | FAKE

    @property
    def settings(self) -> Settings:
        """The same as an object."""
        return self._stack.settings(profile=FAKE["LIKENESS_PROFILE"])

    @property
    def client(self) -> JobClient:
        """A client to submit, watch and cancel jobs with."""
        return JobClient(self.settings)

    def row(self, outcome: str = "") -> Influencer:
        """A persona whose references are in the store. `outcome`: how its clones end, such as `miss` (every image),
        `miss=front` (one), `slow=2` (seconds an image), `fail` (the device, at each attempt) or `no-reference`;
        several with spaces between them."""
        source, images = load_sample("maya")
        references = []
        with Storage(self.settings) as storage:
            for number, image in enumerate(images[:2]):
                asset_id = asset_id_of("fake", str(number))
                key = storage.keys.media_key(source.project_id, asset_id)
                storage.put_image(key, image, "image/webp")
                at = datetime.now(UTC)
                references.append(ReferenceImage(asset_id=asset_id, url=storage.url(key), added_at=at))
        changes = {"reference_images": tuple(references), "vibe": f"fake: {outcome}" if outcome else None}
        return source.model_copy(update=changes)

    def wait(self, job_id: str, timeout: float = 60) -> JobRecord:
        """The job's record once it has ended. Raises NotFound and WatchTimeout."""
        for _ in self.client.watch(job_id, timeout=timeout):
            pass
        return self.client.get(job_id)

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opening.enter_context(self._stack)
            worker = own_worker(self.environment, self._folder)
            opening.enter_context(worker)
            opening.enter_context(own_deliverer(self.environment, self._folder))
            presence, deadline = Presence(self.settings), time.monotonic() + _LOADS
            while not presence.workers():
                if not worker.is_running or time.monotonic() > deadline:
                    raise StackError(
                        f"The worker isn't ready. Its log says why:\n{worker.log.read_text()[-4000:]}"
                    )
                time.sleep(0.05)
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
