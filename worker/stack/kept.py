"""What a stack's folder keeps from run to run: ports, keys and secrets, in files that are their owner's alone."""

import json
import shlex
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from secrets import token_bytes, token_hex

_NAME = "stack.json"


def _secret() -> str:
    return f"whsec_{b64encode(token_bytes(32)).decode()}"


@dataclass(slots=True)
class KeptValues:
    """A stack's ports, S3 keys and webhook secrets. Ports are null until they were chosen."""

    redis_port: int | None = None
    s3_port: int | None = None
    s3_access_key_id: str = field(default_factory=lambda: token_hex(10), repr=False)
    s3_secret_access_key: str = field(default_factory=lambda: token_hex(20), repr=False)
    webhook_secret: str = field(default_factory=_secret, repr=False)
    webhook_master_key: str = field(default_factory=lambda: token_hex(32), repr=False)

    @classmethod
    def of(cls, folder: Path) -> "KeptValues":
        """Reads the folder's values. Those that it doesn't have are new."""
        found = {}
        with suppress(OSError, ValueError):
            found = json.loads((folder / _NAME).read_text())
        known = (
            {name: found[name] for name in cls.__slots__ if name in found} if isinstance(found, dict) else {}
        )
        # Folders of an earlier version have it in a file of its own.
        with suppress(OSError):
            known.setdefault("webhook_master_key", (folder / "webhook-master-key").read_text())
        return cls(**known)

    def keep(self, folder: Path) -> None:
        write_private(folder / _NAME, json.dumps(asdict(self), indent=2) + "\n")


def write_environment(file: Path, environment: Mapping[str, str]) -> None:
    """Writes variables to a file that shells can source."""
    write_private(
        file, "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    )


def write_private(file: Path, text: str) -> None:
    """Writes a file that only its owner can read. A reader finds the old one or the new one, and no half."""
    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    part.touch(0o600)
    part.write_text(text)
    part.replace(file)
