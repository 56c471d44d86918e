"""How many rows a second the landing brings up to date, and what an API process costs Redis while nothing ends.

python -m bench.landing --ended 2000 --queued 20000

First jobs of one organisation that ended are landed by one sweep. Then others are queued, and a real `likeness api`
is left alone with them for some seconds.
"""

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import func, select

from api.app import make_app
from api.calls.influencers.influencers import new_influencer
from api.http.call import Services
from api.rows.rows import project_of
from api.rows.seed import seed
from api.rows.tables import JobRow
from api.settings import ApiSettings
from api.starting import record_job
from bench.served import free_port, serving
from models.derived import asset_id_of
from models.influencer import Influencer, ReferenceImage
from models.job import CloneJob, CloneRequest, ReferenceSource
from models.record import JobResult, StoredImage
from worker.base.settings import Settings
from worker.client import plan_clone
from worker.stack.redis_server import RedisServer
from worker.stack.samples import load_sample

_BATCH = 500
_ASSET = "med_1"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench.landing")
    parser.add_argument("--ended", type=int, default=2000)
    parser.add_argument("--queued", type=int, default=20000)
    parser.add_argument("--seconds", type=float, default=10, help="Of idleness.")
    chosen = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="likeness-bench-") as data, RedisServer(Path(data) / "redis") as redis:
        url = f"sqlite:///{data}/api.db"
        services: Services = make_app(
            Settings(redis_url=redis.url), ApiSettings(database_url=url)
        ).state.services
        services.database.migrate()
        source, _ = load_sample("maya")
        seed(services.database, "acme", source, {_ASSET: ("media/1.webp", "https://images.example/1.webp")})
        for job in _clones(services, source, chosen.ended):
            lease = services.store.claim(job, "bench").lease
            assert lease
            services.store.complete(lease, _result_of(job))
        began = time.perf_counter()
        services.landing.sweep()
        seconds = time.perf_counter() - began
        with services.database.read() as session:
            unlanded = select(func.count()).select_from(JobRow).where(JobRow.landed_at.is_(None))
            assert session.scalar(unlanded) == 0
        print(f"{chosen.ended} ended jobs: {chosen.ended / seconds:.0f} rows a second")
        _clones(services, source, chosen.queued)
        environment = {"LIKENESS_DATABASE_URL": url, "LIKENESS_REDIS_URL": redis.url}
        port = free_port()
        with serving(["worker", "api"], port, environment | {"LIKENESS_API_PORT": str(port)}) as api:
            _settle(services)
            calls, cpu, began = _calls(services), api.cpu_seconds(), time.perf_counter()
            time.sleep(chosen.seconds)
            span = time.perf_counter() - began
            # The two that count are among them.
            rate = (_calls(services) - calls - 2) / span
            used = (api.cpu_seconds() - cpu) / span
        load = os.getloadavg()[0]
        print(
            f"{chosen.queued} queued jobs: {rate:.1f} Redis commands a second, {100 * used:.1f} % of a core"
        )
        print(f"load {load:.1f}")


def _clones(services: Services, source: Influencer, count: int) -> list[CloneJob]:
    """Recorded and submitted."""
    jobs: list[CloneJob] = []
    while len(jobs) < count:
        references = [ReferenceSource(asset_id=_ASSET)]
        some = [
            plan_clone(source, CloneRequest(name="B"), references)
            for _ in range(min(_BATCH, count - len(jobs)))
        ]
        with services.database.write() as session:
            project = project_of(session, "acme", source.project_id)
            for job in some:
                row = new_influencer(session, project, job.influencer_id, "pending", source)
                session.flush()
                record_job(session, row, job)
        for job in some:
            waiting = services.store.submit(job)
            assert waiting
            services.store.sent(waiting, "bench")
        jobs += some
    return jobs


def _settle(services: Services) -> None:
    """Until its first look at everything is over."""
    while True:
        before = _calls(services)
        time.sleep(2)
        if _calls(services) - before < 20_000:
            return


def _calls(services: Services) -> int:
    stats: Any = services.store._redis.info("commandstats")
    return sum(told["calls"] for told in stats.values())


def _result_of(job: CloneJob) -> JobResult:
    images = tuple(_image(job, shot) for shot in job.shots)
    at = job.source.created_at
    references = tuple(
        ReferenceImage(asset_id=one.asset_id, url=one.url, thumbnail_url=one.thumbnail_url, added_at=at)
        for one in images
    )
    row = job.finished_row(references, at)
    return JobResult(
        influencer=row, images=images, manifest_key="m.json", manifest_url="https://s3.example/m"
    )


def _image(job: CloneJob, shot: str) -> StoredImage:
    return StoredImage(
        shot=shot,
        asset_id=asset_id_of(job.job_id, shot),
        key=f"{job.project_id}/{job.job_id}/{shot}.png",
        thumbnail_key=f"{job.project_id}/{job.job_id}/thumbs/{shot}.webp",
        url=f"https://s3.example/{shot}.png",
        thumbnail_url=f"https://s3.example/thumbs/{shot}.webp",
        sha256="0" * 64,
        thumbnail_sha256="0" * 64,
        bytes=1,
        width=1,
        height=1,
        seed=1,
    )


if __name__ == "__main__":
    main()
