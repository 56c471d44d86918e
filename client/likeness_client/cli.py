"""`likeness-client`: starts, follows and cancels jobs from a shell."""

import argparse
import json
import os
import sys
from collections.abc import Sequence

from likeness_client.client import Client
from likeness_client.errors import LikenessError

_ENDED = {"completed": 0, "failed": 1, "canceled": 3}


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 for a job that completed, 1 for a failed one or an error, 3 for a canceled one."""
    parser = argparse.ArgumentParser(prog="likeness-client", description=__doc__)
    parser.add_argument("--url", default=os.environ.get("LIKENESS_API_URL", "http://localhost:8080"))
    parser.add_argument("--key", default=os.environ.get("LIKENESS_API_KEY"), help="else LIKENESS_API_KEY")
    commands = parser.add_subparsers(dest="command", required=True)
    clone = commands.add_parser("clone", help="start a clone")
    clone.add_argument("influencer")
    clone.add_argument("name")
    clone.add_argument("--shots", nargs="+")
    clone.add_argument("--watch", action="store_true", help="follow it to its end")
    for name, told in (
        ("job", "print a job's record"),
        ("watch", "follow a job to its end"),
        ("cancel", "cancel a job"),
        ("retry", "start a failed job once more"),
    ):
        commands.add_parser(name, help=told).add_argument("job")
    chosen = parser.parse_args(arguments)
    if not chosen.key:
        parser.error("give --key, or set LIKENESS_API_KEY")
    try:
        with Client(chosen.url, chosen.key) as likeness:
            return _run(likeness, chosen)
    except LikenessError as error:
        print(f"{error.message} ({error.code})", file=sys.stderr)  # noqa: T201 - a command
        return 1


def _run(likeness: Client, chosen: argparse.Namespace) -> int:
    match chosen.command:
        case "clone":
            job = likeness.clone(chosen.influencer, chosen.name, shots=chosen.shots)
            _print(job)
            return _watch(likeness, job["jobId"]) if chosen.watch else 0
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


def _watch(likeness: Client, job_id: str) -> int:
    for event in likeness.follow(job_id):
        _print(event)
    return _ENDED[likeness.job(job_id)["status"]]


def _print(document: object) -> None:
    print(json.dumps(document), flush=True)  # noqa: T201 - a command


if __name__ == "__main__":
    sys.exit(main())
