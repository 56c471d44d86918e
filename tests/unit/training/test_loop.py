import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from training.loop import Schedule, Trainer, shuffled


class Killed(Exception):
    pass


def train(folder: Path, steps: int, kill_at: int | None = None) -> Trainer:
    """Learns a linear map; a checkpoint after every step."""
    torch.manual_seed(0)
    model = nn.Linear(4, 1)
    truth = torch.tensor([[1.0, -2.0, 0.5, 3.0]])
    schedule = Schedule(
        steps=steps, batch=16, rate=0.05, warmup=1, checkpoint_every=0, measure_every=10, log_every=5
    )
    trainer = Trainer(model, folder, schedule)

    def batch_at(step: int) -> Tensor:
        if step == kill_at:
            raise Killed
        return torch.from_numpy(np.random.default_rng(step).normal(size=(16, 4)).astype(np.float32))

    def loss_of(x: Tensor) -> tuple[Tensor, dict[str, float]]:
        noisy = x @ truth.T + 0.01 * torch.randn(len(x), 1)  # torch's own randomness must resume too
        return (model(x).float() - noisy).square().mean(), {}

    trainer.run(batch_at, loss_of, lambda: {"off": float((model.weight - truth).abs().mean())})
    return trainer


def test_a_killed_run_ends_like_one_that_was_not(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole", 40)
    with pytest.raises(Killed):
        train(tmp_path / "cut", 40, kill_at=23)
    cut = train(tmp_path / "cut", 40)
    assert cut.step == whole.step == 40
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, cut.model.state_dict()[name])
    for name, value in whole.mean.items():
        assert torch.equal(value, cut.mean[name])


def test_a_finished_run_stays_finished(tmp_path: Path) -> None:
    train(tmp_path, 10)
    before = (tmp_path / "log.jsonl").read_text()
    assert train(tmp_path, 10).done
    assert (tmp_path / "log.jsonl").read_text() == before


def test_it_learns_and_tells(tmp_path: Path) -> None:
    train(tmp_path, 60)
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    losses = [entry["loss"] for entry in entries if entry["kind"] == "train"]
    assert losses[-1] < 0.2 * losses[0]
    assert {"state.json", "checkpoint.safetensors", "mean.safetensors", "loss.png"} <= {
        p.name for p in tmp_path.iterdir()
    }


def test_an_epoch_shows_everything_once() -> None:
    seen = np.concatenate([shuffled(0, step, 5, 10) for step in range(4)])
    assert sorted(seen[:10]) == list(range(10))
    assert sorted(seen[10:]) == list(range(10))
    assert seen[:10].tolist() != seen[10:].tolist()
    assert np.array_equal(shuffled(0, 3, 5, 10), seen[15:])
