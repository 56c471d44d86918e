"""The installed version."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def likeness_version() -> str:
    try:
        return version("likeness-worker")
    except PackageNotFoundError:  # run from a tree that isn't installed
        return "0"
