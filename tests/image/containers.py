"""buildah and podman as commands, where nested containers have few rights: no systemd, no network of their own, no
higher limits than the machine's."""

import json
import os
import resource
import shutil
import subprocess
from pathlib import Path
from typing import Any

COMMANDS = ("buildah", "podman", "runc", "debootstrap", "iptables")
# Podman finds these by itself.
NETWORK = ("netavark", "aardvark-dns")


class Containers:
    """Runs both commands with a configuration of its own, which it writes into `folder`."""

    def __init__(self, folder: Path) -> None:
        """Raises SystemExit if a command isn't installed."""
        if not all(shutil.which(command) for command in COMMANDS):
            packages = " ".join((*COMMANDS, *NETWORK))
            raise SystemExit(f"As root, first: apt-get install --no-install-recommends {packages}")
        configuration = folder / "containers.conf"
        limits = ", ".join(f'"{name}={_limit(kind)}"' for name, kind in _LIMITS.items())
        configuration.write_text(
            f"[containers]\ndefault_ulimits = [{limits}]\n"
            '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
        )
        self._environment = os.environ | {"CONTAINERS_CONF": str(configuration)}

    def run(self, *command: str | Path, may_fail: bool = False) -> str:
        """The command's output. Raises RuntimeError with its errors if it fails, unless it may."""
        done = subprocess.run(
            [str(word) for word in command],
            env=self._environment,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode and not may_fail:
            raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
        return done.stdout

    def inspect(self, container: str) -> dict[str, Any]:
        (found,) = json.loads(self.run("podman", "inspect", container))
        return dict(found)

    def logs(self, container: str) -> str:
        """Both streams of its output."""
        done = subprocess.run(
            ["podman", "logs", container],
            env=self._environment,
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.stdout


# The names that containers.conf has for them.
_LIMITS = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
_ENOUGH = 4096


def _limit(kind: int) -> str:
    soft, hard = resource.getrlimit(kind)
    least = min([limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY] + [_ENOUGH])
    return f"{least}:{least}"
