import re

from models.derived import asset_id_of, person_seed_of, seed_of
from models.shot import REFERENCE_SHEET

JOB = "job_01JDG3T4Q8J9W2M5X7Y0Z1A2B3"


def test_they_follow_from_job_and_shot_alone() -> None:
    # Written out: were these to change, a job resumed across an upgrade would render other images.
    assert seed_of(JOB, "front") == 814213830945803322
    assert asset_id_of(JOB, "front") == "med_JZH4QW3SB7YYTXE2EQ8FFJNJMP"
    assert person_seed_of(seed_of(JOB, "front")) == 3594396174333801488


def test_they_differ_by_job_shot_and_attempt() -> None:
    seeds = {seed_of(job, shot, n) for job in (JOB, "job_2") for shot in REFERENCE_SHEET for n in range(3)}
    assert len(seeds) == 2 * len(REFERENCE_SHEET) * 3
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert re.fullmatch(r"med_[0-9A-HJKMNP-TV-Z]{26}", asset_id_of(JOB, "smile"))
