"""`python -m training.references`: trains the reference encoder, first what finds the head, then what reads it.

Read its R² before any end-to-end result: what the encoder can't tell, no clone can keep.
"""

import numpy as np
import torch
from torch import Tensor

from pipelines.embedded.nets.reader import HeadFinder, ReferenceReader, crop, thumbnails
from pipelines.embedded.people.code import LOOKS_SIZE, Coder
from pipelines.embedded.people.points import COUNT, Points, camera_of, choose_points
from pipelines.embedded.reading import Reading, person_of, read_pictures
from training.data.dataset import Dataset, as_tensor
from training.heads import head_box
from training.loop import Trainer, half_precision, mean_weights, shuffled
from training.people.files import load_coder, load_head
from training.steps import Workspace, workspace


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
    points = points_of(space, coder)
    model = new_reader(space)
    trainer = Trainer(model, space.root / "reader", schedule)

    def batch_at(step: int) -> tuple[Tensor, Tensor, Tensor]:
        rng = np.random.default_rng([schedule.seed, step])
        numbers = shuffled(schedule.seed, step, schedule.batch, len(data))
        boxes = _boxes(data, numbers)
        jitter = torch.from_numpy(rng.normal(0, 1, boxes.shape).astype(np.float32))
        boxes[:, :2] += 0.03 * jitter[:, :2] * boxes[:, 2:]
        boxes[:, 2] *= torch.exp(0.06 * jitter[:, 2])
        crops = crop(as_tensor(data.pictures(numbers)), boxes)
        crops = _taken_otherwise(crops, rng, step)
        wanted = codes[numbers // data.views]
        projected = points.project(
            wanted[:, : coder.shape_size].double().numpy(),
            np.stack([camera_of(data.view(int(number))) for number in numbers]),
        )
        places = (torch.from_numpy(projected).float() - boxes[:, None, :2]) / boxes[:, None, 2:] + 0.5
        looks = wanted[:, coder.shape_size :]
        return crops.contiguous(memory_format=torch.channels_last), places, looks

    if trainer.step == 0:
        model.start_from(torch.cat([batch_at(step)[1] for step in range(24)]))

    def loss_of(batch: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
        crops, wanted, looks = batch
        places, spread, read, looked = model(crops)
        off = places - wanted
        weight = 1 / (spread.detach().exp() + 0.01)  # what can be told exactly must be
        of_places = ((weight / weight.mean())[..., None] * off.abs()).mean() * 50
        of_spread = off.detach().square().sum(-1) / (2 * (2 * spread).exp()) + 2 * spread
        of_looks = (read.float() - looks).square().mean()
        of_looking = looking_loss(looked, wanted)
        loss = of_places + 0.05 * of_spread.mean() + 2 * of_looks + 0.3 * of_looking
        told = {"looks": of_looks, "places": of_places, "looking": of_looking}
        return loss, {name: value.item() for name, value in told.items()}

    def measure() -> dict[str, float]:
        people = min(40, len(test.seeds))
        readings = read_all(model, test, None, people)
        truth = _true_places(points, coder, test, people)
        places = np.stack([reading.places for reading in readings])
        off = np.linalg.norm(places - truth, axis=-1) * space.recipe.size
        few = range(min(15, people))
        fitted = {
            count: fitted_codes(coder, points, test, readings, people=few, count=count) for count in (1, 3)
        }
        true = codes_of(coder, test)[: len(few)]
        figures = {"points off, px": float(off.mean()), "points off, median px": float(np.median(off))}
        for count, found in fitted.items():
            for name, value in r_squared(coder, true, found).items():
                figures[f"{name}, {count}"] = value
        return figures

    trainer.run(batch_at, loss_of, measure)


def looking_loss(looked: Tensor, places: Tensor) -> Tensor:
    """How far the reader is from looking just where the points are: cross-entropy with the four cells around.

    Without it, it takes the network long to find out that looking there helps.
    """
    side = looked.shape[-1]
    at = (places.clamp(0, 1) * side - 0.5).clamp(0, side - 1.001)
    first = at.floor()
    part = at - first
    column, row = first.long().unbind(-1)
    flat = looked.flatten(2)
    loss = torch.zeros(looked.shape[:2])
    for right in (0, 1):
        for below in (0, 1):
            x, y = part.unbind(-1)
            weight = (x if right else 1 - x) * (y if below else 1 - y)
            cell = (row + below) * side + column + right
            loss = loss - weight * flat.gather(2, cell[..., None])[..., 0]
    return loss.mean()


def _taken_otherwise(crops: Tensor, rng: np.random.Generator, seed: int) -> Tensor:
    """As another camera might have taken them: noise, another exposure and contrast."""

    def each(low: float, high: float) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, (len(crops), 1, 1, 1)).astype(np.float32))

    noise = torch.randn(crops.shape, generator=torch.Generator().manual_seed(seed))
    return crops * each(0.94, 1.06) + each(-0.05, 0.05) + noise * each(0, 0.06)


def points_of(space: Workspace, coder: Coder) -> Points:
    head, _ = load_head(space.data)
    return Points.of(head, coder, choose_points(head))


def _true_places(points: Points, coder: Coder, data: Dataset, people: int) -> np.ndarray:
    """(I, V, N, 2) in parts of a picture's side."""
    codes = codes_of(coder, data)[:people, : coder.shape_size].double().numpy()
    numbers = range(people * data.views)
    cameras = np.stack([camera_of(data.view(number)) for number in numbers])
    return points.project(codes.repeat(data.views, 0), cameras).reshape(people, data.views, -1, 2)


def fitted_codes(
    coder: Coder, points: Points, data: Dataset, readings: list[Reading], *, people: range, count: int
) -> Tensor:
    """The codes of some people from their `count` most frontal pictures: (I, CODE)."""
    prior = coder.prior()
    codes = []
    for person in people:
        views = sorted(range(data.views), key=lambda v: abs(data.view(person * data.views + v).yaw))[:count]
        codes.append(person_of(readings[person].only(views), points, prior))
    return torch.from_numpy(np.stack(codes))


def new_reader(space: Workspace) -> ReferenceReader:
    wide = space.recipe.reader_widths
    reader: ReferenceReader = ReferenceReader(
        looks=LOOKS_SIZE, points=COUNT, widths=wide, risen=space.recipe.reader_risen
    )
    return reader


def load_reader(space: Workspace, checkpoint: bool = False) -> ReferenceReader:
    model: ReferenceReader = new_reader(space)
    model.load_state_dict(mean_weights(space.root / "reader", checkpoint))
    model.eval()
    return model


def load_finder(space: Workspace) -> HeadFinder:
    model: HeadFinder = HeadFinder()
    model.load_state_dict(mean_weights(space.root / "finder"))
    model.eval()
    return model


@torch.no_grad()
def read_all(
    model: ReferenceReader, data: Dataset, finder: HeadFinder | None, people: int | None = None
) -> list[Reading]:
    """What is read off each person's pictures. Without a finder the true boxes are used."""
    readings = []
    for person in range(people or len(data.seeds)):
        numbers = np.arange(person * data.views, (person + 1) * data.views)
        boxes = _boxes(data, numbers) if finder is None else None
        with half_precision():
            readings.append(read_pictures(finder, model, as_tensor(data.pictures(numbers)), boxes))
    return readings


def r_squared(coder: Coder, truth: Tensor, read: Tensor) -> dict[str, float]:
    """Of each part of the code (I, CODE): how much of what differs between people is read."""
    names = np.array(coder.names())
    table = {}
    for name in dict.fromkeys(names.tolist()):
        of = torch.from_numpy(np.flatnonzero(names == name))
        spread = (truth[:, of] - truth[:, of].mean(0)).square().mean() + 1e-9
        table[f"R² {name}"] = round(float(1 - (read[:, of] - truth[:, of]).square().mean() / spread), 3)
    return table


if __name__ == "__main__":
    chosen = workspace(__doc__)
    train_finder(chosen)
    train_reader(chosen)
