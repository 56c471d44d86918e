"""`likeness models`: lists the pipeline profiles, fetches and verifies their weights, and times them."""

import os
import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from pipelines.profile import Profile, Source

app = typer.Typer(
    no_args_is_help=True, help="Pipeline profiles: list them, fetch and verify their weights, time them."
)
ProfileArgument = Annotated[
    str, typer.Argument(metavar="PROFILE", show_default=False, help="A name that `list` shows.")
]


class Scale(StrEnum):
    """The size of random weights: the profile's own, or one that fits any machine."""

    full = "full"
    tiny = "tiny"


@app.command("list")
def list_profiles(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document a line.")] = False,
) -> None:
    """List the profiles: licence, size, memory, and whether their weights are here."""
    import json

    from rich.table import Table

    from pipelines.registry import CPU_PROFILE, GATES, GPU_PROFILE, all_profiles
    from worker.base.settings import settings

    root, chosen = settings().weights_dir, settings().profile
    marked = {GPU_PROFILE, CPU_PROFILE} if chosen == "auto" else {chosen}
    if as_json:
        for profile in all_profiles().values():
            typer.echo(json.dumps(_document(root, profile) | {"chosen": profile.name in marked}))
        return
    table = Table("", "profile", "fetched", "download", "memory", "side", "steps", "licence", box=None)
    for profile in all_profiles().values():
        table.add_row(
            "*" if profile.name in marked else "",
            profile.name,
            _fetched(root, profile.sources),
            _size(sum(source.download for source in profile.sources)),
            _size(profile.memory),
            f"{profile.size} px",
            str(profile.steps),
            profile.licence,
        )
    for name, sources in GATES.items():
        table.add_row(
            "",
            name,
            _fetched(root, sources),
            _size(sum(source.download for source in sources)),
            *("-",) * 3,
            " + ".join(source.licence for source in sources),
        )
    console = _console()
    console.print(table)
    console.print(
        f"* LIKENESS_PROFILE={chosen}"
        + (f": {GPU_PROFILE} on a GPU, else {CPU_PROFILE}" if chosen == "auto" else "")
        + f". Weights are in {root} (LIKENESS_WEIGHTS_DIR)."
    )


@app.command("fetch")
def fetch_weights(
    profile: ProfileArgument,
    update: Annotated[
        bool, typer.Option("--update", help="Let go of the lock: take the pinned commit, or the newest one.")
    ] = False,
) -> None:
    """Download a profile's weights and lock them: the commit, and the SHA-256 of each file.

    An interrupted fetch resumes where it stopped. HF_TOKEN is for repositories that require one.
    """
    from pipelines.registry import sources_named
    from worker.base.settings import settings

    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    root, console = settings().weights_dir, _console()
    sources = sources_named(profile)
    for source in sources:
        _print_terms(console, source)
    if all(source.shipped for source in sources):
        console.print(f"The weights of {profile} are a part of this package: there is nothing to fetch.")
        return
    from pipelines.weights import store_of
    from pipelines.weights.fetch import fetch

    for source in sources:
        store = store_of(source, root)
        lock = fetch(store, source, update=update, tell=console.print)
        console.print(
            f"{source.repository}: {len(lock.files)} files, {_size(lock.bytes)}, at commit {lock.revision}, locked "
            f"in {store.lock_path(source)}. Keep that file: a fetch beside it gets the same bytes or none."
        )


@app.command("verify")
def verify_weights(profile: ProfileArgument) -> None:
    """Compare a profile's weights with their lock, byte for byte. A worker does the same before it loads them."""
    from pipelines.registry import sources_named
    from pipelines.weights import check_known, store_of, verify
    from worker.base.settings import settings

    root, console = settings().weights_dir, _console()
    for source in sources_named(profile):
        began = time.monotonic()
        lock = verify(store_of(source, root), source, profile=profile).lock
        check_known(source, lock)
        console.print(
            f"{source.repository}: {len(lock.files)} files, {_size(lock.bytes)}, at commit {lock.revision}, are as "
            f"locked (digest {lock.digest}), in {time.monotonic() - began:.1f} s."
        )


@app.command()
def bench(  # noqa: PLR0917 - typer's parameters are options by name
    profile: ProfileArgument,
    random: Annotated[
        bool, typer.Option("--random", help="Random weights of the true shapes: nothing needs to be fetched.")
    ] = False,
    scale: Annotated[
        Scale, typer.Option(help="With --random: the true size, or one for any machine.")
    ] = Scale.full,
    images: Annotated[int, typer.Option(min=1, help="Images of a job.")] = 4,
    references: Annotated[int, typer.Option(min=1, max=20, help="Its references.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
) -> None:
    """Time a profile on this machine's device: seconds per image, steps per second, memory."""
    from pipelines.registry import profile_named

    profile_named(profile)  # before torch is imported, which takes seconds
    from pipelines.bench import run
    from worker.base.settings import settings
    from worker.render.options import options_of

    options = options_of(settings(), profile=profile)
    run(options, random=random, scale=scale.value, images=images, references=references, as_json=as_json)


def _document(root: Path, profile: "Profile") -> dict[str, object]:
    """A profile for programs. Sizes are in bytes."""
    return {
        "profile": profile.name,
        "summary": profile.summary,
        "fetched": _fetched(root, profile.sources),
        "download": sum(source.download for source in profile.sources),
        "memory": profile.memory,
        "side": profile.size,
        "steps": profile.steps,
        "licence": profile.licence,
    }


def _console() -> "Console":
    """A console that leaves text as it is, for pasting. An overlong row is easier to read than a folded one."""
    from rich.console import Console

    return Console(highlight=False, markup=False, soft_wrap=True, width=max(120, Console().width))


def _print_terms(console: "Console", source: "Source") -> None:
    console.print(f"{source.repository} (about {_size(source.download)})")
    console.print(f"  licence: {source.licence}, {source.licence_url}")
    if source.duties:
        console.print(f"  duties:  {source.duties}")


def _fetched(root: Path, sources: Sequence["Source"]) -> str:
    from pipelines.weights import store_of

    here = sum(store_of(source, root).is_fetched(source) for source in sources)
    return {len(sources): "yes", 0: "no"}.get(here, "partly")


def _size(count: int) -> str:
    """Formats a number of bytes for people: `16.0 GB`."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB" if count else "-"
