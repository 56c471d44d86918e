"""What our own watermark survives, what it costs, and how often it is seen where there is none.

python -m bench.watermark survival --sides 256 512 1024 --folder PICTURES
python -m bench.watermark unmarked --images 10000 --seed 1
python -m bench.watermark gate

`--folder` has more pictures beside those that ship with the repository. Times are this process's own CPU time.
"""

import argparse
from collections.abc import Callable, Iterator
from io import BytesIO
from math import inf, log10
from pathlib import Path
from time import process_time

import numpy as np
from PIL import Image

from models.likeness import EmbedderName
from pipelines.identity.embedders import load_embedder
from pipelines.identity.faces import Vector
from pipelines.identity.pictures import as_picture
from pipelines.watermark.planes import Pixels
from pipelines.watermark.spread import SpreadSpectrum
from worker.stack.samples import SAMPLES, load_sample

_SHEET = Path(__file__).parents[1] / "docs/contact-sheet.png"


def _coded(kind: str, quality: int) -> Callable[[Image.Image], Image.Image]:
    def code(image: Image.Image) -> Image.Image:
        buffer = BytesIO()
        image.save(buffer, kind, quality=quality)
        return Image.open(buffer).convert("RGB")

    return code


def _scaled(by: float) -> Callable[[Image.Image], Image.Image]:
    return lambda image: image.resize(
        (max(1, round(image.width * by)), max(1, round(image.height * by))), Image.Resampling.BICUBIC
    )


def _cropped(left: float) -> Callable[[Image.Image], Image.Image]:
    """That share of each side, not from the middle."""

    def crop(image: Image.Image) -> Image.Image:
        width, height = round(image.width * left), round(image.height * left)
        x, y = (image.width - width) * 3 // 10, (image.height - height) * 7 // 10
        return image.crop((x, y, x + width, y + height))

    return crop


CHANGES: dict[str, tuple[Callable[[Image.Image], Image.Image], ...]] = {
    "none": (),
    "JPEG 95": (_coded("JPEG", 95),),
    "JPEG 85": (_coded("JPEG", 85),),
    "JPEG 70": (_coded("JPEG", 70),),
    "WebP 80": (_coded("WEBP", 80),),
    "75 %": (_scaled(0.75),),
    "50 %": (_scaled(0.5),),
    "crop 90 %": (_cropped(0.9),),
    "crop 70 %": (_cropped(0.7),),
    "75 %, JPEG 85": (_scaled(0.75), _coded("JPEG", 85)),
    "75 %, WebP 80": (_scaled(0.75), _coded("WEBP", 80)),
    "crop 90 %, JPEG 85": (_cropped(0.9), _coded("JPEG", 85)),
    "crop 90 %, WebP 80": (_cropped(0.9), _coded("WEBP", 80)),
    "crop 90 %, 75 %": (_cropped(0.9), _scaled(0.75)),
    "75 %, crop 90 %": (_scaled(0.75), _cropped(0.9)),
    "crop 90 %, 75 %, JPEG 85": (_cropped(0.9), _scaled(0.75), _coded("JPEG", 85)),
    "crop 90 %, 75 %, WebP 80": (_cropped(0.9), _scaled(0.75), _coded("WEBP", 80)),
}


def changed(image: Image.Image, change: str) -> Image.Image:
    for step in CHANGES[change]:
        image = step(image)
    return image


def shipped_pictures() -> Iterator[Image.Image]:
    """The sample personas' references, 512 pixels."""
    for name in SAMPLES:
        for data in load_sample(name)[1]:
            yield Image.open(BytesIO(data)).convert("RGB")


def clones() -> Iterator[Image.Image]:
    """The eight of docs/contact-sheet.png, rendered by the profile `embedded`, 224 pixels."""
    sheet = Image.open(_SHEET).convert("RGB")
    for number in range(8):
        yield sheet.crop((48 + 244 * number, 516, 272 + 244 * number, 740))


def survival(sides: list[int], folder: Path | None, every: int) -> None:
    pictures = [*shipped_pictures(), *clones()]
    if folder:
        pictures += [Image.open(path).convert("RGB") for path in sorted(folder.rglob("*.*"))]
    pictures = pictures[::every]
    mark = SpreadSpectrum()
    draw = np.random.default_rng(1)
    for side in sides:
        read = dict.fromkeys(CHANGES, 0)
        qualities, embedding, finding, finds = [], 0.0, 0.0, 0
        for number, picture in enumerate(pictures):
            image = picture.copy().resize((side, side), Image.Resampling.LANCZOS)
            if number % 3 == 1:  # tall ones, too
                image = image.crop((side // 8, 0, side - side // 8, side))
            pixels, secret = np.asarray(image), int(draw.integers(1 << mark.bits))
            begun = process_time()
            marked = mark.embed(pixels, secret)
            embedding += process_time() - begun
            qualities.append(psnr(pixels, marked))
            for change in CHANGES:
                seen = np.asarray(changed(Image.fromarray(marked), change))
                begun = process_time()
                read[change] += mark.find(seen) == secret
                finding += process_time() - begun
                finds += 1
        print(
            f"{side} px, {len(pictures)} pictures: PSNR {np.mean(qualities):.1f} dB, least {min(qualities):.1f}; "
            f"embed {embedding / len(pictures):.3f} s, find {finding / finds:.3f} s",
            flush=True,
        )
        for change, count in read.items():
            print(f"  {change}: {count} of {len(pictures)}", flush=True)


def psnr(one: Pixels, other: Pixels) -> float:
    error = float(np.mean((one.astype(float) - other) ** 2))
    return 10 * log10(255**2 / error) if error else inf


def unmarked(images: int, seed: int) -> None:
    """A third each: crops of the pictures that ship, of clones, and noise with the spectrum of pictures."""
    draw = np.random.default_rng(seed)
    sources = [[*shipped_pictures()], [*clones()]]
    mark, found = SpreadSpectrum(), 0
    for number in range(images):
        found += mark.find(_noise(draw) if number % 3 == 2 else _piece(sources[number % 3], draw)) is not None
        if (number + 1) % 100 == 0:
            print(f"seed {seed}: {found} of {number + 1} unmarked images have a number", flush=True)


def _piece(pictures: list[Image.Image], draw: np.random.Generator) -> Pixels:
    """A square of 128 to 256 pixels of one of them, mirrored or not, brighter or darker, perhaps through JPEG."""
    picture = pictures[draw.integers(len(pictures))]
    side, size = int(draw.integers(128, min(picture.size) + 1)), int(draw.integers(128, 257))
    x, y = (int(draw.integers(length - side + 1)) for length in picture.size)
    piece = picture.resize((size, size), Image.Resampling.BICUBIC, (x, y, x + side, y + side))
    if draw.random() < 0.5:
        piece = _coded("JPEG", int(draw.integers(60, 96)))(piece)
    pixels = np.asarray(piece)[:, :: int(draw.choice([1, -1]))].astype(float)
    return np.clip(pixels * draw.uniform(0.6, 1.4), 0, 255).astype(np.uint8)


def _noise(draw: np.random.Generator) -> Pixels:
    """Noise whose power falls with frequency, slowly or fast."""
    size = int(draw.integers(128, 257))
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None])
    frequency[0, 0] = 1
    plane = np.fft.ifft2(np.fft.fft2(draw.normal(size=(size, size))) / frequency ** draw.uniform(0, 1.5)).real
    plane = 128 + plane / plane.std() * draw.uniform(5, 60)
    return np.repeat(np.clip(plane, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def gate(every: int) -> None:
    """How the likeness gate's similarities to the person's other pictures move when one of them is marked."""
    embedder = load_embedder(EmbedderName.DLIB, Path(), Path())
    mark, draw, moves = SpreadSpectrum(), np.random.default_rng(2), list[float]()

    def described(image: Image.Image) -> Vector | None:
        levels = as_picture(image)
        faces = embedder.find(levels)
        return embedder.describe(levels, faces[0]) if faces else None

    for name in SAMPLES:
        pictures = [Image.open(BytesIO(data)).convert("RGB") for data in load_sample(name)[1]][::every]
        before = [described(picture) for picture in pictures]
        for number, picture in enumerate(pictures):
            marked = mark.embed(np.asarray(picture), int(draw.integers(1 << mark.bits)))
            one, after = before[number], described(Image.fromarray(marked))
            if one is None or after is None:
                print(
                    f"{name} {number}: a face without the mark {one is not None}, with it {after is not None}"
                )
                continue
            for other in before:
                if other is not None and other is not one:
                    moves.append(float(np.linalg.norm(one - other) - np.linalg.norm(after - other)))
            print(f"{name} {number}: {np.round(moves[-5:], 4).tolist()}", flush=True)
    sizes = np.abs(moves)
    print(f"{len(moves)} similarities: moved by {sizes.mean():.4f} in the mean, {sizes.max():.4f} at most")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    first = commands.add_parser("survival")
    first.add_argument("--sides", type=int, nargs="+", default=[256, 512, 1024])
    first.add_argument("--folder", type=Path)
    first.add_argument("--every", type=int, default=1, help="take each so many-th picture alone")
    second = commands.add_parser("unmarked")
    second.add_argument("--images", type=int, default=10_000)
    second.add_argument("--seed", type=int, default=1)
    third = commands.add_parser("gate")
    third.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    match options.command:
        case "survival":
            survival(options.sides, options.folder, options.every)
        case "unmarked":
            unmarked(options.images, options.seed)
        case _:
            gate(options.every)


if __name__ == "__main__":
    main()
