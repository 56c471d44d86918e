import numpy as np
import pytest
import torch

from pipelines.embedded.nets.codec import PatchCodec
from pipelines.embedded.nets.denoiser import LikenessDenoiser
from pipelines.embedded.nets.reader import HeadFinder, ReferenceReader, crop
from training.all import commands
from training.faces import auc
from training.recipe import SMOKE
from training.references import looking_loss


def test_the_codec_starts_as_principal_components() -> None:
    torch.manual_seed(0)
    smooth = torch.nn.functional.interpolate(torch.randn(30, 3, 4, 4), (64, 64), mode="bicubic").clamp(-1, 1)
    codec = PatchCodec(channels=24, coarse=16, middle=16, fine=16)
    promised = codec.start_from(smooth)
    with torch.no_grad():
        latents = codec.encode(smooth)
        error = ((codec.decode(latents) - smooth) / 2).square().mean()
    assert latents.shape == (30, 24, 4, 4)
    assert latents.std().item() == pytest.approx(1, abs=0.1)
    assert -10 * torch.log10(error).item() == pytest.approx(promised, abs=0.1)


def test_a_new_denoiser_says_nothing() -> None:
    model = LikenessDenoiser(
        code=10, view=6, channels=8, cells=8, widths=(32, 64), hidden=32, fine=16, drawn=16
    )
    with torch.no_grad():
        clean = model(
            torch.randn(2, 8, 8, 8),
            torch.rand(2),
            torch.randn(2, 10),
            torch.randn(2, 6),
            torch.randn(2, 15, 64, 64),
            torch.tensor([1.0, 0.0]),
        )
    assert clean.shape == (2, 8, 8, 8)
    assert not clean.any()


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
    assert modules[:4] == ["generate", "autoencoder", "generate", "latents"]
    assert modules[4:] == ["references", "correction", "denoiser", "evaluate", "package"]
