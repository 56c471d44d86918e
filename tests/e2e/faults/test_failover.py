"""Sentinels that make another Redis the master while jobs are in hand: the short form of `failover`."""

from pathlib import Path

import pytest

from tests.e2e.faults.failover import failovers


@pytest.mark.timeout(300)
def test_no_job_is_lost_when_the_master_is_killed_or_ordered_to_hand_over(tmp_path: Path) -> None:
    seen = list(failovers(["killed", "ordered"], tmp_path, down_after=1000))
    assert [one.wrong for one in seen] == [(), ()]
    assert all(one.moved_on for one in seen), "jobs were in hand, and their next steps were told"
