"""`likeness verify`: checks that an image shows the face of its references and isn't a copy of one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from models.domain import Domain
from worker.cli.faces.embedder import EmbedderOption, FaceModelsOption, options, read_picture

if TYPE_CHECKING:
    from models.calibration import Calibration
    from models.likeness import CheckedReference, Judgement, Nearest


def verify(  # noqa: PLR0917 - typer's parameters are options by name
    image: Annotated[Path, typer.Argument(exists=True, dir_okay=False, show_default=False)],
    reference: Annotated[
        list[Path],
        typer.Option(
            "--reference", "-r", exists=True, dir_okay=False, help="Give it once for each reference."
        ),
    ],
    subject: Annotated[
        Literal["person", "any"], typer.Option(help="`any`: also compare pictures that show no face.")
    ] = "person",
    shot: Annotated[
        str, typer.Option(help="The shot that IMAGE is of; it says how far the head turns.")
    ] = "front",
    changed: Annotated[
        bool, typer.Option("--changed", help="Gender, age or ethnicity differ on purpose: a wider floor.")
    ] = False,
    calibration: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="What `likeness calibrate` wrote, else LIKENESS_CALIBRATION, else the one that ships.",
        ),
    ] = None,
    domain: Annotated[
        Domain | None,
        typer.Option(help="What IMAGE looks like, else what the configured profile renders."),
    ] = None,
    embedder: EmbedderOption = None,
    face_models: FaceModelsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print documents, one JSON object.")] = False,
) -> None:
    """Compare IMAGE with references; print the scores and the verdict. Exit code 0 for a pass, else 1."""
    from models.shot import shot_named
    from pipelines.identity.loading import load_gate

    yaw = shot_named(shot).yaw
    gate = load_gate(options(embedder, face_models, calibration, domain))
    references = gate.check_references([read_picture(path) for path in reference], subject)
    judgement = gate.judge(gate.portrait(read_picture(image)), references, yaw=yaw, changed=changed)
    if as_json:
        _print_json(judgement, references.checked)
    else:
        _print_text(judgement, references.checked, gate.calibration)
    if judgement.verdict.reasons:
        raise typer.Exit(1)


def _print_json(judgement: "Judgement", checked: "tuple[CheckedReference, ...]") -> None:
    import json

    typer.echo(json.dumps({"references": [each.to_data() for each in checked], **judgement.to_data()}))


def _print_text(
    judgement: "Judgement", checked: "tuple[CheckedReference, ...]", calibration: "Calibration"
) -> None:
    scores, verdict = judgement.scores, judgement.verdict
    typer.echo(f"{verdict.outcome}{': ' * bool(verdict.reasons)}{', '.join(verdict.reasons)}")
    if verdict.not_judged:
        typer.echo(
            f"not judged at {judgement.yaw:g} degrees of yaw (calibrated to {calibration.max_yaw:g}): "
            + ", ".join(verdict.not_judged)
        )
    for each in checked:
        if each.faults:
            typer.echo(
                f"reference {each.index + 1}: {', '.join(each.faults)}{' (left out)' * (not each.used)}"
            )
    typer.echo(f"faces       {scores.faces}" + _face(judgement))
    if scores.compared is not None:
        each_one = " ".join("-" if value is None else f"{value:.3f}" for value in scores.references)
        typer.echo(
            f"similarity  {scores.centroid:.3f} to the mean of the references ({scores.compared}), "
            f"{each_one} to each"
        )
        foreign = f" of {verdict.floor_of}, which says little here" if verdict.floor_of else ""
        typer.echo(f"floor       {verdict.floor:.3f}{' (widened)' * verdict.floor_widened}{foreign}")
    ceiling = calibration.copy_ceiling
    typer.echo(f"nearest     {_nearest(scores.nearest_reference)}")
    typer.echo(f"            a copy up to a difference of {ceiling.difference:.4f}")
    typer.echo(
        f"embedder    {judgement.embedder.name}; calibration {judgement.calibration[:12]}: {calibration.made_on}"
    )


def _face(judgement: "Judgement") -> str:
    face = judgement.scores.face
    if face is None:
        return ""
    return f"; the largest {face.box.side} px wide, {face.share:.1%} of the image, sharpness {face.sharpness:.0f}"


def _nearest(nearest: "Nearest | None") -> str:
    if nearest is None:
        return "-"
    text = f"{nearest.by_hash}: {nearest.hash_bits} of 64 bits differ{' when mirrored' * nearest.mirrored}"
    if nearest.similarity is not None:
        text += f"; {nearest.by_face}: faces {nearest.similarity:.3f}"
    if nearest.difference is not None:
        text += f"; {nearest.by_pixels}: pixels differ by {nearest.difference:.4f}"
    return text
