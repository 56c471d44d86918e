"""Whether the time of an answer tells that an id is another organisation's: every call with ids of theirs, and with
ids that nobody has, in turns.

python -m bench.tenants --rounds 300

"Nobody's" stands twice: how far the two are apart is what the machine's noise makes of nothing.
"""

import argparse
import json
import random
import time
from collections.abc import Sequence
from http.client import HTTPConnection
from statistics import median
from typing import Any

from bench.served import Served, asked, served

NOBODYS = {
    "influencer_id": "inf_nobody-at-all",
    "project_id": "nobody-at-all",
    "job_id": "job_nobody-at-all",
    "asset_id": "med_nobody-at-all",
    "selection_id": "sel_nobody-at-all",
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench.tenants")
    parser.add_argument("--rounds", type=int, default=300)
    chosen = parser.parse_args(arguments)
    print("| call | another's | nobody's | nobody's again |")
    print("|---|---|---|---|")
    with served() as api:
        _, document = asked(api.api.port, "GET", "/openapi.json", api.stranger)
        for path, calls in document["paths"].items():
            for method, call in calls.items():
                if "{" in path:
                    medians = _medians(api, method.upper(), path, _body(call), chosen.rounds)
                    told = " | ".join(f"{1000 * seconds:.2f} ms" for seconds in medians)
                    print(f"| `{method.upper()} {path}` | {told} |", flush=True)


def _body(call: Any) -> bytes | None:
    content = call.get("requestBody", {}).get("content", {}).get("application/json")
    return json.dumps(content["example"]).encode() if content else None


def _medians(api: Served, method: str, path: str, body: bytes | None, rounds: int) -> list[float]:
    groups = [api.ids, NOBODYS, NOBODYS]
    times: list[list[float]] = [[], [], []]
    connection = HTTPConnection("127.0.0.1", api.api.port)
    for _ in range(rounds):
        for group in random.sample(range(3), 3):
            began = time.perf_counter()
            connection.request(
                method, path.format(**groups[group]), body, {"Authorization": f"Bearer {api.stranger}"}
            )
            answer = connection.getresponse()
            answer.read()
            times[group].append(time.perf_counter() - began)
            if answer.status != 404:
                raise SystemExit(f"{method} {path}: {answer.status}")
    connection.close()
    return [median(group) for group in times]


if __name__ == "__main__":
    main()
