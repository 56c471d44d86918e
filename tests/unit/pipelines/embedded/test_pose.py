import numpy as np

from pipelines.embedded.people.normals import vertex_normals
from pipelines.embedded.people.pose import rotation
from tests.support.pictures.ball_head import ball


def test_angles_turn_as_a_shot_says() -> None:
    nose = np.array([0, 0, 1], np.float32)
    assert (rotation(30, 0, 0) @ nose)[0] > 0.4  # to the image's right
    assert (rotation(0, 20, 0) @ nose)[1] > 0.3  # up


def test_normals_of_a_ball_point_away_from_its_middle() -> None:
    points, triangles = ball((1, 2, 3), 2.0)
    normals = vertex_normals(points, triangles)
    outward = (points - np.array([1, 2, 3])) / 2
    assert np.allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
    assert ((normals * outward).sum(1) > 0.9).all()


def test_a_vertex_without_triangles_has_no_normal() -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 5, 5]], np.float32)
    normals = vertex_normals(points, np.array([[0, 1, 2]], np.int32))
    assert np.allclose(normals, [[0, 0, 1]] * 3 + [[0, 0, 0]])
