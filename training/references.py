"""`python -m training.references`: trains the reference encoder, first what finds the head, then what reads it.

Read its table of R² before any end-to-end result: what the encoder can't tell, no clone can keep.
"""

import json

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from pipelines.embedded.people.code import Coder, part
from training.autoencoder import as_tensor
from training.data.dataset import Dataset
from training.heads import head_box, thumbnails
from training.loop import Trainer, shuffled
from training.nets.reader import HeadFinder, ReferenceReader, crop
from training.people.files import load_coder
from training.steps import Workspace, workspace

VIEW_WEIGHT = 0.15  # of guessing the view too, which helps to tell a turned head from a narrow one
READ_VIEW = 22  # the view's first numbers: pose, expression, light, camera; not backdrop and clothes


def codes_of(coder: Coder, data: Dataset) -> Tensor:
    """The true code of every identity, (I, CODE)."""
    return torch.from_numpy(coder.join(data.shapes, data.looks))


def train_finder(space: Workspace) -> None:
    schedule = space.recipe.finder
    data, test = space.train(), space.held_out()
    model = HeadFinder()
    shown = np.random.default_rng(1).choice(len(test), min(256, len(test)), replace=False)
    small, boxes = thumbnails(as_tensor(test.pictures(shown))), _boxes(test, shown)

    def batch_at(step: int) -> tuple[Tensor, Tensor]:
        numbers = shuffled(schedule.seed, step, schedule.batch, len(data))
        return thumbnails(as_tensor(data.pictures(numbers))), _boxes(data, numbers)

    def loss_of(batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
        found = model(batch[0]).float()
        return ((found - batch[1]) / batch[1][:, 2:]).abs().mean(), {}

    def measure() -> dict[str, float]:
        off = (model(small).float() - boxes).abs() / boxes[:, 2:]
        return {"centre_off": float(off[:, :2].mean()), "side_off": float(off[:, 2].mean())}

    Trainer(model, space.root / "finder", schedule).run(batch_at, loss_of, measure)


def _boxes(data: Dataset, numbers: np.ndarray) -> Tensor:
    return torch.from_numpy(np.stack([head_box(data.view(int(number))) for number in numbers]))


def train_reader(space: Workspace) -> None:
    schedule, coder = space.recipe.reader, load_coder(space.data)
    data, test = space.train(), space.held_out()
    codes = codes_of(coder, data)
    model = new_reader(space, coder)
    trainer = Trainer(model, space.root / "reader", schedule)
    mirrored = torch.ones(coder.size)
    mirrored[coder.shape_size + part("mole").start + 1] = -1.0  # the rest of a face is symmetric

    def batch_at(step: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        rng = np.random.default_rng([schedule.seed, step])
        numbers = shuffled(schedule.seed, step, schedule.batch, len(data))
        boxes = _boxes(data, numbers)
        jitter = torch.from_numpy(rng.normal(0, 1, boxes.shape).astype(np.float32))
        boxes[:, :2] += 0.03 * jitter[:, :2] * boxes[:, 2:]
        boxes[:, 2] *= torch.exp(0.05 * jitter[:, 2])
        crops = crop(as_tensor(data.pictures(numbers)), boxes)
        crops += torch.from_numpy(
            rng.uniform(0, 0.06, (len(crops), 1, 1, 1)).astype(np.float32)
        ) * torch.randn(crops.shape, generator=torch.Generator().manual_seed(step))
        wanted = codes[numbers // data.views].clone()
        view = torch.from_numpy(data.view_vectors[numbers, :READ_VIEW])
        seen = torch.ones(len(crops), 1)
        if step % 2:
            crops, wanted, seen = crops.flip(3), wanted * mirrored, seen * 0
        return crops.contiguous(memory_format=torch.channels_last), wanted, view, seen

    def loss_of(batch: tuple[Tensor, Tensor, Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
        crops, wanted, view, seen = batch
        code, guessed = model(crops)
        of_code = (code.float() - wanted).square().mean()
        of_view = ((guessed.float() - view).square() * seen).mean()
        return of_code + VIEW_WEIGHT * of_view, {"code": of_code.item()}

    def measure() -> dict[str, float]:
        read = read_all(model, test, None)
        return {
            "error": float((read - codes_of(coder, test)[:, None]).square().mean()),
            **r_squared(coder, test, read),
        }

    trainer.run(batch_at, loss_of, measure)
    with trainer.mean_weights():
        finder = load_finder(space)
        table = {"true boxes": r_table(coder, test, read_all(model, test, None))}
        table["found boxes"] = r_table(coder, test, read_all(model, test, finder))
    (space.root / "reader/r_squared.json").write_text(json.dumps(table, indent=1) + "\n")


def new_reader(space: Workspace, coder: Coder) -> ReferenceReader:
    reader: ReferenceReader = ReferenceReader(
        code=coder.size, view=READ_VIEW, widths=space.recipe.reader_widths
    )
    return reader


def load_reader(space: Workspace, coder: Coder) -> ReferenceReader:
    model: ReferenceReader = new_reader(space, coder)
    model.load_state_dict(load_file(space.root / "reader/mean.safetensors"))
    model.eval()
    return model


def load_finder(space: Workspace) -> HeadFinder:
    model: HeadFinder = HeadFinder()
    model.load_state_dict(load_file(space.root / "finder/mean.safetensors"))
    model.eval()
    return model


@torch.no_grad()
def read_all(model: ReferenceReader, data: Dataset, finder: HeadFinder | None) -> Tensor:
    """What is read from every picture: (I, V, CODE). Without a finder the true boxes are used."""
    read = []
    for start in range(0, len(data), 50):
        numbers = np.arange(start, min(start + 50, len(data)))
        pictures = as_tensor(data.pictures(numbers))
        boxes = _boxes(data, numbers) if finder is None else finder(thumbnails(pictures)).float()
        read.append(model(crop(pictures, boxes))[0].float())
    return torch.cat(read).reshape(-1, data.views, model.code)


def r_table(coder: Coder, data: Dataset, read: Tensor) -> dict[str, dict[str, float]]:
    """R² of each part of the code, from 1, 3 and all views: how much of what differs between people is read."""
    truth, names = codes_of(coder, data), np.array(coder.names())
    table = {}
    for name in dict.fromkeys(names.tolist()):
        of = torch.from_numpy(np.flatnonzero(names == name))
        spread = (truth[:, of] - truth[:, of].mean(0)).square().mean() + 1e-9
        table[name] = {
            f"{views} views": round(
                float(1 - (read[:, :views, of].mean(1) - truth[:, of]).square().mean() / spread), 3
            )
            for views in (1, 3, data.views)
        }
    return table


def r_squared(coder: Coder, data: Dataset, read: Tensor) -> dict[str, float]:
    """A few of the table's rows, for the log: from one view."""
    table = r_table(coder, data, read)
    rows = ("shape 0-7", "shape 8-23", "shape 24-47", "skin", "hair_style", "iris", "brow_style")
    return {f"R² {row}": table[row]["1 views"] for row in rows}


if __name__ == "__main__":
    chosen = workspace(__doc__)
    train_finder(chosen)
    train_reader(chosen)
