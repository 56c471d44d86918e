"""Previews of the embedded profile: its latents are pixels."""

import numpy as np
import torch
from PIL import Image

from models.source_type import SourceType
from pipelines.embedded.profile import Embedded
from tests.support.pictures.samples import likeness_of_pictures
from tests.support.weights.engines import Looks, references_of, render


def test_a_cells_colour_is_the_mean_of_its_pixels(engine: Embedded) -> None:
    rows, columns = np.mgrid[:256, :256] / 128 - 1
    picture = torch.from_numpy(np.stack([rows, columns, -rows])).float()
    made = engine.colours(torch.nn.functional.pixel_unshuffle(picture, 4))
    assert made is not None
    assert torch.allclose(made, torch.nn.functional.avg_pool2d(picture, 4), atol=1e-5)


def test_a_preview_resembles_its_own_image(engine: Embedded) -> None:
    looks = Looks()
    render(engine, references_of("maya"), "front", "profile", sink=looks)
    images = {shot: Image.fromarray(image.astype(np.uint8)) for shot, image in looks.images.items()}
    for (shot, _), preview in looks.previews.items():
        assert preview
        assert preview.source_type is SourceType.COMPOSITE
        assert preview.image.size == (64, 64)
        (other,) = set(images) - {shot}
        assert likeness_of_pictures(preview.image, images[shot]) > 0.98
        assert likeness_of_pictures(preview.image, images[other]) < 0.9
