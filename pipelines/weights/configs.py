"""Checks the JSON files beside weights: none may make a loader run code or leave the folder."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.errors import WeightsRefused

LARGEST_JSON = 64 * 1024 * 1024
"""In bytes. The largest honest ones are tokenizers, of 10 to 35 MB."""

# Keys by which diffusers and transformers find classes in files of the repository.
_CODE = frozenset(("auto_map", "custom_pipelines", "custom_pipeline", "trust_remote_code"))
# Keys whose value may name a repository of compiled kernels, `owner/name`.
_KERNELS = frozenset(
    ("attn_implementation", "_attn_implementation", "experts_implementation", "kernel_config")
)


def check_config(folder: Path, path: str) -> None:
    """Checks one JSON file (`path` is relative to `folder`). Raises WeightsRefused with the reason."""
    try:
        document = json.loads((folder / path).read_bytes())
    except (ValueError, RecursionError) as error:
        raise _refused(path, f"is not JSON ({type(error).__name__})") from None
    for key, value in _entries(document):
        # A tokenizer's vocabulary may hold such a word: there its value is a number.
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if key in _CODE and value and not is_number:
            raise _refused(path, f"asks for code of its own ({key})")
        if key in _KERNELS and "/" in json.dumps(value):
            raise _refused(path, f"asks for compiled code from elsewhere ({key})")
    # The index of a model in several files: loaders open whatever it names, wherever that is.
    shards = document.get("weight_map") if isinstance(document, dict) else None
    for shard in shards.values() if isinstance(shards, dict) else ():
        if not isinstance(shard, str) or "/" in shard or "\\" in shard:
            raise _refused(path, f"names a file that is not beside it: {str(shard)[:100]!r}")


def _entries(document: Any) -> Iterator[tuple[str, Any]]:
    """Every key and value, at any depth."""
    waiting = [document]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield from node.items()
            waiting.extend(value for value in node.values() if isinstance(value, dict | list))
        elif isinstance(node, list):
            waiting.extend(value for value in node if isinstance(value, dict | list))


def _refused(path: str, reason: str) -> WeightsRefused:
    return WeightsRefused(f"The weights are refused: {path} {reason}.", file=path)
