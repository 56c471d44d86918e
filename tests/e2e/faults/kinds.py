"""Faults by a plan that a seed decides: what happens, when, for how long and to whom."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Any

from tests.e2e.faults.chaos import Chaos, Inject
from tests.e2e.faults.fleet import node_of, signal_to
from tests.e2e.faults.planned import Planned
from tests.e2e.faults.refusals import REFUSALS, Refusal, refusing
from tests.support.servers.receiver import OK


def plan(seed: int, faults: int, seconds: float, *, long: bool = False) -> list[Planned]:
    """`faults` spread over `seconds`, each kind about as often. A `long` plan has more kinds, and one outage of
    Redis that makes every client give up; no other fault begins then, nor in the `QUIET` seconds before."""
    random = Random(seed)
    drawn = ALL_KINDS if long else KINDS
    kinds: list[str] = []
    while len(kinds) < faults:
        kinds += random.sample(sorted(drawn), len(drawn))
    times = sorted(random.uniform(0, seconds) for _ in range(faults))
    planned = [
        Planned(kind, at, lasts=random.uniform(*drawn[kind][1]), draw=random.getrandbits(31))
        for kind, at in zip(kinds, times, strict=False)
    ]
    if not long:
        return planned
    pause = random.uniform(0.2 * seconds, 0.8 * seconds)
    before = [fault for fault in planned if fault.at < pause]
    after = [replace(fault, at=fault.at + QUIET + BLACKOUT_SECONDS) for fault in planned[len(before) :]]
    return [*before, Planned(BLACKOUT, pause + QUIET, BLACKOUT_SECONDS, draw=0), *after]


def _kill_worker(chaos: Chaos, fault: Planned) -> None:
    _kill(chaos, fault, with_children=False)


def _kill_all(chaos: Chaos, fault: Planned) -> None:
    _kill(chaos, fault, with_children=True)


def _kill(chaos: Chaos, fault: Planned, *, with_children: bool) -> None:
    with chaos.victim(fault) as worker:
        jobs, at = chaos.held().get(node_of(worker), []), time.time()
        chaos.fleet.kill(worker, with_children=with_children)
        chaos.note(fault, at, at, jobs, worker.log.stem)
        worker.process.wait()


def _kill_render(chaos: Chaos, fault: Planned) -> None:
    _signal_child(chaos, fault, "render", signal.SIGKILL)


def _kill_verify(chaos: Chaos, fault: Planned) -> None:
    _signal_child(chaos, fault, "verify", signal.SIGKILL)


def _stop_render(chaos: Chaos, fault: Planned) -> None:
    # Its worker takes it for hung, and replaces it.
    _signal_child(chaos, fault, "render", signal.SIGSTOP)


def _signal_child(chaos: Chaos, fault: Planned, which: Any, number: signal.Signals) -> None:
    with chaos.victim(fault) as worker:
        pid, at = chaos.fleet.child(worker, which), time.time()
        if pid is not None:
            signal_to(pid, number)
            chaos.note(fault, at, at, chaos.held().get(node_of(worker), []), worker.log.stem)


def _terminate(chaos: Chaos, fault: Planned) -> None:
    with chaos.victim(fault) as worker:
        jobs, at = chaos.held().get(node_of(worker), []), time.time()
        worker.process.terminate()
        chaos.note(fault, at, at, jobs, worker.log.stem)
        try:
            worker.process.wait(60)
        except subprocess.TimeoutExpired:
            chaos.fleet.complaints.append(f"{worker.log.name} didn't end after SIGTERM")
        chaos.slowest_drain = max(chaos.slowest_drain, time.time() - at)


def _stop_worker(chaos: Chaos, fault: Planned) -> None:
    _stop(chaos, fault, with_children=False)


def _stop_all(chaos: Chaos, fault: Planned) -> None:
    _stop(chaos, fault, with_children=True)


def _stop(chaos: Chaos, fault: Planned, *, with_children: bool) -> None:
    with chaos.victim(fault) as worker:
        children = [chaos.fleet.child(worker, which) for which in ("render", "verify")]
        pids = [worker.process.pid, *(pid for pid in children if pid and with_children)]
        jobs, at = chaos.held().get(node_of(worker), []), time.time()
        for pid in pids:
            signal_to(pid, signal.SIGSTOP)
        chaos.note(fault, at, at, jobs, worker.log.stem)
        time.sleep(fault.lasts)
        for pid in reversed(pids):
            signal_to(pid, signal.SIGCONT)


def _refuse_writes(kind: Refusal) -> Inject:
    def inject(chaos: Chaos, fault: Planned) -> None:
        with _redis_outage(chaos, fault), refusing(chaos.redis, kind):
            time.sleep(fault.lasts)

    return inject


def _restart_redis(chaos: Chaos, fault: Planned) -> None:
    with _redis_outage(chaos, fault):
        chaos.redis_server.kill()
        time.sleep(fault.lasts)
        chaos.redis_server.start()


def _swallow_redis(chaos: Chaos, fault: Planned) -> None:
    with _redis_outage(chaos, fault), chaos.redis_proxy.blackhole():
        time.sleep(fault.lasts)


def _black_out(chaos: Chaos, fault: Planned) -> None:
    with chaos.one_at_a_time("redis"):
        # In the wake of another fault nobody has a job in hand.
        patience = time.monotonic() + 30
        while len(jobs := chaos.all_held()) < 2 and time.monotonic() < patience:
            time.sleep(0.1)
        at = time.time()
        with chaos.redis_proxy.blackhole():
            time.sleep(fault.lasts)
        chaos.note(fault, at, time.time(), jobs)


def _refuse_redis(chaos: Chaos, fault: Planned) -> None:
    with _redis_outage(chaos, fault), chaos.redis_proxy.down():
        time.sleep(fault.lasts)


def _cut_redis(chaos: Chaos, fault: Planned) -> None:
    with _redis_outage(chaos, fault):
        chaos.redis_proxy.cut()


def _drop_redis(chaos: Chaos, fault: Planned) -> None:
    with chaos.one_at_a_time("redis"):
        if not chaos.wait_for_asking(20):
            return
        jobs, at = chaos.all_held(), time.time()
        chaos.redis_proxy.drop()
        chaos.note(fault, at, at, jobs)
        # Whoever reads from such a connection gives it up after 10 s. Another fault of Redis could end it before.
        time.sleep(fault.lasts)


def _slow_redis(chaos: Chaos, fault: Planned) -> None:
    with _redis_outage(chaos, fault), chaos.redis_proxy.slow(0.2):
        time.sleep(fault.lasts)


@contextmanager
def _redis_outage(chaos: Chaos, fault: Planned) -> Iterator[None]:
    with chaos.one_at_a_time("redis"):
        jobs, at = chaos.all_held(), time.time()
        yield
        chaos.note(fault, at, time.time(), jobs)


def _store(kind: Any) -> Inject:
    def inject(chaos: Chaos, fault: Planned) -> None:
        with chaos.one_at_a_time("store"):
            jobs, at = chaos.all_held(), time.time()
            with chaos.store_proxy.fault(kind):
                time.sleep(fault.lasts)
            chaos.note(fault, at, time.time(), jobs)

    return inject


def _deliver_again(chaos: Chaos, fault: Planned) -> None:
    # Sent by nobody's fault but ours, so Redis is left alone meanwhile.
    with chaos.one_at_a_time("redis"):
        chaos.deliver_again(fault.draw)
        chaos.note(fault, time.time(), time.time())


def _shuffle(chaos: Chaos, fault: Planned) -> None:
    # Workers take a message as soon as there is one, and a project's other jobs are parked. So nothing gets through
    # to them while more come than the one that each may have asked for before.
    with chaos.one_at_a_time("redis"), chaos.redis_proxy.blackhole():
        chaos.deliver_again(fault.draw)
        if moved := chaos.shuffle_queues(fault.draw):
            chaos.note(fault, time.time(), time.time(), whom=f"{moved} messages")


def _receiver(status: int | None) -> Inject:
    def inject(chaos: Chaos, fault: Planned) -> None:
        with chaos.one_at_a_time("receiver"):
            at = time.time()
            # One that hangs has lost its caller when it answers at last.
            chaos.receiver.reply = (status or 503, {"Location": chaos.receiver.url("/elsewhere")})
            chaos.receiver.hangs = status is None
            time.sleep(fault.lasts)
            chaos.receiver.hangs = False
            chaos.receiver.reply = OK
            chaos.note(fault, at, time.time())

    return inject


def _kill_deliverer(chaos: Chaos, fault: Planned) -> None:
    with chaos.one_at_a_time("receiver"):
        chaos.deliverer.kill()
        chaos.deliverer.start()
        chaos.note(fault, time.time(), time.time())


def _restart_database(chaos: Chaos, fault: Planned) -> None:
    assert chaos.database, "the long form has one"
    with chaos.one_at_a_time("database"):
        jobs, at = chaos.all_held(), time.time()
        chaos.database.kill()
        time.sleep(fault.lasts)
        chaos.database.start()
        chaos.note(fault, at, time.time(), jobs)


# How long a connection is tried again for is about as long: worker/queue/jobs/connection.py.
BLACKOUT_SECONDS = 65
QUIET = 10
BLACKOUT = f"Redis silent for {BLACKOUT_SECONDS} s"

# Each with how long it lasts, in seconds, where it does. A lease is six.
KINDS: dict[str, tuple[Inject, tuple[float, float]]] = {
    "SIGKILL of a worker": (_kill_worker, (0, 0)),
    "SIGKILL of a render process": (_kill_render, (0, 0)),
    "SIGKILL of a verify process": (_kill_verify, (0, 0)),
    "SIGKILL of a worker and its children": (_kill_all, (0, 0)),
    "SIGTERM of a worker": (_terminate, (0, 0)),
    "SIGSTOP of a worker, then SIGCONT": (_stop_worker, (7, 10)),
    "SIGSTOP of a worker and its children, then SIGCONT": (_stop_all, (7, 10)),
    "SIGSTOP of a render process": (_stop_render, (0, 0)),
    "Redis killed and started": (_restart_redis, (0, 3)),
    "Redis silent": (_swallow_redis, (1, 9)),
    "Redis refuses": (_refuse_redis, (1, 9)),
    **{f"Redis refuses writes ({kind})": (_refuse_writes(kind), (1, 9)) for kind in REFUSALS},
    "Redis's connections cut": (_cut_redis, (0, 0)),
    "Redis slow": (_slow_redis, (1, 4)),
    "store answers 500 and 503": (_store("errors"), (1, 6)),
    "store's connections cut": (_store("cuts"), (1, 6)),
    "store slow": (_store("slow"), (1, 4)),
    "store silent": (_store("blackhole"), (1, 9)),
    "messages delivered again": (_deliver_again, (0, 0)),
    "messages reordered": (_shuffle, (0, 0)),
    "receiver fails": (_receiver(500), (1, 3)),
    "receiver redirects": (_receiver(302), (1, 3)),
    "receiver hangs": (_receiver(None), (1, 3)),
    "SIGKILL of the deliverer": (_kill_deliverer, (0, 0)),
}

# The short form has no time for these: Redis may have handed a message to a dead connection, and only half a minute
# later it counts as lost; and it has no API.
ALL_KINDS = KINDS | {
    "Redis's connections dropped without a word": (_drop_redis, (11, 12)),
    "PostgreSQL killed and started": (_restart_database, (0, 5)),
}

INJECTS: dict[str, Inject] = {BLACKOUT: _black_out} | {
    kind: inject for kind, (inject, _) in ALL_KINDS.items()
}
