"""A tiny head in place of MakeHuman's: balls, so that no test needs a download."""

import numpy as np

from pipelines.embedded.people.head import EXPRESSION_UNITS, HAIR_STYLES, MORE_STYLES, Head, Material
from pipelines.embedded.people.textures import Textures
from pipelines.embedded.people.worn import Worn

ROWS, COLUMNS = 10, 14


def ball(centre: tuple[float, float, float], radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (N, 3) and triangles (T, 3) of a ball whose triangles face outward."""
    around = np.linspace(0, 2 * np.pi, COLUMNS, endpoint=False)
    down = np.linspace(0.05, np.pi - 0.05, ROWS)
    y, r = np.cos(down)[:, None], np.sin(down)[:, None]
    points = np.stack([r * np.sin(around), y + 0 * around, r * np.cos(around)], -1).reshape(-1, 3)
    triangles = []
    for row in range(ROWS - 1):
        for column in range(COLUMNS):
            a, b = row * COLUMNS + column, row * COLUMNS + (column + 1) % COLUMNS
            triangles += [[a, a + COLUMNS, b], [b, a + COLUMNS, b + COLUMNS]]
    return (points * radius + centre).astype(np.float32), np.array(triangles, np.int32)


def worn_on(body: np.ndarray, vertices: np.ndarray, triangles: np.ndarray) -> Worn:
    """Fixed to the body's nearest vertex."""
    nearest = np.linalg.norm(vertices[:, None] - body[None], axis=-1).argmin(1)
    return Worn(
        corners=np.repeat(nearest[:, None], 3, 1).astype(np.int32),
        weights=np.tile(np.array([1, 0, 0], np.float32), (len(vertices), 1)),
        offsets=(vertices - body[nearest]).astype(np.float32),
        scale_between=np.array([[0, 70]] * 3, np.int32),
        scale_unit=np.abs(body[0] - body[70]) + np.float32(1e-3),
        triangles=triangles,
        uv=np.full((len(vertices), 2), 0.5, np.float32),
    )


def ball_head(rng: np.random.Generator) -> Head:
    """Its expressions are random."""
    base, triangles = ball((0, 7.0, 0.6), 1.0)
    count = len(base)
    eyes = [ball((side * 0.3, 7.28, 1.4), 0.14) for side in (-1, 1)]
    eye_points = np.concatenate([points for points, _ in eyes])
    eye_triangles = np.concatenate([eyes[0][1], eyes[1][1] + len(eyes[0][0])])
    cap, cap_triangles = ball((0, 7.5, 0.3), 0.95)
    return Head(
        base=base,
        triangles=triangles,
        materials=np.full(len(triangles), Material.SKIN, np.int32),
        marks=np.zeros((count, 4), np.float32),
        set_back=np.zeros(count, np.float32),
        expressions=rng.normal(0, 0.02, (len(EXPRESSION_UNITS), count, 3)).astype(np.float32),
        eyes=worn_on(base, eye_points, eye_triangles),
        hair={style: worn_on(base, cap, cap_triangles) for style in (*HAIR_STYLES, *MORE_STYLES)},
    )


def ball_textures(rng: np.random.Generator) -> Textures:
    """White eyes; every brow is noise."""
    return Textures(
        eye=np.full((256, 256, 3), 0.8, np.float32),
        iris=np.zeros((256, 256), np.float32),
        brows=rng.random((12, 128, 128)).astype(np.float32),
    )
