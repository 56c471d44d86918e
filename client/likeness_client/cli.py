"""`likeness-client`: starts, follows and cancels jobs from a shell, over HTTP alone."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from likeness_client.client import Client
from likeness_client.documents import JobStatus
from likeness_client.errors import Invalid, LikenessError
from likeness_client.requests import post, segment

_ENDED = {"completed": 0, "failed": 1, "canceled": 3}
_CODES = "Exit codes: 0, 1 for an error or a job that failed, 2 for wrong arguments, 3 for a job that was canceled."


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 for a job that completed, 1 for a failed one or an error, 3 for a canceled one."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if not chosen.key:
        parser.error("give --key, or set LIKENESS_API_KEY")
    try:
        with Client(chosen.url, chosen.key) as likeness:
            return _run(likeness, chosen)
    except LikenessError as error:
        print(f"{error.message} ({error.code})", file=sys.stderr)  # noqa: T201 - a command
    except BrokenPipeError:
        # Whoever read the output, such as `head`, has enough. Python would complain when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)  # noqa: T201 - a command
    except KeyboardInterrupt:
        return 130
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="likeness-client", description=__doc__, epilog=_CODES)
    parser.add_argument(
        "--url",
        default=os.environ.get("LIKENESS_API_URL", "http://localhost:8080"),
        help="the API; else LIKENESS_API_URL, or http://localhost:8080",
    )
    parser.add_argument("--key", default=os.environ.get("LIKENESS_API_KEY"), help="else LIKENESS_API_KEY")
    commands = parser.add_subparsers(dest="command", required=True)

    clone = commands.add_parser("clone", help="start a clone")
    clone.add_argument("influencer")
    clone.add_argument("name")
    clone.add_argument("--shots", nargs="+")

    submit = commands.add_parser("submit", help="start a clone as a file of JSON says")
    submit.add_argument("influencer")
    submit.add_argument(
        "file", help="the body of POST /v1/influencers/{influencerId}/clone; - is standard input"
    )

    for command in (clone, submit):
        command.add_argument("--watch", action="store_true", help="follow it to its end")

    jobs = commands.add_parser("jobs", help="print the jobs' records, the newest first")
    jobs.add_argument("--status", choices=get_args(JobStatus))
    jobs.add_argument("--influencer")
    for name, told in (
        ("job", "print a job's record"),
        ("watch", "follow a job to its end"),
        ("cancel", "cancel a job"),
        ("retry", "start a job that failed, or was canceled, once more"),
    ):
        commands.add_parser(name, help=told).add_argument("job")
    return parser


def _run(likeness: Client, chosen: argparse.Namespace) -> int:
    match chosen.command:
        case "clone":
            job = likeness.clone(chosen.influencer, chosen.name, shots=chosen.shots)
            return _started(likeness, job, chosen.watch)
        case "submit":
            path = f"influencers/{segment(chosen.influencer)}/clone"
            job = likeness.call(post(path, _document(chosen.file)))
            return _started(likeness, job, chosen.watch)
        case "jobs":
            for record in likeness.jobs(status=chosen.status, influencer_id=chosen.influencer):
                _print(record)
        case "watch":
            return _watch(likeness, chosen.job)
        case "cancel":
            answer = likeness.cancel(chosen.job)
            _print(answer)
            return 0 if answer["accepted"] else 1
        case "retry":
            _print(likeness.retry(chosen.job))
        case _:
            _print(likeness.job(chosen.job))
    return 0


def _document(file: str) -> Any:
    text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    try:
        return json.loads(text)
    except ValueError as error:
        raise Invalid(f"{file} isn't JSON: {error}", code="VALIDATION") from None


def _started(likeness: Client, job: Any, watch: bool) -> int:
    _print(job)
    return _watch(likeness, job["jobId"]) if watch else 0


def _watch(likeness: Client, job_id: str) -> int:
    for event in likeness.follow(job_id):
        _print(event)
    return _ENDED.get(likeness.job(job_id)["status"], 1)


def _print(document: object) -> None:
    print(json.dumps(document), flush=True)  # noqa: T201 - a command


if __name__ == "__main__":
    sys.exit(main())
