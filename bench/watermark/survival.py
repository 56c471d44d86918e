"""What the watermark survives: a table for each size."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import process_time

import numpy as np
from PIL import Image

from bench.copies import interval
from bench.watermark.changes import CODECS, LOSSLESS, WHOLE, changed
from bench.watermark.pictures import of_folder, rendered, shipped
from bench.watermark.quality import psnr
from pipelines.watermark.planes import Pixels
from pipelines.watermark.spread import SpreadSpectrum

_NAMED = ((WHOLE, "JPEG 85"), (WHOLE, "WebP 80"), ("75 %", LOSSLESS), ("crop 90 %", LOSSLESS))
"""What 99 % must survive, by the issue."""


def survival(sides: list[int], renders: int, folder: Path | None, shapes: list[str]) -> None:
    mark = SpreadSpectrum()
    for side in sides:
        pictures = list(_of_side(side, renders, folder))
        draw = np.random.default_rng(side)
        read, wrong = Counter[tuple[str, str]](), 0
        qualities, embedding, finding = list[float](), 0.0, 0.0
        for pixels in pictures:
            secret = int(draw.integers(1 << mark.bits))
            begun = process_time()
            marked = mark.embed(pixels, secret)
            embedding += process_time() - begun
            qualities.append(psnr(pixels, marked))
            for shape in shapes:
                for codec in CODECS:
                    seen = np.asarray(changed(Image.fromarray(marked), shape, codec))
                    begun = process_time()
                    found = mark.find(seen)
                    took = process_time() - begun
                    if (shape, codec) == (WHOLE, LOSSLESS):
                        finding += took
                    read[shape, codec] += found == secret
                    wrong += found not in (secret, None)
        count = len(pictures)
        print(f"\n**{side} px**, {count} pictures: how many are read\n")
        print(f"| | {' | '.join(CODECS)} |")
        print(f"|---|{'---|' * len(CODECS)}")
        for shape in shapes:
            print(f"| {shape} | {' | '.join(str(read[shape, codec]) for codec in CODECS)} |")
        tried = count * len(shapes) * len(CODECS)
        print(
            f"\nPSNR {np.mean(qualities):.1f} dB, least {min(qualities):.1f}; embed {embedding / count:.3f} s, "
            f"find {finding / count:.3f} s; {wrong} of {tried} reads gave another number."
        )
        for shape, codec in _NAMED:
            if shape in shapes:
                low, high = interval(read[shape, codec], count)
                print(f"{shape}, {codec}: {read[shape, codec]} of {count}, [{low:.1%}, {min(1, high):.1%}]")
        print(flush=True)


def _of_side(side: int, renders: int, folder: Path | None) -> Iterator[Pixels]:
    """Pixels of pictures whose sides aren't more than that, a third of them cut to tall ones. None is scaled up:
    that would be a smoother picture than any of its size. Ends the program for one that has a number already."""
    mark = SpreadSpectrum()
    found = [*shipped(), *(of_folder(folder) if folder else ())]
    pictures = [picture for picture in found if min(picture.size) >= side]
    for number, picture in enumerate((*pictures, *rendered(side, renders))):
        image = picture
        if picture.size != (side, side):
            short = min(picture.size)
            image = picture.crop((0, 0, short, short)).resize((side, side), Image.Resampling.LANCZOS)
        if number % 3 == 1:
            image = image.crop((side // 8, 0, side - side // 8, side))
        pixels = np.asarray(image)
        if mark.find(pixels) is not None:
            raise SystemExit(f"Picture {number} has a watermark already: it can't show what one survives.")
        yield pixels
