"""The command `likeness`. Each command imports what it needs when it runs, so that `--help` is quick."""

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from models.errors import LikenessError
from models.shot import REFERENCE_SHEET
from worker.base.endings import ExitCode
from worker.base.observers.serving import serving
from worker.base.version import likeness_version
from worker.cli import models as models_commands
from worker.cli.added import add_commands
from worker.cli.faces import calibrate as calibrate_command
from worker.cli.faces import verify as verify_command
from worker.cli.operations import dead as dead_commands
from worker.cli.operations import webhooks as webhooks_commands

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(models_commands.app, name="models")
app.add_typer(webhooks_commands.app, name="webhooks")
app.add_typer(dead_commands.app, name="dead")
app.command("verify")(verify_command.verify)
app.command("calibrate")(calibrate_command.calibrate)
JobIdArgument = Annotated[str, typer.Argument(metavar="JOB_ID", show_default=False)]


def main() -> None:
    """Runs the command line, with the commands that other packages add. A `LikenessError` becomes one line and exit
    code 1, or 2 for bad input."""
    add_commands(app)
    try:
        app()
    except ImportError as error:
        typer.echo(f"likeness: {error}. Install what is missing: pip install '.[all]'", err=True)
        sys.exit(1)
    except LikenessError as error:
        typer.echo(f"likeness: {error.code}: {error.message}", err=True)
        sys.exit(ExitCode.of(error))


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"likeness {likeness_version()}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Render worker for synthetic personas: clones that keep the likeness.

    Settings come from the environment (LIKENESS_...); every default works with services on this machine.
    """


@app.command()
def demo(
    out: Annotated[
        Path, typer.Option(help="Where each run makes a folder for its results.", file_okay=False)
    ] = Path("out"),
    persona: Annotated[str, typer.Option(help="A sample persona's name.")] = "maya",
    shots: Annotated[
        int, typer.Option(min=1, max=len(REFERENCE_SHEET), help="How many shots of the reference sheet.")
    ] = 4,
) -> None:
    """Clone a sample persona with embedded services and a worker of its own; needs nothing else."""
    from worker.cli.demo.demo import run

    run(out, persona, shots)


@app.command()
def stack(
    data: Annotated[Path, typer.Option(help="Where objects are kept.", file_okay=False)] = Path("stack-data"),
) -> None:
    """Run the embedded Redis and S3 server until Ctrl-C. Prints the environment variables that point to them."""
    from worker.cli.demo.sample_job import write_sample_job
    from worker.stack import EmbeddedStack

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with EmbeddedStack(data, persist=True) as running:
        job = write_sample_job(running.settings(), data)
        for name, value in running.environment.items():
            typer.echo(f"export {name}={value}")
        typer.echo(f"# Data is in {data}. Paste the lines above into other shells. Ctrl-C ends the stack.")
        typer.echo(f"# A job to begin with: likeness submit {job}")
        sys.stdout.flush()
        try:
            signal.pause()
        except KeyboardInterrupt:
            typer.echo("# Stopped.")


@app.command()
def worker(
    jobs: Annotated[
        int, typer.Option(min=1, help="Jobs in hand: one renders, the others fetch and wait.")
    ] = 2,
) -> None:
    """Take jobs from the queue and render them. SIGTERM drains.

    Exit code 0: it was drained. 1: it couldn't start, or can't render any more. 2: a setting can't be used. 3: an
    unforeseen error ended it. 4: it was told to end at once.
    """
    with serving():
        from worker.node.app import run

        raise typer.Exit(run(jobs))


@app.command()
def workers(
    devices: Annotated[
        str, typer.Option(help="`all` CUDA devices, or some: `0,2,5`. `cpu` may be named, too.")
    ] = "all",
    jobs: Annotated[int, typer.Option(min=1, help="Jobs in hand of each worker.")] = 2,
) -> None:
    """Run a worker for each device, and restart any that ends. SIGTERM drains all of them.

    LIKENESS_HTTP_PORT is the first worker's; each further one has the next port. A worker that ends is restarted
    after 1, 2, 4 … 60 seconds, unless a setting can't be used. Exit code 0: all were drained.
    """
    with serving():
        from worker.cli.workers import devices_named, run

        raise typer.Exit(run(devices_named(devices), jobs))


@app.command()
def submit(
    file: Annotated[typer.FileText, typer.Argument(help="The message as JSON; - reads standard input.")],
) -> None:
    """Put a job of any kind on the queue and print its record. If FILE has no jobId, one is generated."""
    from worker.cli.submit import submit_text

    typer.echo(submit_text(file.read()).to_json())


@app.command()
def status(job_id: JobIdArgument) -> None:
    """Print a job's record."""
    from worker.client import JobClient

    typer.echo(JobClient().get(job_id).to_json())


@app.command()
def watch(
    job_id: JobIdArgument,
    after: Annotated[int, typer.Option(min=0, help="Print only events with a higher sequence.")] = 0,
) -> None:
    """Print a job's events as they come, one JSON document a line, until it is final."""
    from worker.client import JobClient

    for event in JobClient().watch(job_id, after):
        typer.echo(event.to_json())


@app.command()
def queue(
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
) -> None:
    """Show how many jobs wait, are parked and are held, by tier, and the workers with what they hold."""
    from worker.cli.operations.queue import run

    run(as_json=json)


@app.command()
def cancel(job_id: JobIdArgument) -> None:
    """Request a job's cancellation. It is cooperative: watch the job to see it end."""
    from worker.client import JobClient

    typer.echo(JobClient().cancel(job_id).to_json())


@app.command()
def inspect(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", show_default=False, help="A picture's file.")],
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
) -> None:
    """Show an image's provenance: who signed it, whether the signature is valid, and what it was made from.

    Exit code 0: the signature is valid, whoever made it. 3: there is none. 4: the picture was changed. 5: the
    signed statement was changed. 6: its certificate wasn't fit to sign it. 7: it is valid, and the XMP says
    otherwise.
    """
    from worker.cli.inspect import run

    raise typer.Exit(run(image, as_json=json))


@app.command()
def doctor() -> None:
    """Check what a worker needs here: services, clock, device and profile. Exit code 1 if something is amiss."""
    from worker.cli.doctor import examine

    if not examine():
        raise typer.Exit(1)


@app.command("gc")
def collect_garbage(
    delete: Annotated[bool, typer.Option("--delete", help="Delete it, rather than tell.")] = False,
    older_than: Annotated[float, typer.Option(min=0, metavar="HOURS", help="Leave younger objects.")] = 24,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print every key.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document, with every key.")] = False,
) -> None:
    """Find objects that no manifest accounts for in the folders of finished jobs. Deletes them with --delete.

    Evidence of a failed job is kept as long as its record. Run this with the workers' settings: a job that their
    Redis doesn't know counts as finished.
    """
    from worker.cli.gc import run

    run(older_than, delete=delete, verbose=verbose, as_json=json)


@app.command()
def health() -> None:
    """Exit code 0 if a worker is ready, else 1.

    With LIKENESS_HTTP_PORT, this asks the process that serves it: a worker, a deliverer or an API. Otherwise, a
    ready worker on this machine must have announced itself in Redis within the last seconds.
    """
    from worker.cli.health import is_ready

    if not is_ready():
        raise typer.Exit(1)
