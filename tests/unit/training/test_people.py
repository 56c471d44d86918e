import numpy as np

from models.shot import REFERENCE_SHEET
from pipelines.embedded.people.head import Material, assemble
from pipelines.embedded.people.pose import pose
from pipelines.embedded.people.raster import rasterise
from pipelines.embedded.people.view import sample_view
from training.heads import head_box
from training.people.assets import Assets
from training.people.files import load_head, save_head
from training.people.identity import sample_identity
from training.people.render import render


def test_a_seed_is_a_person(assets: Assets) -> None:
    one, again, other = (sample_identity(assets, seed) for seed in (5, 5, 6))
    assert np.array_equal(one.body, again.body)
    assert repr(one.looks) == repr(again.looks)
    assert not np.allclose(one.body, other.body)


def test_one_person_in_two_views(assets: Assets) -> None:
    person = sample_identity(assets, 1)
    views = [sample_view(np.random.default_rng(seed)) for seed in (0, 0, 1)]
    pictures = [render(assets.head, assets.textures, person, view, size=48) for view in views]
    assert pictures[0].shape == (48, 48, 3)
    assert pictures[0].dtype == np.uint8
    assert np.array_equal(pictures[0], pictures[1])
    assert np.abs(pictures[0].astype(int) - pictures[2]).mean() > 5


def test_the_head_is_where_the_view_says(assets: Assets) -> None:
    person = sample_identity(assets, 2)
    for shot in ("front", "three-quarter-left", "half-body"):
        view = sample_view(np.random.default_rng(3), REFERENCE_SHEET[shot])
        figure = assemble(assets.head, person.body, view.expression, person.hair)
        surface = rasterise(pose(figure, view).screen, figure.triangles, 64)
        eyes = (surface.triangle >= 0) & (figure.materials[surface.triangle] == Material.EYE)
        rows, columns = np.nonzero(eyes)  # they lie in the box, near its middle
        x, y, side = head_box(view)
        assert abs((columns.mean() + 0.5) / 64 - x) < 0.35 * side
        assert abs((rows.mean() + 0.5) / 64 - y) < 0.35 * side


def test_a_head_survives_its_file(assets: Assets, tmp_path) -> None:  # type: ignore[no-untyped-def]
    save_head(assets.head, assets.textures, tmp_path)
    loaded, textures = load_head(tmp_path)
    assert np.array_equal(loaded.base, assets.head.base)
    assert list(loaded.hair) == list(assets.head.hair)
    body = assets.head.base * 1.1
    assert np.allclose(loaded.eyes.place(body), assets.head.eyes.place(body))
    assert np.array_equal(textures.brows, assets.textures.brows)
