"""The command `likeness`. Each command imports what it needs when it runs, so that `--help` is quick."""

import errno
import sys
from pathlib import Path
from typing import Annotated

import typer

from models.errors import LikenessError
from models.record import JobStatus
from models.shot import REFERENCE_SHEET
from worker.base.endings import ExitCode
from worker.base.observers.serving import serving
from worker.base.version import likeness_version
from worker.cli import certificate as certificate_commands
from worker.cli import env_file
from worker.cli import models as models_commands
from worker.cli.added import add_commands
from worker.cli.faces import calibrate as calibrate_command
from worker.cli.faces import verify as verify_command
from worker.cli.operations import dead as dead_commands
from worker.cli.operations import webhooks as webhooks_commands
from worker.cli.order import ordered_app

app = ordered_app()
app.add_typer(models_commands.app, name="models")
app.add_typer(webhooks_commands.app, name="webhooks")
app.add_typer(dead_commands.app, name="dead")
app.add_typer(certificate_commands.app, name="certificate")
app.command("verify")(verify_command.verify)
app.command("calibrate")(calibrate_command.calibrate)
_FOLDERS_FAULT = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENOTDIR,
    errno.EFBIG,
)
Json = Annotated[bool, typer.Option("--json", help="Print a JSON document.")]
AlreadyJson = Annotated[bool, typer.Option("--json", help="Changes nothing: the output is JSON.")]
JobIdArgument = Annotated[str, typer.Argument(metavar="JOB_ID", show_default=False)]


def main() -> None:
    """Runs the command line, with the commands that other packages add. A `LikenessError` becomes one line and exit
    code 1, or 2 for bad input."""
    add_commands(app)
    try:
        app(env_file.in_front(sys.argv[1:]), prog_name="likeness")
    except ImportError as error:
        typer.echo(f"likeness: {error}. Install what is missing: pip install '.[all]'", err=True)
        sys.exit(ExitCode.FAILED)
    except LikenessError as error:
        typer.echo(f"likeness: {error.code}: {error.message}", err=True)
        sys.exit(ExitCode.of(error))
    except OSError as error:
        if error.errno not in _FOLDERS_FAULT:
            raise
        where = f"{error.filename}: " if error.filename else ""
        typer.echo(f"likeness: {where}{error.strerror}. Free some room, or name another folder.", err=True)
        sys.exit(ExitCode.FAILED)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"likeness {likeness_version()}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
    variables: Annotated[
        Path | None,
        typer.Option(
            env_file.OPTION,
            envvar=env_file.VARIABLE,
            metavar="FILE",
            show_default=False,
            help="A file of lines NAME=VALUE; any command takes it. What the environment has counts before it.",
        ),
    ] = None,
) -> None:
    """Render worker for synthetic personas: clones that keep the likeness.

    Settings come from the environment (LIKENESS_...); every default works with services on this machine.
    """
    if variables is not None:
        env_file.load(variables)


@app.command()
def demo(
    out: Annotated[
        Path, typer.Option(help="Where each run makes a folder for its results.", file_okay=False)
    ] = Path("out"),
    persona: Annotated[str, typer.Option(help="A sample persona's name: jonas, maya or robin.")] = "maya",
    references: Annotated[
        Path | None,
        typer.Option(
            help="A folder with pictures of one person, in place of a sample persona.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    shots: Annotated[
        int, typer.Option(min=1, max=len(REFERENCE_SHEET), help="How many shots of the reference sheet.")
    ] = 4,
) -> None:
    """Clone a persona with embedded services and a worker of its own; needs nothing else."""
    from worker.cli.demo.demo import run
    from worker.cli.demo.personas import from_folder, sample

    run(out, from_folder(references) if references else sample(persona), shots)


@app.command()
def stack(
    data: Annotated[Path, typer.Option(help="Where objects are kept.", file_okay=False)] = Path("stack-data"),
    fake: Annotated[
        bool,
        typer.Option(
            "--fake", help="With a worker that draws placeholders, and a deliverer: for your tests."
        ),
    ] = False,
) -> None:
    """Run the embedded Redis and S3 server until Ctrl-C. Prints the environment variables that point to them.

    Ports, keys and secrets stay the same for one folder. DATA/env has the variables, for a shell to source.
    """
    from worker.cli.stack import run

    run(data, fake=fake)


@app.command()
def worker(
    jobs: Annotated[
        int, typer.Option(min=1, help="Jobs in hand: one renders, the others fetch and wait.")
    ] = 2,
) -> None:
    """Take jobs from the queue and render them. SIGTERM drains.

    Exit code 0: it was drained. 1: it couldn't start, or can't render any more. 2: a setting can't be used. 4: it
    was told to end at once. 5: an unforeseen error ended it.
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
    file: Annotated[
        typer.FileBinaryRead, typer.Argument(help="The message as JSON; - reads standard input.")
    ],
    watch: Annotated[
        bool, typer.Option("--watch", help="Follow the job to its end, as `watch` does.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print events as JSON, too.")] = False,
) -> None:
    """Put a job of any kind on the queue and print its record as JSON. If FILE has no jobId, one is generated.

    With --watch, the exit code is that of `watch`.
    """
    from worker.cli.jobs.submit import submit_text
    from worker.cli.jobs.watch import follow

    record = submit_text(file.read())
    typer.echo(record.to_json())
    if watch:
        raise typer.Exit(follow(record.job_id, as_json=as_json))


@app.command("watch")
def watch_job(
    job_id: JobIdArgument,
    after: Annotated[
        int, typer.Option(min=0, max=10**15, help="Show only events with a higher sequence.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document a line.")] = False,
) -> None:
    """Follow a job until it is final: bars on a terminal, a line for each event in a pipe.

    Exit code 0: it completed. 1: it failed. 3: it was canceled.
    """
    from worker.cli.jobs.watch import follow

    raise typer.Exit(follow(job_id, after, as_json=as_json))


@app.command()
def status(job_id: JobIdArgument, _json: AlreadyJson = False) -> None:
    """Print a job's record as JSON."""
    from worker.base.settings import settings
    from worker.client import JobClient
    from worker.queue.jobs.connection import within_reach

    typer.echo(JobClient(within_reach(settings())).get(job_id).to_json())


@app.command()
def jobs(  # noqa: PLR0917 - typer's parameters are options by name
    project: Annotated[str | None, typer.Option(help="Only this project's.")] = None,
    organisation: Annotated[str | None, typer.Option(help="Only this organisation's, by its name.")] = None,
    status: Annotated[JobStatus | None, typer.Option(help="Only those with this status.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only those of this kind.")] = None,
    most: Annotated[int, typer.Option("--limit", min=1, help="How many.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document a line.")] = False,
) -> None:
    """List the jobs that Redis knows, the latest first: those that run, and those that ended lately."""
    from worker.cli.jobs.listing import run

    run(most, as_json=as_json, project_id=project, organisation=organisation, status=status, kind=kind)


@app.command()
def queue(
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
) -> None:
    """Show how many jobs wait, are parked and are held, by tier, and the workers with what they hold."""
    from worker.cli.operations.queue import run

    run(as_json=json)


@app.command()
def cancel(job_id: JobIdArgument, _json: AlreadyJson = False) -> None:
    """Request a job's cancellation, and print the answer as JSON. Watch the job to see it end."""
    from worker.base.settings import settings
    from worker.client import JobClient
    from worker.queue.jobs.connection import within_reach

    typer.echo(JobClient(within_reach(settings())).cancel(job_id).to_json())


@app.command()
def inspect(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", show_default=False, help="A picture's file.")],
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
) -> None:
    """Show an image's provenance: who signed it, whether the signature is valid, and what it was made from.

    Exit code 0: the signature is valid, whoever made it. 13: there is none. 14: the picture was changed. 15: the
    signed statement was changed. 16: its certificate wasn't fit to sign it. 17: it is valid, and the XMP says
    otherwise.
    """
    from worker.cli.inspect import run

    raise typer.Exit(run(image, as_json=json))


@app.command()
def doctor(
    skip: Annotated[
        list[str] | None,
        typer.Option(metavar="CHECK", help="Leave this check out, such as `profile`. May be given again."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document a line.")] = False,
) -> None:
    """Check what is needed here: services, clock, certificate, device, profile, database. Prints each finding as it
    comes.

    Exit code 1 if something must be mended. A warning (`!`), such as for a certificate that ends within 30 days, is
    none.
    """
    from worker.cli.doctor import examine

    if not examine(skip or (), as_json=json):
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
def health(as_json: Json = False) -> None:
    """Exit code 0 if a worker is ready, else 1.

    With LIKENESS_HTTP_PORT, this asks the process that serves it: a worker, a deliverer or an API. Otherwise, a
    ready worker on this machine must have announced itself in Redis within the last seconds.
    """
    from worker.cli.health import is_ready

    if not is_ready(as_json=as_json):
        raise typer.Exit(ExitCode.FAILED)
