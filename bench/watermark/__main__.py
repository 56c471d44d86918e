"""What our own watermark survives and costs, how often it is seen where there is none, and whether it moves the
likeness gate's scores.

python -m bench.watermark survival --sides 256 512 --renders 40 --folder PICTURES
python -m bench.watermark unmarked --images 10000 --processes 2 --folder PICTURES
python -m bench.watermark gate --side 512

`--folder` has more pictures beside those that ship with the repository and those that the profile `embedded`
renders for this. They must have no watermark. Times are this process's own CPU time: give it one thread
(OPENBLAS_NUM_THREADS=1).
"""

import argparse
from pathlib import Path

from bench.watermark.changes import SHAPES
from bench.watermark.scores import scores
from bench.watermark.survival import survival
from bench.watermark.unmarked import unmarked


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="bench.watermark", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    first = commands.add_parser("survival", help="in Markdown")
    first.add_argument("--sides", type=int, nargs="+", default=[256, 512, 1024])
    first.add_argument("--renders", type=int, default=40, help="how many pictures are rendered for this")
    first.add_argument("--folder", type=Path)
    first.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES), metavar="SHAPE")
    second = commands.add_parser("unmarked")
    second.add_argument("--images", type=int, default=10_000)
    second.add_argument("--seed", type=int, default=1)
    second.add_argument("--processes", type=int, default=1)
    second.add_argument("--renders", type=int, default=40)
    second.add_argument("--folder", type=Path)
    third = commands.add_parser("gate")
    third.add_argument("--side", type=int, default=512)
    chosen = parser.parse_args()
    match chosen.command:
        case "survival":
            survival(chosen.sides, chosen.renders, chosen.folder, chosen.shapes)
        case "unmarked":
            unmarked(chosen.images, chosen.seed, chosen.processes, chosen.renders, chosen.folder)
        case _:
            scores(chosen.side)


if __name__ == "__main__":
    main()
