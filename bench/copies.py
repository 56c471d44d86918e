"""How well the gate tells copies from fresh pictures: rendered people whom nothing was trained on, and personas.

python -m bench.copies --assets FOLDER --people 20 --personas FOLDER --out pairs.jsonl

`--assets` has MakeHuman's CC0 assets: people from seed 9,000,000 on are rendered in the views of `training.data`,
and some of them in one view again and again with one thing changed. `--personas` has a folder of pictures for each
person. Every pair is judged as a job's image and its reference would be; the shipped calibration says what a copy
is. Shares come with Wilson's 95 % intervals, rather too narrow since one person's pairs aren't independent.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from time import process_time

import numpy as np
from PIL import Image

from models.likeness import CheckedReference, EmbedderName, Nearest
from models.shot import Shot
from pipelines.embedded.people.view import View, sample_view
from pipelines.identity.altered import copies_of
from pipelines.identity.calibrations import shipped
from pipelines.identity.embedders import load_embedder
from pipelines.identity.gate import LikenessGate
from pipelines.identity.portrait import Portrait
from pipelines.identity.references import ReferenceSet
from pipelines.identity.scores import score
from training.data.splits import splits, view_of
from training.people.assets import Assets, load_assets
from training.people.identity import Identity, sample_identity
from training.people.render import render

SIZE = 512
VIEWS = 8
# Degrees: dlib's HOG finds few heads that are turned further.
_WIDEST = 45.0
_USED = CheckedReference(index=0, faces=1, used=True)
_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


@dataclass(frozen=True, slots=True)
class Judged:
    """One pair. The nearest is how the reference would stand in the image's record."""

    kind: str
    person: str
    nearest: Nearest


class Judge:
    """Compares pairs by the shipped calibration, and counts the time that laying pixels over pixels takes."""

    def __init__(self) -> None:
        embedder = load_embedder(EmbedderName.DLIB, Path(), Path())
        self._gate = LikenessGate(embedder, shipped(embedder.embedder, "rendered"), "rendered")
        self.ceiling = self._gate.calibration.copy_ceiling
        self.portrait = self._gate.portrait
        self.seconds: list[float] = []

    def pair(self, kind: str, person: str, image: Portrait, reference: Portrait) -> Judged:
        began = process_time()
        scores = score(image, ReferenceSet((reference,), (_USED,), "any"), {}, "euclidean")
        self.seconds.append(process_time() - began)
        assert scores.nearest_reference is not None
        return Judged(kind, person, scores.nearest_reference)

    def is_copy(self, judged: Judged) -> bool:
        difference = judged.nearest.difference
        return difference is not None and difference <= self.ceiling.difference


def rendered(judge: Judge, assets: Assets, seed: int, copies: bool) -> Iterator[Judged]:
    """The pairs of one held-out person."""
    person, name = sample_identity(assets, seed), str(seed)

    def portrait(view: View) -> Portrait:
        return judge.portrait(_picture(assets, person, view))

    views = [
        view for view in (view_of(seed, number) for number in range(2 * VIEWS)) if abs(view.yaw) <= _WIDEST
    ]
    yield from fresh(judge, "fresh, rendered", name, [portrait(view) for view in views[:VIEWS]])
    if not copies:
        return
    base = _on_plain(min(views, key=lambda view: abs(view.yaw)), seed)
    reference = portrait(base)
    for kind, view in one_thing_changed(base, seed):
        yield judge.pair(kind, name, portrait(view), reference)
    if reference.face is not None:
        for copied, image in copies_of(_picture(assets, person, base), reference.face.box):
            yield judge.pair(f"copy, {copied}", name, judge.portrait(image), reference)


def one_thing_changed(base: View, seed: int) -> Iterator[tuple[str, View]]:
    """A view, and what makes it another picture or doesn't. Lamp, expression and outfit are drawn by the seed."""
    rng = np.random.default_rng([seed, 2])
    shot = Shot.model_validate({"name": "same", "yaw": base.yaw, "pitch": base.pitch, "background": "plain"})
    again, other, elsewhere = sample_view(rng, shot), sample_view(rng), sample_view(rng)
    yield "same pose, again", replace(again, backdrop=base.backdrop, outfit=base.outfit)
    yield "same but the light", replace(base, lamp=other.lamp)
    smile = sample_view(rng, shot.model_copy(update={"expression": "smile"}))
    yield "same but a smile", replace(base, expression=smile.expression)
    yield "same but 5 degrees", replace(base, yaw=base.yaw + 5)
    yield (
        "copy, face moved before another backdrop, in other clothes",
        replace(
            base,
            backdrop=elsewhere.backdrop,
            outfit=elsewhere.outfit,
            zoom=base.zoom * 0.85,
            shift_x=base.shift_x + 0.12,
        ),
    )


def fresh(judge: Judge, kind: str, person: str, portraits: Sequence[Portrait]) -> Iterator[Judged]:
    """All pairs of one person's different pictures."""
    for one, other in combinations(portraits, 2):
        yield judge.pair(kind, person, one, other)


def _on_plain(view: View, seed: int) -> View:
    shot = Shot.model_validate({"name": "plain", "background": "plain"})
    return replace(view, backdrop=sample_view(np.random.default_rng([seed, 3]), shot).backdrop)


def _picture(assets: Assets, person: Identity, view: View) -> Image.Image:
    return Image.fromarray(render(assets.head, assets.textures, person, view, size=SIZE))


def of_folder(judge: Judge, folder: Path) -> Iterator[Judged]:
    """The pairs of personas, each in a folder of its own."""
    for person in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = sorted(path for path in person.iterdir() if path.suffix in _SUFFIXES)
        portraits = [judge.portrait(Image.open(path).convert("RGB")) for path in files]
        yield from fresh(judge, "fresh, personas", person.name, portraits)


def interval(hits: int, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    z = 1.96
    middle, half = hits + z * z / 2, z * (hits * (count - hits) / count + z * z / 4) ** 0.5
    return (middle - half) / (count + z * z), (middle + half) / (count + z * z)


def report(judge: Judge, pairs: Sequence[Judged]) -> None:
    by_kind: dict[str, list[Judged]] = defaultdict(list)
    for each in pairs:
        by_kind[each.kind].append(each)
    print(f"A copy differs by {judge.ceiling.difference:.4f} or less.")
    for kind, found in sorted(by_kind.items()):
        hits = sum(map(judge.is_copy, found))
        low, high = interval(hits, len(found))
        people = len({each.person for each in found})
        print(
            f"{kind:60}{len(found):5} pairs of {people:3} people: {hits / len(found):6.1%} copies "
            f"[{low:.1%}, {high:.1%}]"
        )
    print(f"A comparison takes {1000 * float(np.mean(judge.seconds)):.1f} ms of CPU in the mean.")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench.copies")
    parser.add_argument("--assets", type=Path, help="MakeHuman's CC0 assets")
    parser.add_argument("--people", type=int, default=20, help="rendered ones")
    parser.add_argument(
        "--copied", type=int, default=20, help="how many of them are copied, and changed, too"
    )
    parser.add_argument("--personas", type=Path, help="a folder of folders of pictures")
    parser.add_argument("--out", type=Path, help="a line of JSON for each pair")
    chosen = parser.parse_args(arguments)
    if chosen.assets is None and chosen.personas is None:
        parser.error("Give --assets, --personas or both: there are no pictures to compare.")
    judge, pairs = Judge(), list[Judged]()
    if chosen.personas is not None:
        pairs += of_folder(judge, chosen.personas)
    if chosen.assets is not None:
        assets = load_assets(chosen.assets)
        _, held_out = splits(1, chosen.people)
        for index in range(chosen.people):
            pairs += rendered(judge, assets, held_out.seed(index), index < chosen.copied)
    report(judge, pairs)
    if chosen.out is not None:
        lines = [{"kind": each.kind, "person": each.person, **each.nearest.to_data()} for each in pairs]
        chosen.out.write_text("".join(json.dumps(line) + "\n" for line in lines))


if __name__ == "__main__":
    main()
