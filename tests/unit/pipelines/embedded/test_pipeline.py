"""The pipeline in diffusers' form, as somebody uses it who has the folder and none of the worker."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from models.shot import shot_named
from pipelines.embedded.people.view import View, sample_view
from pipelines.embedded.pipeline import LikenessPipeline
from pipelines.sources import EMBEDDED
from pipelines.weights import WeightStore
from tests.support.pictures.portraits import references_of

MAYA = references_of("maya")[:2]


@pytest.fixture(scope="module")
def pipe(shipped: WeightStore) -> LikenessPipeline:
    loaded = LikenessPipeline.from_pretrained(shipped.folder(EMBEDDED))
    assert isinstance(loaded, LikenessPipeline)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def views_of(*shots: str) -> list[View]:
    return [sample_view(np.random.default_rng(number), shot_named(shot)) for number, shot in enumerate(shots)]


def seeded(count: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(number) for number in range(count)]


def levels(pictures: Sequence[Image.Image]) -> np.ndarray:
    return np.stack([np.asarray(picture, int) for picture in pictures])


def test_it_loads_from_its_folder_in_single_precision(pipe: LikenessPipeline) -> None:
    networks = [part for part in pipe.components.values() if isinstance(part, nn.Module)]
    assert len(networks) == 4
    assert {tensor.dtype for network in networks for tensor in network.parameters()} == {torch.float32}


def test_it_makes_pictures_of_a_person_that_it_has_read(pipe: LikenessPipeline) -> None:
    views = views_of("front", "profile")
    made = pipe(pipe.read(MAYA), views, generator=seeded(2), output_type="pil").images
    assert [(picture.mode, picture.size) for picture in made] == [("RGB", (512, 512))] * 2
    assert levels(made).std() > 10


def test_latents_decode_to_the_same_pictures(pipe: LikenessPipeline) -> None:
    person, views = pipe.read(MAYA), views_of("front")
    (picture,) = pipe(person, views, size=256, generator=seeded(1)).images
    latents = pipe(person, views, size=256, generator=seeded(1), output_type="latent").images
    with torch.inference_mode():
        decoded = pipe.decode(latents)
    assert decoded.shape == (1, 3, 256, 256)
    shown = decoded[0].permute(1, 2, 0).add(1).mul(127.5).clamp(0, 255).numpy()
    assert np.abs(shown - np.asarray(picture)).max() <= 0.51


def test_the_finisher_begins_with_what_is_carried_and_each_seed_has_noise_of_its_own(
    pipe: LikenessPipeline,
) -> None:
    person, views = pipe.read(MAYA), views_of("front")
    begun: list[torch.Tensor] = []
    hook = pipe.finisher.register_forward_hook(lambda _, given, __: begun.append(given[0]))
    for seed in (1, 1, 2):
        pipe(person, views, size=256, generator=[torch.Generator().manual_seed(seed)])
    hook.remove()
    (carried,) = pipe.carried(person, views, 256)
    with torch.inference_mode():
        first = pipe.decode(begun[0])[0].permute(1, 2, 0).add(1).div(2).numpy()
    assert np.abs(first - carried.picture).max() < 1e-5
    assert torch.equal(begun[1], begun[3])
    assert not torch.equal(begun[1], begun[5])


def test_a_callback_sees_every_step_and_may_change_the_latents(pipe: LikenessPipeline) -> None:
    person, views = pipe.read(MAYA), views_of("front")
    seen: list[int] = []

    def blank(_: object, index: int, __: object, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        seen.append(index)
        return {"latents": tensors["latents"] * 0}

    latents = pipe(
        person,
        views,
        size=256,
        num_inference_steps=3,
        generator=seeded(1),
        output_type="latent",
        callback_on_step_end=blank,
    ).images
    assert seen == [0, 1, 2]
    assert not latents.any()


def test_what_it_saves_loads_again_and_makes_the_same_pictures(
    pipe: LikenessPipeline, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("saved")
    pipe.save_pretrained(folder)
    again = LikenessPipeline.from_pretrained(folder)
    one, other = (
        levels(each(each.read(MAYA), views_of("smile"), size=256, generator=seeded(1)).images)
        for each in (pipe, again)
    )
    assert np.abs(one - other).max() <= 2
