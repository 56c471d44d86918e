"""`likeness calibrate`: measures an embedder's thresholds on pictures sorted by person, one folder for each."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.domain import Domain
from worker.cli.faces.embedder import EmbedderOption, FaceModelsOption, load, read_picture

if TYPE_CHECKING:
    from models.calibration import Calibration
    from pipelines.identity.calibrate import View

_SUFFIXES = {".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
# One false match in a thousand can't be told from fewer comparisons.
_STRANGERS = 1000


def calibrate(  # noqa: PLR0917 - typer's parameters are options by name
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            exists=True,
            file_okay=False,
            show_default=False,
            help="A folder in it for each persona.",
        ),
    ],
    domain: Annotated[
        Domain,
        typer.Option(show_default=False, help="What the pictures are; the thresholds hold for no other."),
    ],
    out: Annotated[
        Path, typer.Option(help="The calibration; the plot goes beside it, as .png.", dir_okay=False)
    ] = Path("calibration.json"),
    made_on: Annotated[str, typer.Option(help="A sentence for the record: whose faces these are.")] = "",
    max_yaw: Annotated[
        float, typer.Option(min=1, max=90, help="Degrees; heads that are turned further aren't judged.")
    ] = 30,
    embedder: EmbedderOption = None,
    face_models: FaceModelsOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the calibration as a JSON document.")
    ] = False,
) -> None:
    """Measure how similar pictures of the same and of different people are, and save thresholds, with a plot.

    A `views.json` in a persona's folder, a list of {"file", "yaw_deg"}, says how far heads are turned.
    """
    from pipelines.identity.calibrate import calibrate as measure
    from pipelines.identity.plot import plot

    faces = load(embedder, face_models)
    views = [view for person in sorted(folder.iterdir()) if person.is_dir() for view in _views(person)]
    made_on = made_on or f"{len(views)} pictures of {len({view.person for view in views})} people."
    calibration, pairs = measure(views, faces, made_on, domain, max_yaw=max_yaw, told=_tell)
    out.write_text(json.dumps(calibration.to_data(), indent=1) + "\n")
    plot(calibration, pairs).save(out.with_suffix(".png"))
    _warn_of_few(calibration)
    if as_json:
        typer.echo(calibration.to_json())
        return
    _print(calibration)
    typer.echo(f"Saved in {out}, the plot in {out.with_suffix('.png')}.")


def _views(person: Path) -> "Iterator[View]":
    from pipelines.identity.calibrate import View

    listing = person / "views.json"
    yaws = {}
    if listing.is_file():
        yaws = {view["file"]: float(view["yaw_deg"]) for view in json.loads(listing.read_text())}
    for path in sorted(person.iterdir()):
        if path.suffix.lower() in _SUFFIXES:
            yield View(person.name, read_picture(path), yaws.get(path.name))


def _tell(done: int, of: int) -> None:
    if done % 20 == 0 or done == of:
        typer.echo(f"{done} of {of} pictures measured", err=True)


def _warn_of_few(calibration: "Calibration") -> None:
    strangers = min(each.impostor.count or 0 for each in calibration.faces)
    if strangers < _STRANGERS:
        typer.echo(
            f"Warning: {strangers} comparisons of different people are too few for a false match rate of 0.1 %. "
            "Take pictures of at least 20 people.",
            err=True,
        )


def _print(calibration: "Calibration") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False, soft_wrap=True, width=max(120, Console().width))
    console.print(
        f"{calibration.embedder.name}, {calibration.domain}: {calibration.images} pictures of "
        f"{calibration.personas} people within "
        f"{calibration.max_yaw:g} degrees of yaw; a face was found in {calibration.detected:.1%}."
    )
    table = Table(
        "compared", "references", "genuine", "impostor", "AUC", "EER", "FMR 1 %", "FMR 0.1 %", box=None
    )
    for kind, comparisons in (("face", calibration.faces), ("whole image", calibration.whole_images)):
        for each in comparisons:
            strict, stricter = each.at_fmr_1_percent, each.at_fmr_01_percent
            table.add_row(
                kind,
                str(each.references),
                str(each.genuine.count),
                str(each.impostor.count),
                f"{each.auc:.4f}",
                f"{each.eer:.2%}",
                f"{strict.similarity:.4f} (FNMR {strict.false_misses:.1%})",
                f"{stricter.similarity:.4f} (FNMR {stricter.false_misses:.1%})",
            )
    console.print(table)
    quantiles = Table("similarity of two faces", *calibration.faces[0].genuine.quantiles, box=None)
    one_to_one = calibration.faces[0]
    for name, found in (("same person", one_to_one.genuine), ("different people", one_to_one.impostor)):
        quantiles.add_row(name, *(f"{value:.3f}" for value in found.quantiles.values()))
    console.print(quantiles)
    ceiling = calibration.copy_ceiling
    console.print(
        f"Copies: pixels that differ by {ceiling.difference:.4f} or less. Of {ceiling.fresh.count} pairs of "
        f"different pictures of one person {ceiling.fresh_refused:.2%} are called copies; of copies are caught: "
        + ", ".join(f"{each.kind} {each.caught:.1%} of {each.count}" for each in ceiling.caught)
        + "."
    )
    console.print(f"Faces of less than {calibration.min_face_side} pixels are too small.")
