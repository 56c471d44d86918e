"""A text encoder that is on the device only while it encodes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pipelines.diffusion.guest import Guest
from tests.support.weights.engines import BuildEngine, difference, references_of, render


def addresses(module: nn.Module) -> list[int]:
    return [tensor.data_ptr() for tensor in (*module.parameters(), *module.buffers())]


def test_the_device_gets_a_copy_and_the_host_keeps_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    module = nn.BatchNorm1d(4)
    guest, home = Guest(module), addresses(module)
    monkeypatch.setattr(Tensor, "to", lambda tensor, _: tensor.clone())
    with guest.on(torch.device("cpu")):
        assert not set(addresses(module)) & set(home)
    assert addresses(module) == home
    with pytest.raises(ZeroDivisionError), guest.on(torch.device("cpu")):
        raise ZeroDivisionError
    assert addresses(module) == home


def test_a_copy_that_finds_no_room_leaves_all_of_it_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    guest, home = Guest(module), addresses(module)
    copied: list[Tensor] = []

    def full(tensor: Tensor, _: Any) -> Tensor:
        if len(copied) == 2:
            raise torch.cuda.OutOfMemoryError
        copied.append(tensor.clone())
        return copied[-1]

    monkeypatch.setattr(Tensor, "to", full)
    with pytest.raises(torch.cuda.OutOfMemoryError), guest.on(torch.device("cpu")):
        pass
    assert addresses(module) == home


def test_the_small_klein_encodes_with_a_visitor_and_keeps_its_denoiser_in_eight_bits(
    build_engine: BuildEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = build_engine("flux2-klein-small")
    assert engine.info().options == {"quantize": "fp8"}
    visits: list[str] = []
    on = Guest.on

    @contextmanager
    def noted(guest: Guest, device: torch.device) -> Iterator[None]:
        visits.append("came")
        with on(guest, device):
            yield
        visits.append("left")

    monkeypatch.setattr(Guest, "on", noted)
    maya = references_of("maya")
    small = render(engine, maya, "front", "smile")
    assert visits == ["came", "left"], "once for a job"
    usual = render(build_engine("flux2-klein"), maya, "front", "smile")
    assert visits == ["came", "left"]
    assert small.images.keys() == usual.images.keys()
    assert 0 < difference(small.images["front"], usual.images["front"]) < 60
