"""Keeps previews on a thread of its own. Nothing waits for it, and its failures harm no job."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import structlog

from worker.render.messages import PreviewMade

log = structlog.get_logger()

# Previews that wait, at most. One waits for each shot of an order alone, unless Redis is silent.
_MOST_WAITING = 64
# Pixels of the longer side of a coarse preview: it shows colours and where a head is, and no body.
_COARSE = 16


class Store(Protocol):
    """Where previews are kept. Its methods may raise."""

    most_bytes: int

    def put(self, job_id: str, shot: str, webp: bytes) -> None: ...

    def delete(self, job_id: str, shots: Sequence[str]) -> None: ...


class PreviewWriter:
    """Encodes and keeps the latest preview of each shot. One that waits is replaced by a newer one of its shot, and
    any that finds the queue full is dropped."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._work: dict[tuple[str, str], Callable[[], None]] = {}
        self._changed = threading.Condition()
        self._stopped = False
        self._fails = False
        self._thread = threading.Thread(target=self._run, name="previews", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread, without waiting for it. What waits is dropped."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def show(self, job_id: str, shot: str, preview: PreviewMade, *, coarse: bool = False) -> None:
        """Keeps a preview, soon. Never blocks or raises. `coarse`: with 16 pixels a side at most."""
        self._add((job_id, shot), partial(self._keep, job_id, shot, preview, coarse))

    def forget(self, job_id: str, shots: Sequence[str]) -> None:
        """Deletes a job's previews, soon; if that fails, they expire. Never blocks or raises."""
        with self._changed:
            for shot in shots:
                self._work.pop((job_id, shot), None)
            # Of one shot, it takes the place of a preview that waits. Dropped it must not be.
            self._work[job_id, " ".join(shots)] = partial(self._store.delete, job_id, shots)
            self._changed.notify()

    def _add(self, key: tuple[str, str], work: Callable[[], None]) -> None:
        with self._changed:
            if key in self._work or len(self._work) < _MOST_WAITING:
                self._work[key] = work
                self._changed.notify()

    def _keep(self, job_id: str, shot: str, preview: PreviewMade, coarse: bool) -> None:
        from worker.base.pictures import preview_of, scaled_down

        image = preview.image.to_image()
        if coarse:
            image = scaled_down(image, _COARSE)
        webp = preview_of(image, preview.source_type, self._store.most_bytes)
        if webp is not None:
            self._store.put(job_id, shot, webp)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._work or self._stopped)
                if self._stopped:
                    return
                work = self._work.pop(next(iter(self._work)))
            try:
                work()
            except Exception as error:  # noqa: BLE001 - a job must not miss the thread that ended
                # Once for an outage: there are several previews a second.
                if not self._fails:
                    log.warning(
                        "previews.lost",
                        code=getattr(error, "code", type(error).__name__),
                        error=str(error)[:500],
                    )
                self._fails = True
            else:
                self._fails = False
