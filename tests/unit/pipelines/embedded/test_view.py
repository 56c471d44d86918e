import numpy as np
import pytest

from models.shot import REFERENCE_SHEET, Shot
from pipelines.embedded.people.code import view_vector
from pipelines.embedded.people.view import sample_view


@pytest.mark.parametrize("shot", REFERENCE_SHEET.values(), ids=list(REFERENCE_SHEET))
def test_every_shot_has_a_view(shot: Shot) -> None:
    view = sample_view(np.random.default_rng(0), shot)
    assert (view.yaw, view.pitch) == (shot.yaw, shot.pitch)
    assert view.backdrop.kind == shot.background
    assert (view.expression[0] > 0) == (shot.expression == "smile")


def test_views_are_told_apart() -> None:
    vectors = np.stack([view_vector(sample_view(np.random.default_rng(seed))) for seed in range(200)])
    assert np.abs(vectors).max() < 6
    assert len(np.unique(vectors.round(4), axis=0)) == 200
