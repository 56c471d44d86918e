"""A leash: runs a server for as long as the process that asked for it lives, however that process dies.

    python -I -S leash.py SERVER [ARGUMENT…]

The asking process holds the other end of this one's standard input and never writes to it. When it ends,
even by SIGKILL, the kernel closes that end; the leash reads end-of-file and ends the server. Linux's
PR_SET_PDEATHSIG would make this process unnecessary, but it fires when the *thread* that forked ends, must be set
between fork and exec, where a process with threads can deadlock, and doesn't exist on macOS.

Two limits: a process that is forked from the asking one without an exec also holds that end, so the server ends
only after both; and a leash that is itself killed by SIGKILL leaves its server to `LeashedChild.stop`.

This file is run by its path, isolated from the installation, so that it starts in a few milliseconds:
it imports the standard library only.
"""

import os
import subprocess
import sys
import threading

GRACE = 5.0
"""Seconds between asking the server to end (SIGTERM) and killing it."""


def main() -> int:
    """Run the server and return its exit status, as a shell would give it."""
    server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)  # noqa: S603 - our own command
    threading.Thread(target=_end_with_the_asking_process, args=(server,), daemon=True).start()
    status = server.wait()
    return status if status >= 0 else 128 - status


def _end_with_the_asking_process(server: subprocess.Popen[bytes]) -> None:
    # os.read rather than sys.stdin, whose buffered reader could still hold its lock when the interpreter ends.
    while os.read(0, 4096):
        pass
    server.terminate()
    try:
        server.wait(GRACE)
    except subprocess.TimeoutExpired:
        server.kill()


if __name__ == "__main__":
    sys.exit(main())
