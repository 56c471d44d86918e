"""A deliverer's side of the outbox. outbox.lua says what each write means, and why it is safe."""

from dataclasses import dataclass, field

from models.webhook import DeliveryState
from worker.base.settings import Settings
from worker.queue.jobs.deliveries import Deliveries
from worker.webhooks.own_secrets import SecretName, names_in
from worker.webhooks.receivers import receiver_of

# How many tries one receiver may have at once.
_MOST_SHARE = 4
_YET_TO_COME = 2**53


@dataclass(frozen=True, slots=True)
class Try:
    """A delivery that this process tries now. Its URL may be a secret, so its repr omits it."""

    delivery_id: str
    fields: dict[str, str] = field(repr=False)
    is_doubtful: bool = False
    """Whether its receiver isn't known to answer."""

    @property
    def webhook_id(self) -> str:
        return self.fields["webhook_id"]

    @property
    def job_id(self) -> str:
        return self.fields["job_id"]

    @property
    def url(self) -> str:
        return self.fields["url"]

    @property
    def organisation(self) -> str:
        return self.fields.get("organisation", "")

    @property
    def own_secrets(self) -> list[SecretName]:
        """The names of the secrets that it is signed with. Empty: the deployment's are used."""
        return names_in(self.fields.get("own_secrets", ""))

    @property
    def number(self) -> int:
        """The number of this try, from 1; a replay begins at 1 again."""
        return int(self.fields["tries"])

    @property
    def at(self) -> float:
        """When the delivery was taken, in seconds since 1970 by Redis's clock."""
        return int(self.fields["last_at"]) / 1000


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a try. `delay` is the time until the next one, in seconds, if the delivery stays pending.

    `hold` is how long, in seconds, the URL isn't tried at all. `gone`: it isn't tried until a replay. `slow`: the
    receiver could not be reached, or gave no answer in time.
    """

    state: DeliveryState
    answer: str
    delay: float = 0
    hold: float = 0
    gone: bool = False
    slow: bool = False


class Outbox(Deliveries):
    """The webhooks that are to be delivered, and past ones. Methods raise QueueUnavailable."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        # A try ends by itself before this, so that a longer silence means that its process died.
        self._lease_ms = int(settings.webhook_timeout * 2000)
        self._share = max(1, min(_MOST_SHARE, settings.webhook_concurrency // 2))
        # Redis's clock when it was last seen, in ms since 1970.
        self._clock = _YET_TO_COME
        self._general_url = settings.webhook_url.get_secret_value() if settings.webhook_url else ""

    def take(self, most: int, most_doubtful: int | None = None) -> list[Try]:
        """Takes deliveries for the caller to try now, who reports each outcome with `note`. At most `most_doubtful`
        are for receivers that aren't known to answer."""
        tries: list[Try] = []
        doubtful = most if most_doubtful is None else most_doubtful
        while True:
            self._clock, found, unnamed = self._call(
                "take",
                most - len(tries),
                doubtful - sum(one.is_doubtful for one in tries),
                self._lease_ms,
                self._share,
                self._general_url,
                self._clock,
            )
            tries += [
                Try(delivery_id, dict(zip(flat[::2], flat[1::2], strict=True)), bool(is_doubtful))
                for delivery_id, is_doubtful, flat in found
            ]
            if not unnamed:
                return tries
            for delivery_id, url in unnamed:
                self._call("name", delivery_id, receiver_of(url))

    def note(self, tried: Try, outcome: Outcome) -> bool:
        """Records a try's outcome. False, and nothing is written, if the delivery was replayed or tried again by
        another process meanwhile."""
        answer = self._call(
            "note",
            tried.delivery_id,
            tried.fields["token"],
            outcome.state,
            outcome.answer,
            int(outcome.delay * 1000),
            int(outcome.hold * 1000),
            int(outcome.gone),
            int(outcome.slow),
        )
        return bool(answer == "ok")

    def late(self, seconds: float) -> int:
        """The number of deliveries that should have been tried more than `seconds` ago."""
        return int(self._call("late", int(seconds * 1000)))
