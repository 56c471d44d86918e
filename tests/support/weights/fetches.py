"""Fetches of weights from a double of the hub, each in a process of its own: the hub's client reads its switches at
import."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from models import errors
from models.errors import LikenessError
from pipelines.profile import Source
from pipelines.weights import Lock, WeightStore
from tests.support.weights.hub_double import HubDouble, Repository

FIRST, SECOND = "a" * 40, "b" * 40
SOURCE = Source(
    repository="tests/weights",
    files=("*.json", "*/*.safetensors"),
    licence="Apache-2.0",
    licence_url="https://example.com/licence",
    download=1000,
)
FILES = {
    "README.md": b"not asked for",
    "model_index.json": b"{}",
    "unet/model.safetensors": b"u" * 100_000,
    "vae/model.safetensors": b"v" * 1_000,
    "vae/model.bin": b"not asked for either",
}
WANTED = {"model_index.json", "unet/model.safetensors", "vae/model.safetensors"}

PROGRAM = """
import json, sys
from pathlib import Path
from huggingface_hub import constants
from models.errors import LikenessError
from pipelines.profile import Source
from pipelines.weights import WeightStore
from pipelines.weights import hub
from pipelines.weights.fetch import fetch
hub.LARGE = 50_000
constants.DOWNLOAD_CHUNK_SIZE = 1_000
root, source, update = json.loads(sys.argv[1])
source["files"] = tuple(source["files"])
try:
    lock = fetch(WeightStore(Path(root)), Source(**source), update=update)
    print(json.dumps({"lock": lock.to_data()}))
except LikenessError as error:
    print(json.dumps({"error": type(error).__name__, "message": error.message, "details": error.details}))
"""


class Hub:
    """The server, and fetches from it to one store."""

    def __init__(self, server: HubDouble, folder: Path) -> None:
        self.server = server
        self.repository = server.repositories[SOURCE.repository] = Repository({FIRST: dict(FILES)})
        self.store = WeightStore(folder / "weights")
        self._home = folder / "home"

    def start(self, source: Source, *, update: bool = False, **environment: str) -> "subprocess.Popen[str]":
        arguments = json.dumps([str(self.store.root), asdict(source), update])
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, arguments],
            env=inherited
            | {"HF_ENDPOINT": self.server.endpoint, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(self._home)}
            | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def fetch(self, source: Source = SOURCE, *, update: bool = False, **environment: str) -> Lock:
        """The lock, or what the fetch raised."""
        out, err = self.start(source, update=update, **environment).communicate(timeout=60)
        assert out, err
        answer: dict[str, Any] = json.loads(out)
        if "error" in answer:
            kind: type[LikenessError] = getattr(errors, answer["error"])
            raise kind(answer["message"], **answer["details"])
        return Lock.parse(answer["lock"])

    def halves(self) -> list[Path]:
        return list(self.store.part(SOURCE).rglob("*.half"))

    def on_disk(self) -> dict[str, bytes]:
        folder = self.store.folder(SOURCE)
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
