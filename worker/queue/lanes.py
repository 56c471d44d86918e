"""Names of the queues. Each tier of projects has a queue for new jobs, and one for jobs that have begun."""

from worker.base.settings import DEFAULT_TIER, Settings

_BEGUN = ".again"
# Kombu's, which is slow to import.
_SEPARATOR, _PRIORITY_STEPS = "\x06\x16", (0, 3, 6, 9)


class Lanes:
    """Finds the queue that a job is sent to, and the queues that a worker serves."""

    def __init__(self, settings: Settings) -> None:
        self._queue = settings.queue
        self._tiers = (*settings.tiers, DEFAULT_TIER)
        self._serves = settings.serves or self._tiers
        self._tier_of = {project: tier for tier, projects in settings.tiers.items() for project in projects}

    def new(self, project_id: str, chosen: str | None = None) -> str:
        """The queue for a project's new jobs. `chosen`: the tier that the job itself names."""
        return self._new(self.tier_of(project_id, chosen))

    def begun(self, project_id: str, chosen: str | None = None) -> str:
        """The queue for a project's jobs that a worker had, or should have had."""
        return self.new(project_id, chosen) + _BEGUN

    def tier_of(self, project_id: str, chosen: str | None = None) -> str:
        """The tier of a project's jobs, unless the job has chosen another one that there is."""
        return chosen if chosen in self._tiers else self._tier_of.get(project_id, DEFAULT_TIER)

    @property
    def tiers(self) -> tuple[str, ...]:
        """All tiers, the default one last."""
        return self._tiers

    def queues_of(self, tier: str) -> tuple[str, ...]:
        """A tier's queues: that of begun jobs, then that of new ones."""
        return self._of((tier,))

    @property
    def all(self) -> tuple[str, ...]:
        """The queues of all tiers: those of begun jobs, then those of new ones."""
        return self._of(self._tiers)

    @property
    def served(self) -> tuple[str, ...]:
        """A worker's queues: those of begun jobs, then those of new ones, both in the order of its tiers."""
        return self._of(self._serves)

    def _of(self, tiers: tuple[str, ...]) -> tuple[str, ...]:
        new = [self._new(tier) for tier in tiers]
        return (*(queue + _BEGUN for queue in new), *new)

    def _new(self, tier: str) -> str:
        return self._queue if tier == DEFAULT_TIER else f"{self._queue}.{tier}"


def is_for_begun(queue: str) -> bool:
    return queue.endswith(_BEGUN)


def begun_of(queue: str) -> str:
    """The queue of begun jobs that belongs to a queue: it is served first. That of begun jobs itself."""
    return queue if is_for_begun(queue) else queue + _BEGUN


def lists_of(queue: str) -> tuple[str, ...]:
    """The Redis lists of a queue: one for each of kombu's priorities."""
    return tuple(f"{queue}{_SEPARATOR}{step}" if step else queue for step in _PRIORITY_STEPS)
