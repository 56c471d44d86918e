"""What many event streams of one key cost the others: their calls with and without the streams, in turns.

python -m bench.streams --streams 500 1000 --rounds 4

One API process with jobs that wait, one for each stream, so that nothing happens. Another organisation's key asks
for a page of its influencers at an even pace. Each round takes the time without streams and then with them; the
ratio compares the medians over all rounds of one run.
"""

import argparse
import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from statistics import median
from typing import Any

from bench.paced import Told, paced
from bench.served import Served, asked, served

_TO_OPEN = 50


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench.streams")
    parser.add_argument("--streams", type=int, nargs="+", default=[500, 1000])
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--rate", type=float, default=20, help="The others' calls a second.")
    parser.add_argument("--seconds", type=float, default=5, help="Of each half of a round.")
    chosen = parser.parse_args(arguments)
    with served(LIKENESS_API_STREAMS="1000000") as api:
        jobs = _jobs(api, max(chosen.streams))
        _, project = asked(api.api.port, "POST", "/v1/projects", api.stranger, {"name": "Theirs"})
        path = f"/v1/projects/{project['projectId']}/influencers"
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.stranger}\r\n\r\n".encode()
        asyncio.run(_all(api, jobs, request, chosen))


async def _all(api: Served, jobs: list[str], request: bytes, chosen: Any) -> None:
    async def others() -> Told:
        return await paced(api.api.port, request, chosen.rate, chosen.seconds)

    await others()
    print("| streams | others' p50 without | with | p99 without | with | p50 with / without | load |")
    print("|---|---|---|---|---|---|---|")
    for count in chosen.streams:
        rounds: list[tuple[Told, Told]] = []
        for _ in range(chosen.rounds):
            without = await others()
            async with _streams(api, jobs[:count]):
                rounds.append((without, await others()))
            await asyncio.sleep(1)
        _print(count, rounds)


def _print(count: int, rounds: list[tuple[Told, Told]]) -> None:
    half = [median(each[side].quantile(0.5) for each in rounds) for side in (0, 1)]
    most = [median(each[side].quantile(0.99) for each in rounds) for side in (0, 1)]
    told = " | ".join(f"{1000 * seconds:.1f} ms" for seconds in (*half, *most))
    print(f"| {count} | {told} | {half[1] / half[0]:.2f} | {os.getloadavg()[0]:.1f} |", flush=True)


def _jobs(api: Served, count: int) -> list[str]:
    path = f"/v1/influencers/{api.ids['influencer_id']}/clone"
    return [asked(api.api.port, "POST", path, api.secret, {"name": "Maya"})[1]["jobId"] for _ in range(count)]


@asynccontextmanager
async def _streams(api: Served, jobs: list[str]) -> AsyncIterator[None]:
    """Open until the block ends; each has had its first event by its beginning."""
    async with AsyncExitStack() as opened:
        for start in range(0, len(jobs), _TO_OPEN):
            await asyncio.gather(
                *(opened.enter_async_context(_stream(api, job)) for job in jobs[start : start + _TO_OPEN])
            )
        yield


@asynccontextmanager
async def _stream(api: Served, job_id: str) -> AsyncIterator[None]:
    reader, writer = await asyncio.open_connection("127.0.0.1", api.api.port)
    head = f"GET /v1/jobs/{job_id}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.secret}\r\n\r\n"
    writer.write(head.encode())
    line = await reader.readuntil(b"id: ")
    if b" 200 " not in line.partition(b"\r\n")[0]:
        raise SystemExit(f"A stream was refused: {json.dumps(line.decode()[:200])}")
    drained = asyncio.create_task(reader.read(-1))
    try:
        yield
    finally:
        drained.cancel()
        writer.close()


if __name__ == "__main__":
    main()
