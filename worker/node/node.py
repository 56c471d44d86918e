"""Wires the parts of one worker process together."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import structlog
from celery import Celery

from models.domain import Domain
from models.errors import QueueUnavailable, RenderError, VerifyError, WatermarkFailed
from models.gate_options import GateInfo
from models.job import Job
from models.manifest import RenderInfo
from models.operations import WorkerState
from models.record import JobResult
from models.rules import Rules
from models.safety import SafetyInfo
from worker.base.observers.memory import WorkerMemory
from worker.base.observers.observer import Observer
from worker.base.periodic import Periodic
from worker.base.settings import Settings
from worker.base.version import likeness_version
from worker.base.watchdog import Watchdog
from worker.node.attempt import WORKER_IS_BROKEN
from worker.node.consuming.consumer_loop import ConsumerLoop
from worker.node.fake import refuse_real
from worker.node.health import WorkerHealth
from worker.node.heartbeat import Heartbeat
from worker.node.reaper import Reaper
from worker.node.store_watch import StoreWatch
from worker.queue.fleet.presence import Presence, here, new_worker_id
from worker.queue.jobs import JobStore
from worker.queue.jobs.previews import PreviewStore
from worker.queue.queue import JobQueue
from worker.references.fetch import ReferenceFetcher
from worker.render import RenderProcess
from worker.render.previews import PreviewWriter
from worker.run.drain import Drain
from worker.run.held import HandedBack, HeldJob
from worker.run.imagestore import ImageStore
from worker.run.judging.job_gate import JobGate
from worker.run.judging.job_screen import JobScreen
from worker.run.marking.marker import Marker
from worker.run.run import run_job
from worker.run.steps import Equipment
from worker.storage import Storage
from worker.verify import VerifyProcess
from worker.verify.options import safety_choice

log = structlog.get_logger()

# Threads for fetching, encoding and storing.
_IO_THREADS = 8
# Seconds between two looks at the child processes.
_SUPERVISION = 1


class Node:
    """One device, its render process, the process that judges its images, and the threads around them."""

    def __init__(self, settings: Settings, app: Celery, loop: ConsumerLoop, observer: Observer) -> None:
        self.settings = settings
        self.is_broken = False
        self.observer = observer
        self.name = f"{here()}:{os.getpid()}"
        self.worker_id = new_worker_id()
        self._state = WorkerState(
            worker=self.worker_id, node=self.name, profile=settings.profile, version=likeness_version()
        )
        self.store = JobStore(settings)
        self.queue = JobQueue(settings, self.store, app)
        self.drain = Drain(settings.drain_grace)
        self.health = WorkerHealth(self.not_ready_reasons, loop)
        self.heartbeat = Heartbeat(settings.lease_ttl)
        watchdog = Watchdog(self._check_end, self.give_up)
        storage = Storage(settings, watchdog)
        self.store_watch = StoreWatch(storage)
        self._marker = Marker(settings, self._check_end)
        self.images = ImageStore(settings, storage, watchdog)
        self._executor = ThreadPoolExecutor(_IO_THREADS, thread_name_prefix="io")
        fetcher = ReferenceFetcher(settings, storage, self._executor, watchdog)
        self._device = RenderProcess(settings)
        # One, as the process judges one image at a time.
        self._judging = ThreadPoolExecutor(1, thread_name_prefix="judging")
        self._previews = PreviewWriter(PreviewStore(settings))
        self._equipment = Equipment(
            self._device,
            self.images,
            fetcher,
            self._executor,
            self._judging,
            self._previews,
            marker=self._marker,
        )
        # Started once it is known what the profile's images look like, and what it reads.
        self._verify: VerifyProcess | None = None
        self._safety: SafetyInfo | None = None
        self._reaper = Reaper(settings.reap_interval, self.store, self.queue, self.observer)
        self._started = False
        self._outage: str | None = None
        self.observer.worker_began(lambda: self._device.busy_seconds, self.heartbeat.in_hand)
        self._presence_key = Presence(settings)
        self._presence = Periodic("presence", settings.lease_ttl / 3, self._announce)
        self._supervisor = Periodic("supervisor", _SUPERVISION, self._revive)
        loop.may_take = lambda: not self.must_hand_back()

    def start(self) -> None:
        """Loads the profile, then begins to keep leases and to look for lost jobs.

        Raises InvalidSettings (such as SignerUnfit) or SigningFailed, then what keeps the watermark from loading,
        then a RenderError, then what keeps the gates from loading.
        """
        refuse_real(self.settings)
        self.images.check_signer()
        self._marker.start()
        renderer = self._device.start()
        loaded = {
            "profile": renderer.profile,
            "device": renderer.device,
            "since": datetime.now(UTC),
            "signer_ends": self.images.signer_ends,
        }
        self._state = self._state.model_copy(update=loaded)
        rules = Rules(renderer.reads_text is not False, self.settings.references)
        self._equipment = replace(self._equipment, rules=rules)
        for warning in renderer.warnings:
            log.warning("profile.warning", profile=renderer.profile, warning=warning)
        self._start_gates(renderer)
        where = f"{renderer.profile} RENDERS ON {renderer.device}".upper()
        log.info(
            "node.ready",
            node=self.name,
            workerId=self.worker_id,
            profile=renderer.profile,
            device=renderer.device,
            where=where,
        )
        self.observer.worker_loaded(self._state, WorkerMemory(self._pids, self._device.memory))
        self.store_watch.start()
        for thread in (self.heartbeat, self._reaper, self._presence, self._supervisor, self._previews):
            thread.start()
        self._started = True

    def _start_gates(self, renderer: RenderInfo) -> None:
        domain = renderer.domain or "photographs"
        choice = safety_choice(self.settings, renderer.reads_text)
        screens = choice.mode == "required"
        if screens or self.settings.gate != "off":
            self._verify = VerifyProcess(self.settings, domain, screens=screens)
            loaded = self._verify.start()
            self._safety = loaded.safety
            if loaded.gate:
                self._tell_of_gate(loaded.gate, domain)
        safety = self._safety
        log.info(
            "safety.ready" if safety else "safety.off",
            why=choice.why,
            classifier=safety and safety.classifier,
            judgesAge=safety and safety.judges_age,
        )

    def _tell_of_gate(self, gate: GateInfo, domain: Domain) -> None:
        log.info(
            "gate.ready",
            embedder=gate.embedder,
            calibration=gate.calibration,
            calibratedFor=gate.calibrated_for,
            origin=gate.origin,
        )
        if gate.calibrated_for != domain:
            log.warning(
                "gate.other_domain",
                calibratedFor=gate.calibrated_for,
                rendered=domain,
                advice=f"Its thresholds say little here. Make others: likeness calibrate --domain {domain}",
            )

    def not_ready_reasons(self) -> list[str]:
        """Reasons why it can't take a job. Never blocks."""
        reasons = []
        if self.drain.begun:
            reasons.append("this worker can't render any more" if self.is_broken else "draining")
        if trouble := self.store_watch.trouble:
            reasons.append(trouble.message)
        if not self._device.is_ready:
            reasons.append("the profile isn't loaded")
        if not self._started or (self._verify and not self._verify.is_ready):
            reasons.append("the gates aren't loaded")
        if not self._marker.is_ready:
            reasons.append("the watermark isn't loaded")
        if self._outage:
            reasons.append(self._outage)
        return reasons

    def must_hand_back(self) -> bool:
        """Whether jobs in hand must be handed back at once, since nothing can be stored from here."""
        return self.store_watch.trouble is not None

    def attempt(self, job: Job, held: HeldJob) -> JobResult:
        """Makes one attempt at the job."""
        gate = screen = None
        if self._verify and self.settings.gate != "off":
            gate = JobGate(job, self.settings, self._verify, held.raise_if_unwanted)
        if self._verify and self._safety:
            screen = JobScreen(self.settings, self._verify, self._safety, held.raise_if_unwanted)
        return run_job(job, held, self._equipment, gate, screen)

    def give_up(self) -> None:
        """Shuts down a worker that can't render any more. It drains as after SIGTERM; its exit code is FAILED."""
        if self.is_broken:
            return
        self.is_broken = True
        self._presence.stop()
        self.begin_drain()
        os.kill(os.getpid(), signal.SIGTERM)

    def begin_drain(self) -> None:
        """Stops taking new work; what isn't done within the grace time is handed back."""
        self._reaper.stop()
        self.drain.begin()

    def _announce(self) -> None:
        """Announces this worker while it is live, since this thread goes on whatever happens to the others."""
        if self.health.live():
            return
        try:
            # Announcing it shows that Redis is back.
            reasons = tuple(reason for reason in self.health.ready() if reason != self._outage)
            now = self._state.model_copy(update={"ready": not reasons, "reasons": reasons})
            self._presence_key.announce(now)
            self._outage = None
        except QueueUnavailable as error:
            self._outage = error.message
            raise

    def _pids(self) -> dict[str, int | None]:
        verify = self._verify.pid if self._verify else None
        return {
            "worker": os.getpid(),
            "render": self._device.pid,
            "verify": verify,
            "watermark": self._marker.pid,
        }

    def _check_end(self) -> None:
        """Raises HandedBack after the grace time, so that calls that hang aren't waited for."""
        if self.drain.overdue:
            raise HandedBack

    def _revive(self) -> None:
        """Replaces child processes that died between jobs, so that the next job needn't wait for them."""
        if self.drain.begun:
            return
        try:
            self._device.revive()
            if self._verify:
                self._verify.revive()
            self._marker.revive()
        except WORKER_IS_BROKEN as error:
            log.critical("node.broken", code=error.code, error=error.message)
            self.give_up()
        except (RenderError, VerifyError, WatermarkFailed) as error:
            log.warning("child.lost", code=error.code, error=error.message)

    def stop(self) -> None:
        """End the threads and the processes."""
        self.store_watch.stop()
        for thread in (self._reaper, self.heartbeat, self._presence, self._supervisor, self._previews):
            thread.stop()
        if self._verify:
            self._verify.stop()
        self._marker.stop()
        self._judging.shutdown(cancel_futures=True)
        self._executor.shutdown(cancel_futures=True)
        self._device.stop()
