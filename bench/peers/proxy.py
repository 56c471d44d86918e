"""A TCP proxy that is as far away as a store in the cloud: python -m bench.peers.proxy PORT TARGET SECONDS

Everything that the server sends arrives so many seconds later; bandwidth is as it was.
"""

import asyncio
import sys
from contextlib import suppress

_CHUNK = 1 << 18


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _delay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def deliver() -> None:
        with suppress(OSError):
            while True:
                due, data = await held.get()
                await asyncio.sleep(max(0.0, due - loop.time()))
                if not data:
                    break
                writer.write(data)
                await writer.drain()
        writer.close()

    delivering = asyncio.create_task(deliver())
    with suppress(OSError):
        while data := await reader.read(_CHUNK):
            held.put_nowait((loop.time() + seconds, data))
    held.put_nowait((loop.time() + seconds, b""))
    await delivering


async def serve(port: int, target: int, seconds: float) -> None:
    """Runs until it is killed."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, to_there = await asyncio.open_connection("127.0.0.1", target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pass_on(reader, to_there), _delay(there, writer, seconds))

    async with await asyncio.start_server(connected, "127.0.0.1", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
