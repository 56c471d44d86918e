"""Projects beside each other: one that floods the queue, and a tier of its own. One worker for all of them."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from models.job import CloneJob, CloneRequest, ReferenceSource
from tests.e2e.faults.run import Site, site
from worker.client import JobClient, plan_clone
from worker.stack.samples import load_sample
from worker.storage import Storage

SOURCE, (REFERENCE, *_) = load_sample("maya")
COMMON = tuple(f"common-{number}" for number in range(20))
GOLD = ("gold-1", "gold-2", "gold-3", "gold-4")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """With one worker, which has two jobs in hand, and one of them of any project."""
    with site(tmp_path_factory.mktemp("share"), seed=0) as found:
        settings = found.settings.model_copy(
            update={"project_limit": 1, "tiers": {"gold": GOLD}, "gate": "off"}
        )
        with Storage(settings) as storage:
            for project in ("flood", "other", *COMMON, *GOLD):
                key = storage.keys.media_key(project, "med_1")
                storage.put_image(key, REFERENCE, "image/webp", {})
        mine = replace(found, settings=settings, proxied=settings)
        fleet = mine.workers(1, image_seconds=0.05)
        fleet.wait_ready()
        yield mine
        fleet.abandon()


class Ends:
    """Submits jobs, and tells in which order they ended."""

    def __init__(self, client: JobClient) -> None:
        self._client = client
        self._jobs: list[CloneJob] = []

    def submit(self, project: str, count: int = 1) -> None:
        source = SOURCE.model_copy(update={"project_id": project})
        request = CloneRequest(name="Maya B")
        for _ in range(count):
            job = plan_clone(source, request, [ReferenceSource(asset_id="med_1")], ["front"])
            self._client.submit(job)
            self._jobs.append(job)

    def order(self) -> str:
        """The first letters of the jobs' projects."""
        ends = []
        for job in self._jobs:
            *_, last = self._client.watch(job.job_id, timeout=60)
            assert last.type == "job.completed", last
            ends.append((last.at, job.project_id[0]))
        return "".join(letter for _, letter in sorted(ends))


@pytest.mark.parametrize("limit", [1, None], ids=["parked by producers", "parked by workers"])
def test_a_flood_of_one_project_keeps_no_other_waiting(here: Site, limit: int | None) -> None:
    ends = Ends(JobClient(here.settings.model_copy(update={"project_limit": limit})))
    ends.submit("flood", 30)
    ends.submit("other", 3)
    order = ends.order()
    assert order[: order.rindex("o")].count("f") < 12, order


def test_tiers_are_served_in_turn(here: Site) -> None:
    ends = Ends(JobClient(here.settings))
    for project in (*COMMON, *GOLD):
        ends.submit(project)
    order = ends.order()
    first, last = order.index("g"), order.rindex("g")
    before, between, after = order[:first], order[first:last], order[last:]
    assert len(before) < 10, order
    assert between.count("c") >= 2, order
    assert after.count("c") >= 6, order
