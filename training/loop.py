"""The training loop that all networks share: cosine schedule, mean of the weights, log, plot, checkpoints.

A run may be killed at any moment and goes on from its last checkpoint as if nothing had happened: what a
step sees (data, noise) follows from the seed and the step's number alone, so that no random state is kept.
"""

import json
import math
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm  # type: ignore[import-untyped]

from training.plot import plot_log

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class Schedule:
    """How one network is trained."""

    steps: int
    batch: int
    rate: float = 1e-3
    warmup: int = 100
    flat: float = 0.3  # the part of the steps before the cosine begins
    decay: float = 0.01
    seed: int = 0
    checkpoint_every: float = 120.0  # seconds
    measure_every: int = 250  # steps
    log_every: int = 25  # steps

    def rate_at(self, step: int) -> float:
        done = max(0.0, (step / self.steps - self.flat) / (1 - self.flat))
        cosine = 0.01 + 0.99 * (0.5 + 0.5 * math.cos(math.pi * min(1.0, done)))
        return self.rate * min(1.0, (step + 1) / self.warmup) * cosine


def half_precision() -> torch.autocast:
    """bfloat16 where the processor computes in it; elsewhere it is many times as slow as single precision."""
    return torch.autocast("cpu", torch.bfloat16, enabled=torch.ops.mkldnn._is_mkldnn_bf16_supported())


class Trainer:
    """Trains `model` in `folder`: checkpoint.safetensors, state.json, log.jsonl, loss.png.

    In the end it leaves mean.safetensors, the weights to use.
    """

    def __init__(self, model: nn.Module, folder: Path, schedule: Schedule) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        torch.set_flush_denormal(True)
        self.model, self.folder, self.schedule = model.to(memory_format=torch.channels_last), folder, schedule  # type: ignore[call-overload]
        self.mean = {name: value.detach().clone().float() for name, value in model.state_dict().items()}
        self.optimizer = torch.optim.AdamW(
            model.parameters(), schedule.rate, betas=(0.9, 0.98), weight_decay=schedule.decay
        )
        self.step = 0
        self._resume()

    @property
    def done(self) -> bool:
        return self.step >= self.schedule.steps

    def run(
        self,
        batch_at: Callable[[int], Batch],
        loss_of: Callable[[Batch], tuple[Tensor, dict[str, float]]],
        measure: Callable[[], dict[str, float]],
    ) -> None:
        """Trains to the end. `batch_at(step)` runs in another thread and must follow from the step alone."""
        if self.done:
            return
        saved = started = time.monotonic()
        self.model.train()
        losses: list[float] = []
        bar = tqdm(
            initial=self.step, total=self.schedule.steps, desc=self.folder.name, mininterval=10, unit="step"
        )
        for batch in _ahead(batch_at, self.step, self.schedule.steps):
            torch.manual_seed(self.schedule.seed * 1_000_003 + self.step)
            for group in self.optimizer.param_groups:
                group["lr"] = self.schedule.rate_at(self.step)
            with half_precision():
                loss, told = loss_of(batch)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.step += 1
            self._follow()
            losses.append(loss.item())
            bar.update()
            if self.step % self.schedule.log_every == 0 or self.done:
                self._log(kind="train", loss=float(np.mean(losses)), **told)
                bar.set_postfix(loss=f"{np.mean(losses):.4f}", refresh=False)
                losses.clear()
            if self.step % self.schedule.measure_every == 0 or self.done:
                with self.mean_weights():
                    figures = measure()
                self._log(kind="held_out", seconds=round(time.monotonic() - started), **figures)
                plot_log(self.folder / "log.jsonl", self.folder / "loss.png")
            if self.done or time.monotonic() - saved > self.schedule.checkpoint_every:
                self._save()
                saved = time.monotonic()
        bar.close()

    def mean_weights(self) -> "_Borrowed":
        """`with` it the model has the weights' running mean, which is what is measured and shipped."""
        return _Borrowed(self.model, self.mean)

    def _follow(self) -> None:
        keep = min(0.998, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                self.mean[name].lerp_(value.float(), 1 - keep)

    def _log(self, **entry: float | str) -> None:
        line = {"step": self.step, "rate": self.schedule.rate_at(self.step), **entry}
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def _save(self) -> None:
        if self.done:  # first, so that a finished checkpoint always has it beside it
            mean = {name: value.contiguous() for name, value in self.mean.items()}
            save_file(mean, self.folder / "mean.safetensors")
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {f"mean.{name}": value for name, value in self.mean.items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": value for name, value in state.items()}
        tensors["step"] = torch.tensor(self.step)
        path = self.folder / "checkpoint.safetensors"
        part = path.with_suffix(f".{os.getpid()}.part")
        save_file({name: value.contiguous() for name, value in tensors.items()}, part)
        part.replace(path)  # whole or not at all
        state = {"step": self.step, "of": self.schedule.steps, "schedule": asdict(self.schedule)}
        (self.folder / "state.json").write_text(json.dumps(state, indent=1) + "\n")

    def _resume(self) -> None:
        path = self.folder / "checkpoint.safetensors"
        if not path.exists():
            return
        tensors = load_file(path)
        self.step = int(tensors.pop("step"))
        own = {name: tensors[f"model.{name}"] for name in self.model.state_dict()}
        self.model.load_state_dict(own)
        self.mean = {name: tensors[f"mean.{name}"] for name in self.mean}
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith("optimizer."):
                _, number, key = name.split(".")
                state.setdefault(int(number), {})[key] = value
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})


def mean_weights(folder: Path, checkpoint: bool = False) -> dict[str, Tensor]:
    """The weights to use of a finished training; with `checkpoint`, of one that is still going on."""
    if not checkpoint:
        return load_file(folder / "mean.safetensors")
    kept = load_file(folder / "checkpoint.safetensors")
    return {name.removeprefix("mean."): value for name, value in kept.items() if name.startswith("mean.")}


class _Borrowed:
    """Puts other weights into a model for a while, in evaluation mode and without gradients."""

    def __init__(self, model: nn.Module, weights: dict[str, Tensor]) -> None:
        self.model, self.weights = model, weights
        self._no_grad = torch.no_grad()

    def __enter__(self) -> nn.Module:
        self._own = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict(self.weights)
        self._no_grad.__enter__()
        return self.model.eval()

    def __exit__(self, *exc: object) -> None:
        self._no_grad.__exit__(*exc)
        self.model.load_state_dict(self._own)
        self.model.train()


def shuffled(seed: int, step: int, batch: int, count: int) -> np.ndarray:
    """Which of `count` things step `step` sees, (batch,): each once in an epoch, in another order every time."""
    first = step * batch
    numbers = np.arange(first, first + batch)
    orders = {
        epoch: np.random.default_rng([seed, int(epoch)]).permutation(count) for epoch in set(numbers // count)
    }
    return np.array([orders[number // count][number % count] for number in numbers])


def _ahead(batch_at: Callable[[int], Batch], first: int, end: int) -> Iterator[Batch]:
    """The batches of steps `first` … `end` - 1, each made while the one before is used."""
    with ThreadPoolExecutor(1) as pool:
        coming = [pool.submit(batch_at, step) for step in range(first, min(first + 2, end))]
        for step in range(first, end):
            batch = coming.pop(0).result()
            if step + 2 < end:
                coming.append(pool.submit(batch_at, step + 2))
            yield batch
