import numpy as np
import pytest
import torch

from pipelines.embedded.nets.finisher import CHANNELS, FACTOR, TOLD, Finisher
from pipelines.embedded.nets.reader import HeadFinder, ReferenceReader, crop
from training.all import commands
from training.faces import auc
from training.finisher import mirrored, mirrored_told
from training.recipe import SMOKE
from training.references import looking_loss


def test_a_new_finisher_changes_nothing() -> None:
    torch.manual_seed(0)
    model = Finisher(widths=(16, 24, 32), hidden=16)
    noisy, carried = torch.randn(2, 2, CHANNELS, 8, 8)
    with torch.no_grad():
        finished = model(noisy, torch.tensor([1.0, 0.3]), carried, torch.rand(2, TOLD, 8, 8))
    assert torch.equal(finished, carried)


def test_a_finisher_that_learnt_sees_noise_level_and_what_it_is_told() -> None:
    torch.manual_seed(0)
    model = Finisher(widths=(16, 24, 32), hidden=16)
    for part in model.parameters():
        torch.nn.init.normal_(part, std=0.1)
    noisy, carried, told = (
        torch.randn(1, CHANNELS, 8, 8),
        torch.randn(1, CHANNELS, 8, 8),
        torch.rand(1, TOLD, 8, 8),
    )
    with torch.no_grad():
        usual = model(noisy, torch.tensor([0.5]), carried, told)
        others = [
            model(noisy + 1, torch.tensor([0.5]), carried, told),
            model(noisy, torch.tensor([0.9]), carried, told),
            model(noisy, torch.tensor([0.5]), carried, 1 - told),
        ]
    for other in others:
        assert (usual - other).abs().max() > 1e-3


def test_a_mirrored_pair_is_the_mirrored_picture() -> None:
    picture = torch.arange(3 * 16 * 16, dtype=torch.float32).reshape(1, 3, 16, 16)
    cells = torch.nn.functional.pixel_unshuffle(picture, FACTOR)
    assert torch.equal(torch.nn.functional.pixel_shuffle(mirrored(cells), FACTOR), picture.flip(3))
    told = torch.cat([cells[:, : FACTOR**2], torch.rand(1, TOLD - FACTOR**2, 4, 4)], 1)
    other = mirrored_told(told)
    assert torch.equal(
        torch.nn.functional.pixel_shuffle(other[:, : FACTOR**2], FACTOR), picture[:, :1].flip(3)
    )
    assert torch.equal(other[:, FACTOR**2 :], told[:, FACTOR**2 :].flip(3))


def test_a_crop_is_the_box() -> None:
    picture = torch.zeros(1, 3, 64, 64)
    picture[:, :, 16:32, 32:48] = 1.0
    cut = crop(picture, torch.tensor([[40 / 64, 24 / 64, 16 / 64]]), size=16)
    assert cut.mean().item() == pytest.approx(1.0, abs=0.05)


def test_readers_shapes() -> None:
    reader = ReferenceReader(looks=12, points=5, widths=(8, 16, 16, 16), risen=(16, 16), hidden=16)
    places, spreads, looks, looked = reader(torch.randn(2, 3, 128, 128))
    assert places.shape == (2, 5, 2)
    assert spreads.shape == (2, 5)
    assert looks.shape == (2, 12)
    assert looked.shape == (2, 5, 32, 32)
    assert torch.allclose(looked.exp().sum((2, 3)), torch.ones(2, 5), atol=1e-4)
    boxes = HeadFinder(8)(torch.randn(2, 3, 64, 64))
    assert boxes.shape == (2, 3)
    assert (boxes[:, 2] > 0).all()


def test_a_new_reader_expects_points_where_they_usually_are() -> None:
    reader = ReferenceReader(looks=12, points=3, widths=(8, 16, 16, 16), risen=(16, 16), hidden=16)
    torch.nn.init.zeros_(reader.look.weight)
    torch.nn.init.zeros_(reader.say)
    usual = torch.tensor([[0.3, 0.4], [0.6, 0.2], [0.5, 0.8]])
    reader.start_from(usual + 0.04 * torch.randn(500, 3, 2, generator=torch.Generator().manual_seed(0)))
    with torch.no_grad():
        places = reader(torch.zeros(1, 3, 128, 128))[0][0]
    assert torch.allclose(places, usual, atol=0.01)


def test_looking_at_a_point_costs_least() -> None:
    places = torch.tensor([[[0.25, 0.5]]])
    logits = torch.full((1, 1, 32, 32), -9.0)
    logits[..., 15:17, 7:9] = 0.0  # the four cells around
    there = looking_loss(logits.flatten(2).log_softmax(2).reshape(1, 1, 32, 32), places)
    beside = looking_loss(logits.roll(3, 3).flatten(2).log_softmax(2).reshape(1, 1, 32, 32), places)
    assert there.item() == pytest.approx(np.log(4), abs=0.05)
    assert beside > there + 5


def test_auc_of_known_distances() -> None:
    assert auc(np.array([0.1, 0.2]), np.array([0.8, 0.9])) == 1.0
    assert auc(np.array([0.8, 0.9]), np.array([0.1, 0.2])) == 0.0
    assert auc(np.array([0.1, 0.9]), np.array([0.5])) == 0.5


def test_the_steps_come_in_order(tmp_path) -> None:  # type: ignore[no-untyped-def]
    modules = [command[0].rpartition(".")[2] for command in commands(SMOKE, "smoke", tmp_path, tmp_path)]
    assert modules == ["generate", "references", "correction", "pairs", "finisher", "package", "evaluate"]
