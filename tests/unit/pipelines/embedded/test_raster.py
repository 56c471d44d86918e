import numpy as np
import pytest

from pipelines.embedded.people import raster
from pipelines.embedded.people.raster import FAR, rasterise


def test_the_nearer_triangle_hides_the_other() -> None:
    corners = [[0.1, 0.1], [0.9, 0.1], [0.1, 0.9]]
    screen = np.array([[*c, 2.0] for c in corners] + [[*c, 1.0] for c in corners], np.float32)
    surface = rasterise(screen, np.array([[3, 4, 5], [0, 1, 2]], np.int32), 20)
    assert surface.triangle[5, 5] == 0
    assert surface.depth[5, 5] == pytest.approx(1.0)
    assert surface.triangle[19, 19] == -1
    assert surface.depth[19, 19] == FAR


def test_of_equally_near_ones_the_first_wins() -> None:
    screen = np.array([[0.1, 0.1, 1], [0.9, 0.1, 1], [0.1, 0.9, 1]], np.float32)
    surface = rasterise(screen, np.array([[0, 1, 2], [0, 2, 1], [1, 2, 0]], np.int32), 20)
    assert set(np.unique(surface.triangle)) == {-1, 0}


def test_a_pixel_knows_where_in_its_triangle_it_is() -> None:
    screen = np.array([[0, 0, 0], [1, 0, 1], [0, 1, 2]], np.float32)
    surface = rasterise(screen, np.array([[0, 1, 2]], np.int32), 10)
    assert surface.inside[2, 6] == pytest.approx([0.65, 0.25], abs=1e-5)
    assert surface.depth[2, 6] == pytest.approx(0.65 + 0.5, abs=1e-5)


def test_triangles_may_lie_outside_or_be_flat() -> None:
    screen = np.array([[-5, -5, 1], [-4, -5, 1], [-5, -4, 1], [7, 7, 1], [0.2, 0.2, 1], [0.8, 0.8, 1]])
    triangles = np.array([[0, 1, 2], [4, 5, 4], [3, 3, 3], [0, 3, 1]], np.int32)
    surface = rasterise(screen.astype(np.float32), triangles, 8)
    assert surface.triangle.shape == (8, 8)
    assert not np.isin(surface.triangle, (0, 1, 2)).any()


def test_how_many_are_looked_at_together_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    screen = rng.uniform(-0.2, 1.2, (60, 3)).astype(np.float32)
    triangles = rng.integers(0, 60, (80, 3)).astype(np.int32)
    whole = rasterise(screen, triangles, 40)
    monkeypatch.setattr(raster, "PAIRS", 100)
    for one, other in zip(whole, rasterise(screen, triangles, 40), strict=True):
        assert np.array_equal(one, other)
