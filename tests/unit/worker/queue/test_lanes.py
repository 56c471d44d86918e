"""Which queue a job goes to, which ones a worker serves, and in which order they are asked."""

import pytest

from models.errors import InvalidSettings
from worker.base import settings as module
from worker.base.settings import Settings
from worker.queue.lanes import Lanes
from worker.queue.transport import InTurn

TIERS = Settings(queue="q", tiers={"gold": ("p1", "p2"), "bulk": ("p3",)})


def test_a_project_has_its_tiers_queues() -> None:
    lanes = Lanes(TIERS)
    assert [lanes.new(project) for project in ("p1", "p2", "p3", "p4")] == ["q.gold", "q.gold", "q.bulk", "q"]
    assert [lanes.begun(project) for project in ("p2", "p4")] == ["q.gold.again", "q.again"]


def test_a_job_may_choose_a_tier_that_there_is() -> None:
    lanes = Lanes(TIERS)
    chosen = [("p4", "gold"), ("p1", "bulk"), ("p1", "default"), ("p1", "none"), ("p1", None)]
    assert [lanes.new(*each) for each in chosen] == ["q.gold", "q.bulk", "q", "q.gold", "q.gold"]
    assert lanes.begun("p4", "gold") == "q.gold.again"


def test_a_worker_serves_all_tiers_or_those_that_it_is_told_to() -> None:
    everything = ("q.gold.again", "q.bulk.again", "q.again", "q.gold", "q.bulk", "q")
    assert Lanes(TIERS).served == everything
    some = Lanes(TIERS.model_copy(update={"serves": ("default", "gold")}))
    assert some.served == ("q.again", "q.gold.again", "q", "q.gold")
    assert some.all == everything
    assert Lanes(Settings(queue="q")).served == ("q.again", "q")


def test_begun_jobs_come_first_and_tiers_in_turn() -> None:
    cycle = InTurn()
    cycle.update(Lanes(TIERS).served)
    assert cycle.consume(6)[0] == "q.gold.again"
    for used, then in (
        ("q.gold", ["q.bulk", "q", "q.gold"]),
        ("q.gold", ["q.bulk", "q", "q.gold"]),
        ("q.bulk", ["q", "q.gold", "q.bulk"]),
        ("q", ["q.gold", "q.bulk", "q"]),
    ):
        cycle.rotate(used)
        asked = cycle.consume(6)
        assert all(queue.endswith(".again") for queue in asked[:3])
        assert asked[3:] == then


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("TIERS", '{"Gold": []}', "LIKENESS_TIERS"),
        ("TIERS", '{"again": ["p1"]}', "no tier can be called again"),
        ("TIERS", '{"default": ["p1"]}', "no tier can be called default"),
        ("TIERS", '{"a": ["p1"], "b": ["p1"]}', "p1 can be in one tier only"),
        ("TIERS", "gold", 'field "tiers".* must be JSON'),
        ("SERVES", '["gold"]', "gold is neither in tiers nor default"),
        ("SERVES", "[]", "LIKENESS_SERVES"),
        ("PROJECT_LIMIT", "0", "LIKENESS_PROJECT_LIMIT"),
        ("ORGANISATION_LIMIT", "0", "LIKENESS_ORGANISATION_LIMIT"),
        ("PUBLIC_BASE_URL", "", "LIKENESS_PUBLIC_BASE_URL"),
        ("PUBLIC_BASE_URL", "cdn.example/x", "LIKENESS_PUBLIC_BASE_URL"),
    ],
)
def test_what_can_not_be_meant_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(f"LIKENESS_{name}", value)
    with pytest.raises(InvalidSettings, match=told):
        module.settings.__wrapped__()


def test_tiers_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKENESS_TIERS", '{"gold": ["p1"], "bulk": []}')
    monkeypatch.setenv("LIKENESS_SERVES", '["gold", "default"]')
    settings = module.settings.__wrapped__()
    assert (settings.tiers, settings.serves) == ({"gold": ("p1",), "bulk": ()}, ("gold", "default"))
