"""A plain Celery task, acknowledged late and taken one by one."""

import os
from collections.abc import Sequence
from functools import cache

from celery import Celery

from bench.peers.handlers.work import Model

app = Celery("peers", broker=os.environ["BENCH_REDIS"], backend=os.environ["BENCH_REDIS"])
app.conf.update(task_acks_late=True, worker_prefetch_multiplier=1)


@app.task(name="render")
def render(job: str, references: Sequence[str]) -> list[str]:
    return _model().run(job, references)


@cache
def _model() -> Model:
    return Model()
