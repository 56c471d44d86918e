"""How many polls of a job one API process answers, beside a bare FastAPI route in the same run.

python -m bench.poll --rate 2000 --seconds 10

Each server gets the same requests at the same pace, one after the other, with and without `If-None-Match`. All of
it shares one machine with the client. Processor time is what the server's process used for one request.
"""

import argparse
import asyncio
import os
from collections.abc import Sequence

from bench.bare_route import TAG
from bench.paced import paced
from bench.served import Process, free_port, served, serving


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench.poll")
    parser.add_argument("--rate", type=float, default=2000, help="Requests a second.")
    parser.add_argument("--seconds", type=float, default=10)
    chosen = parser.parse_args(arguments)
    print("| server | answers | asked | answered a second | p50 | p99 | processor time | load |")
    print("|---|---|---|---|---|---|---|---|")
    port = free_port()
    with served() as api, serving(["bench.bare_route", str(port)], port, {}) as bare:
        path, key = f"/v1/jobs/{api.ids['job_id']}", f"Authorization: Bearer {api.secret}\r\n"
        for tag in (None, TAG):
            for name, server in (("bare route", bare), ("`likeness api`", api.api)):
                condition = "" if tag is None else f"If-None-Match: {tag}\r\n"
                request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{key}{condition}\r\n".encode()
                asyncio.run(paced(server.port, request, chosen.rate / 10, 1))
                print(_row(name, server, request, chosen.rate, chosen.seconds), flush=True)


def _row(name: str, server: Process, request: bytes, rate: float, seconds: float) -> str:
    before = server.cpu_seconds()
    told = asyncio.run(paced(server.port, request, rate, seconds))
    count = len(told.seconds)
    cpu = (server.cpu_seconds() - before) / count
    statuses = ", ".join(f"{number} of {status}" for status, number in sorted(told.statuses.items()))
    return (
        f"| {name} | {statuses} | {rate:g}/s | {count / told.span:.0f} | {1000 * told.quantile(0.5):.1f} ms "
        f"| {1000 * told.quantile(0.99):.1f} ms | {1000 * cpu:.2f} ms | {os.getloadavg()[0]:.1f} |"
    )


if __name__ == "__main__":
    main()
