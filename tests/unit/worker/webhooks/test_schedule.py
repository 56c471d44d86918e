"""What an answer means for a delivery."""

import pytest

from worker.base.settings import Settings
from worker.webhooks.schedule import outcome_of
from worker.webhooks.sender import Answer

WAITS = (5.0, 300.0)


def after(answer: Answer, number: int = 1, luck: float = 0) -> tuple[str, float]:
    outcome = outcome_of(answer, number, WAITS, random=lambda: luck)
    return outcome.state, outcome.delay


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_success(status: int) -> None:
    assert after(Answer(status)) == ("delivered", 0)


@pytest.mark.parametrize("status", [199, 301, 307, 400, 401, 404, 429, 500, 503])
def test_anything_else_is_tried_again(status: int) -> None:
    assert after(Answer(status)) == ("pending", 5)
    assert after(Answer(status), number=2) == ("pending", 300)
    assert after(Answer(status), number=3) == ("failed", 0)


def test_up_to_a_fifth_of_a_wait_is_random() -> None:
    assert after(Answer(500), luck=1) == ("pending", 6)


def test_the_receiver_can_ask_for_more_time_but_not_for_less_nor_for_ever() -> None:
    assert after(Answer(429, retry_after=60)) == ("pending", 60)
    assert after(Answer(503, retry_after=1)) == ("pending", 5)
    assert after(Answer(503, retry_after=1e9)) == ("pending", 86_400)


def test_410_and_a_refusal_end_it_at_once() -> None:
    gone = outcome_of(Answer(410), 1, WAITS)
    assert (gone.state, gone.gone) == ("failed", True)
    refused = outcome_of(Answer(failure="refused: no", is_refused=True), 1, WAITS)
    assert (refused.state, refused.gone, refused.slow) == ("failed", False, False)


def test_no_answer_is_tried_again_and_marks_the_receiver_as_slow() -> None:
    outcome = outcome_of(Answer(failure="no answer within 20 s"), 1, WAITS)
    assert (outcome.state, outcome.slow) == ("pending", True)
    assert not outcome_of(Answer(500), 1, WAITS).slow


def test_the_default_schedule_gives_up_after_three_days() -> None:
    waits = Settings().webhook_schedule
    assert len(waits) + 1 == 10
    assert 3 * 86_400 < sum(waits) < 4 * 86_400
